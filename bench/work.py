"""The kinds of work a client can do: one piece each, in autocommit as the site's jobs do it."""

from __future__ import annotations

from collections.abc import Callable
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
    """`once` does one piece, given a key, and says what came of it. Raises Refused."""

    once: Callable[[int], str]

    def prepare(self) -> None:
        """Have a connection, so that opening one is not measured."""
        connection.ensure_connection()


def _assign_by_verb(meeting: int) -> str:
    try:
        pool.assign_link(Meeting(pk=meeting))
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
    VERB: Work(_assign_by_verb),
    FUNCTION: Work(_assign_by_function),
    PLAIN: Work(_update_plain_row),
    BEFORE: Work(_assign_as_before),
}
