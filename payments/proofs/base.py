"""What a proof is, and what it finds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.utils.functional import Promise
from django.utils.translation import ngettext

from bookings.money import Money
from payments.earning_rule import rule_facts

SHOWN = 20


@dataclass(frozen=True)
class Finding:
    """One line for the staff: what does not add up, of which rows, and what to do."""

    proof: str
    text: str


@dataclass(frozen=True)
class Proof:
    """A statement whose every row is a fault. Its columns fill the places of the sentence.

    A whole number is an amount in minor units of the column `currency`; counts and years are cast to text. The
    statement may ask for `%(before)s`, the moment up to which everything must add up, and for `%(busy)s`, the orders to
    which something has happened since: what is half done then is not half done for long.
    """

    name: str
    sentence: str | Promise
    sql: str

    def find(self, facts: Mapping[str, Any]) -> list[Finding]:
        """Return a line for each fault, the first twenty by name, and how many more there are."""
        with connection.cursor() as cursor:
            cursor.execute(self.sql, facts)
            names = [column.name for column in cursor.description or []]
            rows = cursor.fetchall()
        found = [Finding(self.name, self._say(dict(zip(names, row, strict=True)))) for row in rows[:SHOWN]]
        more = len(rows) - SHOWN
        if more > 0:
            text = ngettext("and %(count)d more like this one", "and %(count)d more like these", more)
            found.append(Finding(self.name, text % {"count": more}))
        return found

    def _say(self, row: dict[str, Any]) -> str:
        currency = row.get("currency", "")
        facts = {name: Money(value, currency) if isinstance(value, int) else value for name, value in row.items()}
        return str(self.sentence) % facts


def gather_facts(*, before: datetime) -> dict[str, Any]:
    """Return what the statements ask for."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT COALESCE(c.order_id, b.order_id) FROM bookings_change c"
            " LEFT JOIN bookings_booking b ON b.id = c.booking_id WHERE c.at > %s",
            [before],
        )
        busy = [key for (key,) in cursor.fetchall()]
    return {**rule_facts(), "before": before, "busy": busy}
