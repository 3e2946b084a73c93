from collections.abc import Callable
from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest
from django.utils import timezone

from bookings.models import Booking, Change, Order, Tutor, User
from bookings.money import Money
from bookings.orders import mark_order_paid
from payments.gateways.base import Outcome, PaymentReport
from payments.models import Payment, Refund
from payments.settlement import (
    record_payment_expired,
    record_payment_failed,
    record_payment_pending,
    record_payment_succeeded,
    record_payment_under_review,
    record_report,
)
from tests.conftest import Drain
from tests.factories import make_booking, make_order, make_payment
from tests.payments import midtrans

Status = Payment.Status
Captured = Callable[..., Any]


def report_of(payment: Payment, outcome: Outcome = Outcome.PAID, **changes: Any) -> PaymentReport:
    report = PaymentReport(
        reference=payment.reference,
        outcome=outcome,
        status=outcome.value,
        external_id=midtrans.TRANSACTION,
        money=payment.money,
        method="bank_transfer",
        detail=outcome.value,
    )
    return replace(report, **changes)


def test_paid_attempt_pays_its_order_and_tells_once(
    payment: Payment, news: list[str], django_capture_on_commit_callbacks: Captured
):
    with django_capture_on_commit_callbacks(execute=True):
        assert record_payment_succeeded(payment, report_of(payment)) is True
        assert record_payment_succeeded(payment, report_of(payment)) is False

    payment.refresh_from_db()
    order, [booking] = payment.order, payment.order.bookings.all()
    assert (payment.status, order.status, booking.status) == (Status.SUCCEEDED, Order.Status.PAID, Booking.Status.PAID)
    assert (payment.external_id, payment.method, payment.received) == (midtrans.TRANSACTION, "bank_transfer", payment.money)
    assert payment.next_check_at is not None  # a reversal may come of which no message tells
    assert news == [booking.reference]
    assert not payment.refunds.exists()


@pytest.mark.defect("CE-05")
@pytest.mark.parametrize(
    ("changes", "note"),
    [
        ({"money": Money(1, "IDR")}, "We asked for Rp150,000, but the gateway took Rp1."),
        ({"money": Money(155_000, "IDR")}, "We asked for Rp150,000, but the gateway took Rp155,000."),
        ({"money": Money(150_000, "USD")}, "We asked for Rp150,000, but the gateway took $1,500.00."),
        ({"money": None}, "The amount that the gateway took cannot be read."),
        ({"reference": "PAY-OTHERORDER-1"}, "The gateway names another payment (PAY-OTHERORDER-1)."),
    ],
    ids=["too little", "too much", "another currency", "unreadable", "another order"],
)
def test_money_that_does_not_fit_is_kept_for_a_person_and_confirms_nothing(
    payment: Payment, root: User, drain: Drain, mailoutbox: list[Any], changes: dict[str, Any], note: str
):
    report = report_of(payment, **changes)
    assert record_payment_succeeded(payment, report) is True
    assert record_payment_succeeded(payment, report) is False

    payment.refresh_from_db()
    assert (payment.status, payment.note, payment.received) == (Status.NEEDS_REVIEW, note, report.money)
    assert payment.order.status == Order.Status.AWAITING_PAYMENT
    assert payment.order.bookings.get().status == Booking.Status.HELD
    drain()
    [mail] = mailoutbox
    assert mail.to == ["root@example.com"]
    assert note in mail.body
    assert f"/admin/payments/payment/{payment.pk}/change/" in mail.body


def test_money_of_another_payments_transaction_is_looked_at(payment: Payment, kim: User, ada: Tutor):
    record_payment_succeeded(payment, report_of(payment))
    other = make_payment(make_order(kim))
    record_payment_succeeded(other, report_of(other))
    other.refresh_from_db()
    assert (other.status, payment.reference in other.note) == (Status.NEEDS_REVIEW, True)


