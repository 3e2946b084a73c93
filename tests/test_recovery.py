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
from payments.gateways.sandbox_ledger import Answer, Ledger
from payments.late_money import settle_order
from payments.models import Earning, Payment, Refund
from payments.proofs import prove_books
from tests.conftest import Drain
from tests.factories import make_link, make_payment, make_session_type, tomorrow

ROUNDS = [
    bookings.tasks.expire_unpaid,
    bookings.tasks.mail_unfinished,
    bookings.tasks.remind,
    bookings.tasks.complete_sessions,
    payments.tasks.apply_due_events,
    payments.tasks.check_due_payments,
    payments.tasks.close_superseded,
    payments.tasks.owe_refunds,
    payments.tasks.send_due_refunds,
    payments.tasks.number_receipts,
    payments.tasks.settle_all_earnings,
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


@pytest.mark.django_db  # nothing is committed in here, so no news arrives
@pytest.mark.defect("TB-27", "IT-20")
def test_money_finds_its_end_without_its_jobs(ada: Tutor, sam: User, drain: Drain):
    """A session paid twice and called off, all jobs lost after each step: closed, sent back, numbered and earned."""
    hold = place_hold(make_session_type(ada), starts_at=tomorrow(12, days=5), student=sam)
    order = place_order(hold.order)
    open_one, paid, second = (make_payment(order, gateway="sandbox", checkout_url="https://pay.test") for _ in range(3))
    Payment.objects.update(next_check_at=timezone.now())
    for payment in (paid, second):
        Ledger(payment.reference).write(Answer.PAID, payment.money)
    lose_all_jobs()
    make_rounds_and_jobs(drain, minutes=1)
    cancel_booking(Booking.objects.get(pk=hold.pk), who=sam, seen=hold.money)
    lose_all_jobs()
    for minutes in (3, 6, 9):
        make_rounds_and_jobs(drain, minutes=minutes)
        lose_all_jobs()

    open_one.refresh_from_db()
    assert (open_one.status, open_one.closed_at is not None, open_one.next_close_at) == ("expired", True, None)
    refunds = Refund.objects.order_by("reason").values_list("reason", "amount", "status")
    assert list(refunds) == [(reason, hold.price, "succeeded") for reason in ("cancelled", "twice")]
    sent = [entry["amount"] for one in (paid, second) for entry in Ledger(one.reference).refunds()]
    assert sent == [hold.price, hold.price]
    assert Payment.objects.exclude(receipt_number=None).count() == Refund.objects.exclude(receipt_number=None).count() == 2
    assert sum(line.gross for line in Earning.objects.all()) == 0
    assert prove_books(before=timezone.now() + timedelta(hours=1)) == []


def make_rounds_and_jobs(drain: Drain, *, minutes: int) -> None:
    with time_machine.travel(timezone.now() + timedelta(minutes=minutes)):
        make_rounds()
        drain(limit=200)
