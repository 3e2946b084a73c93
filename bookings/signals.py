"""The only signals of the site: news (past tense, after commit) and questions (-ing, inside the transaction).

News is a hint, the row is the truth: whatever a receiver does, a periodic job can find and do as well.
"""

from __future__ import annotations

import logging
from typing import Any

from django.db import transaction
from django.dispatch import Signal

log = logging.getLogger("linkpool.signals")

booking_paid = Signal()  # booking
booking_moved = Signal()  # booking
booking_cancelled = Signal()  # booking
refund_due = Signal()  # order, amount (Money), reason, booking

# session_type, during, student, leaving_out (a Booking that gives its own time up, or None): a receiver refuses by
# raising a DomainError. Slots that are kept together are asked for in the order of time.
holding_slot = Signal()
accepting_booking = Signal()  # booking: likewise
cancelling_begun = Signal()  # booking, by its student or payer while it runs: likewise
# tutors (keys), within (During), now, leaving_out: a receiver answers with the spans of time, by the key of the tutor,
# that no session may touch. It asks the database once, however many tutors they are.
hiding_times = Signal()


def send_after_commit(signal: Signal, sender: type, **news: Any) -> None:
    """Send news once the change is committed; trouble in a receiver is logged and goes no further."""

    def send() -> None:  # not a partial: Django logs the name of what failed, and a partial has none
        _send(signal, sender, news)

    transaction.on_commit(send, robust=True)


def _send(signal: Signal, sender: type, news: dict[str, Any]) -> None:
    for receiver, answer in signal.send_robust(sender, **news):
        if isinstance(answer, Exception):
            log.error("receiver failed", extra={"receiver": getattr(receiver, "__name__", "?")}, exc_info=answer)
