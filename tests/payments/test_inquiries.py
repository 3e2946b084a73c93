from datetime import timedelta
from typing import Any

import pytest
import responses
import time_machine
from django.utils import timezone

from bookings.models import Order, User
from payments.inquiries import ask_gateway, ask_gateway_now, check_payment, enqueue_due_checks, next_check, watch_refunds
from payments.models import Payment
from tests.conftest import Drain
from tests.factories import make_payment
from tests.payments import midtrans
from tests.race import race

Status = Payment.Status


@pytest.fixture
def due(payment: Payment) -> Payment:
    """The attempt, due to be asked about."""
    Payment.objects.filter(pk=payment.pk).update(next_check_at=timezone.now())
    payment.refresh_from_db()
    return payment


def test_payment_whose_message_was_lost_is_found(due: Payment, vendor: responses.RequestsMock, drain: Drain):
    midtrans.serve_status(vendor, due)
    assert enqueue_due_checks(now=timezone.now()) == 1
    assert drain()[0] == ("payments.check_payment", "succeeded")
    due.refresh_from_db()
    assert (due.status, due.order.status, due.checks) == (Status.SUCCEEDED, Order.Status.PAID, 1)


@pytest.mark.django_db(transaction=True)
def test_two_workers_share_what_is_due(due: Payment):
    for _attempt in range(5):
        make_payment(due.order, next_check_at=timezone.now())
    now = timezone.now()
    outcomes = race(lambda _number: enqueue_due_checks(now=now), threads=4)
    assert [outcome.error for outcome in outcomes] == [None] * 4
    assert sum(outcome.value for outcome in outcomes) == 6


@pytest.mark.defect("CE-29")
def test_page_never_used_is_over_soon_after_its_end(due: Payment, vendor: responses.RequestsMock):
    midtrans.serve_not_begun(vendor, due)
    ask_gateway(due)
    due.refresh_from_db()
    assert due.status == Status.PENDING

    with time_machine.travel(due.expires_at + timedelta(minutes=3)):
        ask_gateway(due)
        due.refresh_from_db()
        assert (due.status, next_check(due, timezone.now())) == (Status.EXPIRED, due.expires_at + timedelta(days=1))


@pytest.mark.defect("CE-07")
def test_page_is_asked_about_to_its_end_though_one_try_on_it_ran_out(
    due: Payment, vendor: responses.RequestsMock, drain: Drain
):
    midtrans.serve_status(vendor, due, "expire", transaction_id=midtrans.OTHER_TRANSACTION)
    ask_gateway(due)
    due.refresh_from_db()
    assert due.status == Status.EXPIRED

    midtrans.serve_status(vendor, due)  # paid by another transaction, and the message of it is lost
    with time_machine.travel(due.expires_at - timedelta(minutes=5)):
        enqueue_due_checks(now=timezone.now())
        drain()

    due.refresh_from_db()
    assert (due.status, due.order.status) == (Status.SUCCEEDED, Order.Status.PAID)


@pytest.mark.parametrize("status", [Status.EXPIRED, Status.FAILED])
def test_attempt_that_came_to_nothing_is_asked_about_after_its_end_and_a_day_later_and_then_no_more(
    due: Payment, status: str
):
    due.status = status
    assert next_check(due, due.expires_at - timedelta(minutes=1)) == due.expires_at + timedelta(minutes=2)
    assert next_check(due, due.expires_at + timedelta(minutes=3)) == due.expires_at + timedelta(days=1)
    assert next_check(due, due.expires_at + timedelta(days=1)) is None


def test_attempt_that_the_gateway_holds_for_a_look_is_asked_about_for_two_weeks(due: Payment):
    due.status = Status.NEEDS_REVIEW
    day = due.expires_at + timedelta(days=1)
    assert next_check(due, day) == day + timedelta(hours=6)
    assert next_check(due, day + timedelta(days=14)) is None


def test_money_that_is_here_is_looked_at_four_times_more(payment: Payment):
    paid_at = timezone.now()
    payment.mark_succeeded(at=paid_at, received=payment.money)
    looks, at = [], payment.next_check_at
    while at is not None:
        looks.append(round((at - paid_at) / timedelta(minutes=1)))
        at = next_check(payment, at)
    assert looks == [10, 24 * 60, 7 * 24 * 60, 30 * 24 * 60]


def test_payment_with_a_refund_under_way_is_asked_about_until_it_is_known_and_watched_after(payment: Payment):
    now = timezone.now()
    long_ago = now - timedelta(days=200)
    payment.mark_succeeded(at=long_ago, received=payment.money)
    payment.save()
    assert next_check(payment, now) is None
    refund = payment.refunds.create(amount=1, reason="other", status="submitted", submitted_at=now)
    Payment.objects.update(next_check_at=None)

    assert (watch_refunds(now=now), watch_refunds(now=now)) == (1, 0)
    payment.refresh_from_db()
    assert payment.next_check_at is not None
    assert payment.next_check_at - now < timedelta(minutes=6)
    assert next_check(payment, now + timedelta(hours=3)) == now + timedelta(hours=6)

    refund.mark_sent(at=now, note="")
    refund.save()
    assert next_check(payment, now + timedelta(hours=3)) == now + timedelta(days=1)  # it may yet fail


