"""Orders that are paid late, and what became of them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from django.utils import timezone

from bookings.holds import place_hold
from bookings.models import Booking, Order, SessionType, User
from bookings.orders import expire_unpaid, place_order
from payments.models import Payment, Refund
from payments.settlement import record_payment_succeeded
from tests.factories import make_booking, make_payment, tomorrow
from tests.payments.test_settlement import report_of

Status = Booking.Status
HOURS = (9, 11, 13)


def order_of(maths: SessionType, sam: User, hours: Sequence[int] = HOURS) -> Order:
    """An order of one session at each of these hours of tomorrow."""
    for hour in hours:
        cart = place_hold(maths, starts_at=tomorrow(hour), student=sam).order
    return place_order(cart)


def let_it_expire(order: Order) -> None:
    past = timezone.now() - timedelta(seconds=1)
    Order.objects.filter(pk=order.pk).update(expires_at=past)
    order.bookings.filter(status__in=Booking.KEPT).update(held_until=past)
    expire_unpaid(now=timezone.now())
    order.refresh_from_db()


def sell(booking: Booking, student: User) -> Booking:
    """Somebody else has booked and paid that time meanwhile."""
    return make_booking(student, booking.tutor, during=booking.time, status=Status.PAID)


def pay(order: Order, *, at: datetime | None = None) -> Payment:
    """The gateway says that the order was paid, just now or at that time."""
    order.refresh_from_db()
    payment = make_payment(order)
    report = replace(report_of(payment), external_id=payment.reference, paid_at=at)
    assert record_payment_succeeded(payment, report) is True
    return payment


def states(order: Order) -> list[tuple[str, int | None]]:
    """The state of each session, and what of it goes back."""
    return list(order.bookings.order_by("during").values_list("status", "refund"))


def back(order: Order) -> list[tuple[str, int, str | None]]:
    """What goes back: why, how much, and for which session."""
    refunds = Refund.objects.filter(payment__order=order).order_by("pk")
    return list(refunds.values_list("reason", "amount", "booking__reference"))
