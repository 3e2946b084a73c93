"""All news and all jobs are lost: the minute's rounds find everything that was left, and do it once."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
import time_machine
from django.core.mail import EmailMessage
from django.db import connection
from django.utils import timezone

import bookings.tasks
import meetings.tasks
import payments.tasks
from bookings.cancellation import cancel_booking
from bookings.holds import place_hold
from bookings.models import Booking, Notice, Order, Tutor, User
from bookings.notice_mails import STAMP
from bookings.orders import mark_order_paid, place_order
from bookings.rescheduling import move_booking
from meetings.models import Meeting
from payments.late_money import settle_order
from payments.models import Refund
from tests.conftest import Drain
from tests.factories import make_link, make_payment, make_session_type, tomorrow

ROUNDS = [
    bookings.tasks.expire_unpaid,
    bookings.tasks.mail_unfinished,
    bookings.tasks.remind,
    bookings.tasks.complete_sessions,
    payments.tasks.apply_due_events,
    payments.tasks.check_due_payments,
    payments.tasks.owe_refunds,
    meetings.tasks.provision_meetings,
]


def lose_all_jobs() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_events")
        cursor.execute("DELETE FROM procrastinate_periodic_defers")
        cursor.execute("DELETE FROM procrastinate_jobs")


def make_rounds() -> None:
    """Run what every minute runs, each as if two workers had it."""
    for task in ROUNDS:
        for _worker in range(2):
            task(timestamp=0)


@pytest.mark.django_db  # nothing is committed in here, so no news arrives
@pytest.mark.defect("TB-25", "TB-27")
def test_what_was_lost_is_found_and_done_once(ada: Tutor, sam: User, drain: Drain, mailoutbox: list[EmailMessage]):
    maths = make_session_type(ada)
    make_link()
    moved, called_off, late = (place_hold(maths, starts_at=tomorrow(12, days=day), student=sam) for day in (3, 5, 7))
    order = place_order(moved.order)
    payment = make_payment(order, status="succeeded", succeeded_at=timezone.now())
    settle_order(payment)
    make_rounds()
    assert Meeting.objects.filter(status="ready").count() == 3
    moved = move_booking(moved, starts_at=tomorrow(15, days=3), who=sam)
    cancel_booking(called_off, who=sam, seen=called_off.money)
    lose_all_jobs()

    with time_machine.travel(timezone.now() + timedelta(minutes=3)):
        make_rounds()
        drain(limit=200)
        make_rounds()
        drain(limit=200)

    assert {m.booking.pk: m.status for m in Meeting.objects.all()} == {
        moved.pk: "ready",
        called_off.pk: "cancelled",
        late.pk: "ready",
    }
    assert Meeting.objects.get(booking=moved).time == moved.time
    assert [(one.booking, one.amount) for one in Refund.objects.all()] == [(called_off, called_off.price)]
    assert not Notice.objects.filter(mailed_at=None, dropped_at=None).exists()
    told = Notice.objects.exclude(mailed_at=None).values_list("fact", "booking")
    paid_ones = [("paid", moved.pk), ("paid", late.pk)]
    assert Counter(told) == Counter([*paid_ones, ("moved", moved.pk), ("cancelled", called_off.pk)] * 2)
    mails = [mail for mail in mailoutbox if mail.extra_headers.get(STAMP)]
    assert len(mails) == len(told)


@pytest.mark.django_db
def test_orders_left_behind_are_ended_without_their_jobs(ada: Tutor, sam: User):
    hold = place_hold(make_session_type(ada), starts_at=tomorrow(days=3), student=sam)
    order = place_order(hold.order)
    lose_all_jobs()
    with time_machine.travel(timezone.now() + timedelta(minutes=31)):
        make_rounds()
    assert Order.objects.get(pk=order.pk).status == "expired"
    assert Booking.objects.get(pk=hold.pk).status == "expired"
    assert mark_order_paid(order).is_paid