@pytest.mark.defect("CE-07")
def test_refused_try_fails_the_attempt_only_and_a_later_one_still_pays(payment: Payment):
    refused = report_of(payment, Outcome.FAILED, external_id=midtrans.OTHER_TRANSACTION)
    assert record_payment_failed(payment, refused) is True
    assert record_payment_failed(payment, refused) is False
    payment.refresh_from_db()
    assert (payment.status, payment.order.status) == (Status.FAILED, Order.Status.AWAITING_PAYMENT)
    assert payment.order.bookings.get().status == Booking.Status.HELD

    record_payment_succeeded(payment, report_of(payment))
    payment.refresh_from_db()
    assert (payment.status, payment.order.status, payment.note) == (Status.SUCCEEDED, Order.Status.PAID, "")


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.EXPIRED, Outcome.CANCELLED])
def test_new_try_after_one_that_ended_opens_the_attempt_again(payment: Payment, outcome: Outcome):
    record_report(payment, report_of(payment, outcome))
    assert record_payment_pending(payment, report_of(payment, Outcome.PENDING)) is False  # the ended one, told late
    again = report_of(payment, Outcome.PENDING, external_id=midtrans.OTHER_TRANSACTION)
    assert record_payment_pending(payment, again) is True
    payment.refresh_from_db()
    assert (payment.status, payment.external_id) == (Status.PENDING, midtrans.OTHER_TRANSACTION)


@pytest.mark.defect("CE-22")
@pytest.mark.parametrize(
    "outcome", [Outcome.EXPIRED, Outcome.CANCELLED, Outcome.FAILED, Outcome.PENDING, Outcome.REVIEW, Outcome.UNKNOWN]
)
def test_nothing_later_undoes_a_success(payment: Payment, outcome: Outcome):
    record_payment_succeeded(payment, report_of(payment))
    later = report_of(payment, outcome, external_id=midtrans.OTHER_TRANSACTION)

    assert record_report(payment, later) is False

    payment.refresh_from_db()
    assert (payment.status, payment.order.status, payment.external_id) == (
        Status.SUCCEEDED,
        Order.Status.PAID,
        midtrans.TRANSACTION,
    )


def test_expiry_told_after_the_settlement_is_ignored(payment: Payment):
    record_payment_succeeded(payment, report_of(payment))
    assert record_payment_expired(payment, report_of(payment, Outcome.EXPIRED)) is False
    payment.refresh_from_db()
    assert payment.status == Status.SUCCEEDED


@pytest.mark.parametrize("first", [Outcome.EXPIRED, Outcome.CANCELLED, Outcome.FAILED, Outcome.PENDING, Outcome.REVIEW])
def test_settlement_told_after_anything_else_still_pays(payment: Payment, first: Outcome):
    record_report(payment, report_of(payment, first))
    record_report(payment, report_of(payment))
    payment.refresh_from_db()
    assert (payment.status, payment.order.status) == (Status.SUCCEEDED, Order.Status.PAID)


@pytest.mark.defect("CE-07")
@pytest.mark.parametrize("order_of_news", list(permutations(range(4))))
def test_order_in_which_the_news_come_does_not_matter(payment: Payment, order_of_news: tuple[int, ...]):
    other = {"external_id": midtrans.OTHER_TRANSACTION}
    news = [
        report_of(payment, Outcome.PENDING, **other),
        report_of(payment, Outcome.FAILED, **other),
        report_of(payment),
        report_of(payment, Outcome.EXPIRED, **other),
    ]
    for number in order_of_news:
        record_report(payment, news[number])
    payment.refresh_from_db()
    assert (payment.status, payment.external_id) == (Status.SUCCEEDED, midtrans.TRANSACTION)
    assert (payment.order.status, payment.refunds.count()) == (Order.Status.PAID, 0)


def test_reversal_of_the_same_transaction_is_left_to_a_person_and_unpays_nothing(
    payment: Payment, root: User, drain: Drain, mailoutbox: list[Any]
):
    record_payment_succeeded(payment, report_of(payment))
    assert record_payment_failed(payment, report_of(payment, Outcome.FAILED, status="deny")) is True
    payment.refresh_from_db()
    assert (payment.status, payment.order.status) == (Status.NEEDS_REVIEW, Order.Status.PAID)
    assert "deny" in payment.note
    drain()
    assert len([mail for mail in mailoutbox if mail.to == [root.email]]) == 1


