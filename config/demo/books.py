"""The books of the demo: earnings in every state, a payout that was paid, and money that went back."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from bookings.models import Booking, User
from bookings.policies import part_of
from config.demo.people import Cast
from config.demo.sessions import make_past_session
from meetings.models import Meeting, MeetingLink
from payments.earnings import settle_all_earnings
from payments.models import Payout, Refund
from payments.payouts import day_begins_at, make_payouts, mark_payouts_paid
from payments.receipt_numbers import number_receipts

NOTE = "BCA 8820-0147"  # a bank's number reads the same in every language


def make_books(cast: Cast, links: list[MeetingLink]) -> None:
    """Make older sessions that were paid out, and one called off late and half paid back; once."""
    if Payout.objects.filter(tutor=cast.maths).exists():
        return
    lesson = cast.maths.session_types.get(slug="maths-lesson")
    for days_ago in (40, 33):
        make_past_session(cast, lesson, link=links[0], days_ago=days_ago)
    _call_off_late(make_past_session(cast, lesson, link=links[0], days_ago=16))
    settle()
    admin = User.objects.filter(is_superuser=True).order_by("pk").first()
    if admin is not None:
        until = day_begins_at(timezone.localdate() - timedelta(days=20))
        mark_payouts_paid(make_payouts(until=until, who=admin), who=admin, note=NOTE)


def settle() -> None:
    """Number the receipts and settle the accounts now, as the rounds would within minutes."""
    number_receipts()
    settle_all_earnings()


def _call_off_late(booking: Booking) -> None:
    back, at = part_of(booking.net, 50), booking.starts_at - timedelta(hours=3)
    booking.status, booking.refund, booking.cancelled_at = Booking.Status.CANCELLED, back.amount, at
    booking.cancelled_by = booking.student
    booking.save(update_fields=["status", "refund", "cancelled_at", "cancelled_by"])
    Meeting.objects.filter(booking=booking).update(status=Meeting.Status.CANCELLED, reserved=None, link=None)
    payment = booking.order.payments.get()
    Refund.objects.create(
        payment=payment,
        booking=booking,
        amount=back.amount,
        reason=Refund.Reason.CANCELLED,
        status=Refund.Status.SUCCEEDED,
        external_id=f"demo-{booking.reference}",
        next_attempt_at=None,
        submitted_at=at,
        finished_at=at,
    )