def test_payment_with_an_open_dispute_is_asked_about_every_day(payment: Payment):
    now = timezone.now()
    payment.mark_succeeded(at=now - timedelta(days=200), received=payment.money)
    dispute = payment.disputes.create(external_id="dp_1", amount=1, currency="IDR", opened_at=now)
    assert next_check(payment, now) == now + timedelta(days=1)
    dispute.status, dispute.closed_at = "lost", now
    dispute.save()
    assert next_check(payment, now) is None


def test_answer_that_is_missing_at_the_last_question_is_asked_for_again(payment: Payment, vendor: responses.RequestsMock):
    now = timezone.now()
    payment.mark_succeeded(at=now - timedelta(days=30), received=payment.money)
    payment.save()
    Payment.objects.update(next_check_at=None)  # the round has counted the last look
    vendor.get(midtrans.status_url(payment.reference), status=503, body="busy")
    check_payment(payment)
    payment.refresh_from_db()
    assert payment.next_check_at is not None
    assert payment.next_check_at - now < timedelta(hours=2)
    with time_machine.travel(now + timedelta(days=11)):
        Payment.objects.update(next_check_at=None)
        check_payment(payment)
    payment.refresh_from_db()
    assert payment.next_check_at is None


def test_gateway_that_is_silent_three_times_in_a_row_is_left_alone_for_a_minute(
    due: Payment, vendor: responses.RequestsMock
):
    vendor.get(midtrans.status_url(due.reference), status=503, body="busy")
    for _round in range(5):
        check_payment(due)
    assert len(vendor.calls) == 3
    due.refresh_from_db()
    assert due.next_check_at is not None
    assert due.next_check_at <= timezone.now() + timedelta(minutes=2)
    with time_machine.travel(timezone.now() + timedelta(minutes=2)):
        check_payment(due)
    assert len(vendor.calls) == 4


def test_try_begun_on_a_page_that_was_given_up_is_asked_about_again(payment: Payment, vendor: responses.RequestsMock):
    Payment.objects.filter(pk=payment.pk).update(status=Status.EXPIRED, next_check_at=None)
    midtrans.serve_status(vendor, payment, "pending")
    ask_gateway(payment)
    payment.refresh_from_db()
    assert payment.status == Status.PENDING
    assert payment.next_check_at is not None


def test_payment_begun_in_time_gets_a_day_to_arrive(due: Payment, vendor: responses.RequestsMock):
    midtrans.serve_status(vendor, due, "pending")
    with time_machine.travel(due.expires_at + timedelta(hours=3)):
        ask_gateway(due)
    due.refresh_from_db()
    assert due.status == Status.PENDING
    with time_machine.travel(due.expires_at + timedelta(hours=25)):
        ask_gateway(due)
    due.refresh_from_db()
    assert due.status == Status.EXPIRED


def test_gateway_is_asked_ever_more_rarely_and_just_after_the_end(payment: Payment):
    now, made, end = timezone.now(), payment.created_at, payment.expires_at
    assert next_check(payment, now) == now + timedelta(minutes=2)
    assert next_check(payment, made + timedelta(minutes=8)) == made + timedelta(minutes=16)
    assert next_check(payment, end - timedelta(minutes=1)) == end + timedelta(minutes=2)
    assert next_check(payment, end + timedelta(hours=5)) == end + timedelta(hours=5, minutes=30)
    assert next_check(payment, end + timedelta(hours=25)) is None


def test_gateway_in_trouble_is_asked_again_later(due: Payment, vendor: responses.RequestsMock, drain: Drain):
    vendor.get(midtrans.status_url(due.reference), status=503, body="busy")
    enqueue_due_checks(now=timezone.now())
    assert drain() == [("payments.check_payment", "succeeded")]
    due.refresh_from_db()
    assert due.status == Status.PENDING
    assert due.next_check_at is not None
    assert due.next_check_at > timezone.now()


def test_gateway_silent_for_a_day_leaves_the_payment_to_a_person(
    due: Payment, root: User, vendor: responses.RequestsMock, drain: Drain, mailoutbox: list[Any]
):
    vendor.get(midtrans.status_url(due.reference), status=503, body="busy")
    with time_machine.travel(due.expires_at + timedelta(days=2)):
        check_payment(due)
        drain()
    due.refresh_from_db()
    assert due.status == Status.NEEDS_REVIEW
    assert len(mailoutbox) == 1


def test_gateway_that_was_taken_out_of_the_settings_is_a_silent_one(due: Payment, settings: Any):
    settings.PAYMENT_GATEWAYS = {}
    check_payment(due)
    due.refresh_from_db()
    assert due.status == Status.PENDING


def test_person_before_the_page_asks_at_most_every_five_seconds(payment: Payment, vendor: responses.RequestsMock):
    midtrans.serve_status(vendor, payment, "pending")
    assert [ask_gateway_now(payment) for _press in range(3)] == [True, False, False]
    assert len(vendor.calls) == 1
    with time_machine.travel(timezone.now() + timedelta(seconds=6)):
        assert ask_gateway_now(payment) is True