def test_payment_under_review_pays_nothing_until_it_is_accepted(payment: Payment):
    held = report_of(payment, Outcome.REVIEW, detail="capture, fraud challenge")
    assert record_payment_under_review(payment, held) is True
    assert record_payment_under_review(payment, held) is False
    payment.refresh_from_db()
    assert (payment.status, payment.order.status, payment.received) == (
        Status.NEEDS_REVIEW,
        Order.Status.AWAITING_PAYMENT,
        None,
    )
    record_payment_succeeded(payment, report_of(payment))
    payment.refresh_from_db()
    assert payment.status == Status.SUCCEEDED


def test_expired_attempt_leaves_the_order_and_other_attempts_alone(payment: Payment):
    other = make_payment(payment.order)
    record_payment_expired(payment, report_of(payment, Outcome.EXPIRED))
    payment.refresh_from_db()
    other.refresh_from_db()
    assert (payment.status, other.status, payment.order.status) == (
        Status.EXPIRED,
        Status.PENDING,
        Order.Status.AWAITING_PAYMENT,
    )


@pytest.mark.defect("CE-29")
def test_late_money_revives_the_order_while_its_slot_is_free(
    sam: User, ada: Tutor, news: list[str], django_capture_on_commit_callbacks: Captured
):
    lost = make_booking(sam, ada, status=Booking.Status.EXPIRED)
    payment = make_payment(lost.order)
    with django_capture_on_commit_callbacks(execute=True):
        record_payment_succeeded(payment, report_of(payment))
    lost.refresh_from_db()
    assert (lost.status, lost.order.status) == (Booking.Status.PAID, Order.Status.PAID)
    assert news == [lost.reference]
    assert not payment.refunds.exists()


@pytest.mark.defect("IT-22")
@pytest.mark.defect("IT-24")
def test_late_money_is_owed_back_when_the_slot_was_sold_again(
    sam: User, kim: User, ada: Tutor, root: User, drain: Drain, mailoutbox: list[Any]
):
    lost = make_booking(sam, ada, status=Booking.Status.EXPIRED)
    make_booking(kim, ada, during=lost.time, status=Booking.Status.PAID)
    payment = make_payment(lost.order)

    record_payment_succeeded(payment, report_of(payment))
    record_payment_succeeded(payment, report_of(payment))

    payment.refresh_from_db()
    lost.refresh_from_db()
    assert (payment.status, lost.status, lost.order.status) == (
        Status.SUCCEEDED,
        Booking.Status.EXPIRED,
        Order.Status.EXPIRED,
    )
    assert [(r.money, r.status, r.reason) for r in payment.refunds.all()] == [
        (payment.money, Refund.Status.PENDING, Refund.Reason.LATE)
    ]
    drain()
    assert sorted(mail.to[0] for mail in mailoutbox) == ["root@example.com", "sam@example.com"]
    [to_payer] = [mail for mail in mailoutbox if mail.to == ["sam@example.com"]]
    assert to_payer.subject == "Your payment of Rp150,000 goes back to you"
    assert f"http://testserver/orders/{lost.order.reference}/" in to_payer.body
    assert Change.objects.filter(order=lost.order, what="refund").count() == 1


@pytest.mark.defect("TB-13")
def test_second_payment_of_an_order_is_owed_back(payment: Payment):
    second = make_payment(payment.order)
    record_payment_succeeded(payment, report_of(payment))
    record_payment_succeeded(second, report_of(second, external_id=midtrans.OTHER_TRANSACTION))
    assert [(r.payment, r.money, r.reason) for r in Refund.objects.all()] == [(second, payment.money, Refund.Reason.TWICE)]
    payment.order.refresh_from_db()
    assert payment.order.is_paid


def test_payment_of_an_order_that_an_admin_gave_away_is_owed_back(payment: Payment, root: User):
    mark_order_paid(payment.order, who=root, why="gift")
    record_payment_succeeded(payment, report_of(payment))
    assert [r.reason for r in payment.refunds.all()] == [Refund.Reason.TWICE]


def test_time_of_payment_is_never_in_the_future(payment: Payment):
    record_payment_succeeded(payment, report_of(payment, paid_at=timezone.now().replace(year=2099)))
    payment.refresh_from_db()
    assert payment.succeeded_at is not None
    assert payment.succeeded_at <= timezone.now()
