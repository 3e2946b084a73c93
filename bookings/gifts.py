"""Sessions that an admin gives away: recorded with who gave it and why, under the same rules of time as any other.

Lock order: the new Order → stale holds of others → student → Tutor → writes (see holds.py).
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from bookings.errors import InvalidInput, StudentBusy
from bookings.history import record_order_change
from bookings.holds import Wanted, keep_times
from bookings.models import Booking, Order, SessionType, User
from bookings.orders import mark_order_paid

log = logging.getLogger("linkpool.gifts")

LONGEST_REASON = 500


@transaction.atomic
def give_session(session_type: SessionType, *, starts_at: datetime, student: User, who: User, why: str) -> Booking:
    """Book a session for a student without payment, as an admin's gift (DESIGN 3.7). Everybody is told as of any other.

    The order costs nothing: its discount is the whole price. The tutor is not asked first. Raises InvalidInput without
    a reason, SlotTaken, StudentBusy, SlotNotOffered, OwnSession.
    """
    why = _read_reason(why)
    now, wanted = timezone.now(), Wanted(session_type, starts_at)
    deadline = min(now + timedelta(minutes=settings.PAYMENT_MINUTES), starts_at)
    order = Order.objects.create(
        payer=student,
        status=Order.Status.AWAITING_PAYMENT,
        currency=session_type.currency,
        discount=session_type.price,
        gifted_by=who,
        placed_at=now,
        expires_at=deadline,
    )
    try:
        [booking] = keep_times(order, [wanted], student=student, held_until=deadline, discount=session_type.price)
    except StudentBusy:
        raise StudentBusy(_("The student has another session at that time.")) from None
    record_order_change(order, what="gift", became=session_type.name, who=who, why=why)
    mark_order_paid(order, who=who, why=why)
    log.info("session given", extra={"order": order.reference, "booking": booking.reference})
    booking.refresh_from_db()
    return booking


def _read_reason(why: str) -> str:
    why = why.strip()
    if not why or len(why) > LONGEST_REASON or "\0" in why:
        raise InvalidInput(
            _("Please say in at most %(most)d characters why this session is a gift.") % {"most": LONGEST_REASON}
        )
    return why
