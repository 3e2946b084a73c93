"""Many people, workers and admins at once, each doing something at random: nothing breaks, and the books are right.

Whatever goes wrong here is made into a test of its own, step by step (see bookings/test_locks.py).
"""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import F
from django.utils import timezone

from bookings.models import Booking, Change, Notice, Order, SessionType, StudentLink
from meetings import upkeep
from meetings.models import Meeting
from payments.models import Payment, Refund
from payments.tasks import owe_refunds
from tests.factories import give_leave, make_code, make_link, make_session_type, make_tutor, make_user
from tests.race import race
from tests.storm import Storm, go_on

THREADS, STEPS = 8, 120
USES = 4
WAITING_OR_GIVEN_UP = {*Booking.KEPT, "expired", "declined", "cancelled"}


def deadlocks() -> int:
    """Return how many the database has broken up: those in receivers of news are only logged."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return int(cursor.fetchone()[0])


@pytest.mark.django_db(transaction=True)
def test_storm_of_everything_leaves_the_books_right(caplog: pytest.LogCaptureFixture):
    people, types = [make_user() for _ in range(5)], [make_session_type(make_tutor()) for _ in range(3)]
    types += [make_session_type(make_tutor(approves_first=True)) for _ in range(2)]
    SessionType.objects.filter(pk__in=[types[0].pk, types[3].pk]).update(first_one_free=True)
    make_code("STORM", uses_allowed=USES)
    give_leave(payer=people[1], student=people[2])
    for _number in range(3):
        make_link()
    broken_up = deadlocks()

    def live(number: int) -> None:
        storm = Storm(random.Random(number), people, types)
        for _step in range(STEPS):
            storm.step()

    assert [outcome.error for outcome in race(live, threads=THREADS)] == [None] * THREADS
    go_on(Storm(random.Random(THREADS), people, types), until=_have_happened)

    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []
    assert deadlocks() == broken_up
    owe_refunds(timestamp=0)
    for order in Order.objects.all():
        _look_through(order)
    in_time = Order.objects.filter(promo_code__code="STORM", status="paid", paid_at__lte=F("expires_at"))
    revived = Change.objects.filter(became__in=["cancelled", "expired"]).values("order")  # they keep the code that they had
    assert in_time.exclude(pk__in=revived.exclude(order=None)).count() <= USES
    assert max(Counter(StudentLink.objects.standing().values_list("payer", "student")).values()) == 1
    upkeep.make_round(timezone.now() + timedelta(minutes=5))
    _look_at_meetings()


def _have_happened() -> bool:
    """What the storm is for has come about, each at least once."""
    facts = {*Notice.objects.values_list("fact", flat=True)}
    return (
        set(Order.objects.values_list("status", flat=True)) >= {"paid", "expired", "cancelled"}
        and set(Change.objects.values_list("what", flat=True)) >= {"time", "absence", "refund"}
        and Refund.objects.exclude(booking=None).exists()
        and Order.objects.filter(promo_code__isnull=False, discount__gt=0).exclude(status="cart").exists()
        and facts >= {"paid", "moved", "cancelled", "requested", "accepted"}
    )


def _look_at_meetings() -> None:
    """Each paid session to come has a live meeting at its time; what was called off has none."""
    live = Meeting.objects.filter(status__in=["waiting", "ready"]).select_related("booking")
    assert {meeting.booking.status for meeting in live} <= {"paid", *Booking.OVER}
    assert [meeting.booking for meeting in live if meeting.time != meeting.booking.time and meeting.booking.is_paid] == []
    to_come = Booking.objects.paid().filter(during__startswith__gt=timezone.now())
    assert {booking.pk for booking in to_come} <= {meeting.booking_id for meeting in live}


def _look_through(order: Order) -> None:
    """Each payment either pays the order, once, or goes back, once; sessions stand as their order does."""
    payments = list(order.payments.all())
    kept = [payment for payment in payments if not payment.refunds.filter(booking=None).exists()]
    assert {payment.status for payment in payments} <= {Payment.Status.SUCCEEDED}
    assert all(payment.refunds.filter(booking=None).count() <= 1 for payment in payments)
    assert len(kept) == (1 if order.is_paid and order.total else 0)
    bookings = list(order.bookings.all())
    sold = [one for one in bookings if one.status != "cancelled" or one.cancelled_at is not None]
    if order.status in ("awaiting_payment", "paid", "expired"):
        assert (order.total, order.discount) == (sum(one.net.amount for one in sold), sum(one.discount for one in sold))
    states = {booking.status for booking in bookings}
    gone = [booking for booking in bookings if order.is_paid and booking.status == "expired"]
    assert states <= (
        {"paid", "cancelled", *Booking.OVER, *(one.status for one in gone)} if order.is_paid else WAITING_OR_GIVEN_UP
    )
    assert [booking.refund for booking in gone] == [booking.net.amount for booking in gone]
    due = {(booking, booking.refund) for booking in bookings if booking.refund}
    back = Refund.objects.filter(payment__order=order).exclude(booking=None)
    assert {(refund.booking, refund.amount) for refund in back} == due
    assert not due or {refund.payment for refund in back} == set(kept)
