"""A session is called off: what that means, told before it is done, and the deed itself.

Lock order: Order → its Bookings by key → writes (see holds.py).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from bookings import terms
from bookings.access import side_of
from bookings.errors import DomainError, NotCancellable, NotFound, ReasonMissing, TermsChanged
from bookings.history import record_booking_change
from bookings.models import Booking, Notice, Order, User
from bookings.money import Money
from bookings.notices import parties_of, tell
from bookings.orders import release_order
from bookings.policies import Rule, Share, Side, part_of, share_back
from bookings.signals import booking_cancelled, cancelling_begun, refund_due, send_after_commit

log = logging.getLogger("linkpool.bookings")
Status = Booking.Status


@dataclass(frozen=True)
class Cancellation:
    """What cancelling this booking now would mean to the one who asks."""

    booking: Booking
    side: Side
    rule: Rule
    percent: int
    refusal: str = ""  # why it cannot be done, as one sentence; empty if it can
    along: Sequence[Booking] = field(default_factory=list)  # other sessions of the unpaid order, given up with it

    @property
    def may_be(self) -> bool:
        return not self.refusal

    @property
    def paid(self) -> Money:
        """What was paid for it."""
        return Money(0, self.booking.currency) if self.rule is Rule.UNPAID else self.booking.net

    @property
    def back(self) -> Money:
        """What comes back to the payer."""
        return part_of(self.paid, self.percent)

    @property
    def free_until(self) -> datetime:
        """Until then a student's cancellation costs nothing."""
        return terms.free_until(self.booking)

    @property
    def is_still_free(self) -> bool:
        return self.rule is Rule.IN_TIME

    @property
    def was_moved_late(self) -> bool:
        """True if the time would be free to cancel, had it not been moved to when that was no longer so."""
        return self.rule is Rule.LATE and timezone.now() <= terms.usual(self.booking.starts_at)

    @property
    def late_percent(self) -> int:
        """What comes back, in percent, once it is no longer free."""
        percent: int = settings.CANCEL_LATE_REFUND_PERCENT
        return percent

    @property
    def needs_reason(self) -> bool:
        return self.side is not Side.STUDENT


def preview_cancellation(booking: Booking, who: User) -> Cancellation:
    """Return what would come back, by which rule, and whether it can be done. Wants the booking `with_people`.

    Raises NotFound for strangers.
    """
    side, now = side_of(booking, who), timezone.now()
    if side is None:
        raise NotFound
    if booking.status in Booking.KEPT:
        along = _others_kept(booking)
        refusal = _why_unpaid_stays(booking, side, who=who, along=along)
        return Cancellation(booking, side, Rule.UNPAID, 0, refusal, along)
    share = _share(booking, side, now=now)
    return Cancellation(booking, side, share.rule, share.percent, _why_it_stays(booking, side, now=now))


@transaction.atomic
def cancel_booking(booking: Booking, *, who: User, seen: Money, why: str = "") -> Booking:
    """Call the session off, free its time at once, and owe the payer what comes back. A second call changes nothing.

    `seen` is what the person was told would come back: TermsChanged is raised when that is no longer so.
    An unpaid order that nothing is left of is given up with it. Raises NotFound for strangers, NotCancellable,
    ReasonMissing when a tutor or the staff do not say why.
    """
    order = Order.objects.select_for_update().get(pk=booking.order_id)
    list(order.bookings.select_for_update().order_by("pk").values_list("pk"))
    booking = Booking.objects.with_people().get(pk=booking.pk)
    asked = preview_cancellation(booking, who)
    if booking.status == Status.CANCELLED:
        return booking
    if not asked.may_be:
        raise NotCancellable(asked.refusal)
    if asked.needs_reason and not why.strip():
        raise ReasonMissing
    if seen != asked.back:
        raise TermsChanged
    for one in (booking, *asked.along):
        _call_off(one, asked, who=who, why=why.strip())
    if asked.rule is Rule.UNPAID and order.is_awaiting_payment:
        release_order(order, why=why.strip() or "cancelled", who=who)
    if not asked.back.is_zero:
        news = {"order": order, "amount": asked.back, "reason": "cancelled", "booking": booking}
        send_after_commit(refund_due, Booking, **news)
    return booking


def _call_off(booking: Booking, asked: Cancellation, *, who: User, why: str) -> None:
    was = booking.status
    booking.mark_cancelled(who=who, why=why, back=asked.back if booking.is_paid else None)
    fields = ["status", "held_until", "cancelled_at", "cancelled_by", "cancel_reason", "refund", "sequence"]
    booking.save(update_fields=fields)
    record_booking_change(booking, what="status", was=was, became=booking.status, who=who, why=why)
    # A tutor never hears of a time that was only kept while somebody paid.
    told = [booking.student, booking.order.payer] if was == Status.HELD else parties_of(booking)
    tell(Notice.Fact.CANCELLED, to=told, booking=booking, why=why)
    send_after_commit(booking_cancelled, Booking, booking=booking)
    log.info("booking cancelled", extra={"booking": booking.reference, "user": who.pk, "amount": booking.refund})


def _share(booking: Booking, side: Side, *, now: datetime) -> Share:
    if booking.net.is_zero:
        return Share(0, Rule.UNPAID)
    free_until, late = terms.free_until(booking), settings.CANCEL_LATE_REFUND_PERCENT
    return share_back(side, starts_at=booking.starts_at, free_until=free_until, now=now, late_percent=late)


def _why_it_stays(booking: Booking, side: Side, *, now: datetime) -> str:
    if booking.status == Status.CANCELLED:
        return _("This session is cancelled.")
    if booking.status in (Status.EXPIRED, Status.DECLINED):
        return _("This session was never booked, so there is nothing to cancel.")
    if not booking.is_paid or now >= booking.ends_at:
        return _("This session is over, so it can no longer be cancelled.")
    if now >= booking.starts_at and booking.changes.filter(what="absence reported").exists():
        return _("Somebody has been reported absent, so our team decides what becomes of this session.")
    return _why_begun_stays(booking) if now >= booking.starts_at and side is Side.STUDENT else ""


def _why_begun_stays(booking: Booking) -> str:
    """Ask whether its people can meet at all: who gives up what never was offered must not lose money by it."""
    try:
        cancelling_begun.send(Booking, booking=booking)
    except DomainError as refusal:
        return str(refusal.message)
    return ""


def _others_kept(booking: Booking) -> list[Booking]:
    """Return the other sessions of an unpaid order: it is paid as a whole, so it is given up as a whole."""
    others = Booking.objects.filter(order=booking.order_id, status__in=Booking.KEPT).exclude(pk=booking.pk)
    return list(others.with_people().order_by("pk"))


def _why_unpaid_stays(booking: Booking, side: Side, *, who: User, along: Sequence[Booking]) -> str:
    if booking.order.status == Order.Status.CART:
        return _("This time is only being kept in a cart. It becomes free by itself unless it is paid.")
    if not booking.is_kept:
        return _("The time to pay is over, so there is nothing to cancel any more.")
    if along and side is not Side.STAFF and who.pk != booking.order.payer_id:
        return _("This session is being paid together with others. It can be cancelled once it is paid.")
    return ""
