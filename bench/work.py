"""The kinds of work a client can do: one piece each, in autocommit as the site's jobs do it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.utils import timezone

from bench import rivals
from meetings import pool
from meetings.errors import NoLinkLeft
from meetings.models import Meeting

CALL = "SELECT * FROM meetings_assign_link(%s, %s, %s, NULL)"


class Refused(Exception):
    """There was no link for this meeting, or so it was said."""


@dataclass(frozen=True)
class Work:
    """`once` does one piece, given what `fetch` makes of a key, and says what came of it. Raises Refused."""

    once: Callable[[Any], str]
    fetch: Callable[[int], Any] = int

    def prepare(self, keys: Sequence[int]) -> list[tuple[int, Any]]:
        """Have a connection and whatever the callers of the work have at hand: neither is measured."""
        connection.ensure_connection()
        return [(key, self.fetch(key)) for key in keys]


def _meeting_at_hand(key: int) -> Meeting:
    return Meeting(pk=key)


def _assign_by_verb(meeting: Meeting) -> str:
    try:
        pool.assign_link(meeting)
    except NoLinkLeft:
        raise Refused from None
    return "assigned"


def _assign_by_function(meeting: int) -> str:
    asked: list[Any] = [meeting, pool.link_rest(), timezone.now()]
    with connection.cursor() as cursor:
        cursor.execute(CALL, asked)
        outcome = str(cursor.fetchone()[0])
    if outcome == "no_room":
        raise Refused
    return outcome


def _update_plain_row(row: int) -> str:
    rivals.update_plain_row(row)
    return "written"


def _assign_as_before(booking: int) -> str:
    link = rivals.find_link_as_before(booking)
    if link is None:
        raise Refused
    rivals.take_link_as_before(booking, link)
    return "assigned"


VERB, FUNCTION, PLAIN, BEFORE = "verb", "function", "plain", "before"
WORK = {
    VERB: Work(_assign_by_verb, fetch=_meeting_at_hand),
    FUNCTION: Work(_assign_by_function),
    PLAIN: Work(_update_plain_row),
    BEFORE: Work(_assign_as_before),
}
