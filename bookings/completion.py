"""Sessions that are over close by themselves, whoever looks on."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from bookings.history import record_booking_change
from bookings.models import Booking

log = logging.getLogger("linkpool.bookings")
BATCH, BATCHES = 200, 25


def complete_over(*, now: datetime) -> int:
    """Complete paid sessions whose door has closed. Returns how many; what is left is done in the next minute.

    Each batch is one transaction. Safe in two workers at once: rows that another one works on are skipped.
    """
    done = 0
    for _number in range(BATCHES):
        completed = _complete_batch(now)
        done += completed
        if completed < BATCH:
            break
    return done


@transaction.atomic
def _complete_batch(now: datetime) -> int:
    closed_by = now - timedelta(minutes=settings.JOIN_CLOSES_MINUTES)
    over = Booking.objects.paid().filter(during__endswith__lte=closed_by).order_by("during__endswith", "pk")
    bookings = list(over.select_for_update(skip_locked=True)[:BATCH])
    for booking in bookings:
        booking.mark_completed()
        booking.save(update_fields=["status"])
        record_booking_change(booking, what="status", was=Booking.Status.PAID, became=booking.status)
    if bookings:
        log.info("sessions completed", extra={"count": len(bookings)})
    return len(bookings)
