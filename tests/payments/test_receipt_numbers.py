"""Receipts are numbered without a gap, whoever comes at the same moment and whatever is rolled back."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib import import_module
from types import SimpleNamespace

import pytest
from django.db import connection, transaction
from django.utils import timezone

from bookings.models import Tutor, User
from payments.gateways.base import Outcome, PaymentReport
from payments.models import Payment, ReceiptCounter, Refund
from payments.receipt_numbers import number_payment, number_receipts, number_refund
from payments.refund_decisions import record_refund_sent_by_hand
from payments.settlement import record_payment_succeeded
from tests.factories import an_hour, make_booking, make_order, make_payment, tomorrow
from tests.race import race

NEW_YEAR_IN_JAKARTA = datetime(2025, 12, 31, 17, 0, tzinfo=UTC)


def arrived(student: User, *, at: datetime | None = None, **fields: object) -> Payment:
    order = make_order(student, status="paid")
    return make_payment(order, status="succeeded", succeeded_at=at or timezone.now(), **fields)


def sent_back(payment: Payment, *, at: datetime, amount: int = 1_000) -> Refund:
    return Refund.objects.create(payment=payment, amount=amount, reason="other", status="succeeded", finished_at=at)


@pytest.mark.django_db
def test_a_payment_gets_its_number_once_in_the_year_of_the_sites_clock(sam: User):
    before = arrived(sam, at=NEW_YEAR_IN_JAKARTA.replace(hour=16, minute=59))
    first, second = arrived(sam, at=NEW_YEAR_IN_JAKARTA), arrived(sam, at=NEW_YEAR_IN_JAKARTA)

    numbers = [number_payment(payment) for payment in (first, second, before, first)]

    assert numbers == ["R-2026-000001", "R-2026-000002", "R-2025-000001", "R-2026-000001"]


@pytest.mark.django_db
def test_refunds_are_counted_apart_from_payments(sam: User):
    payment = arrived(sam, at=NEW_YEAR_IN_JAKARTA)
    refund = sent_back(payment, at=NEW_YEAR_IN_JAKARTA)

    assert [number_payment(payment), number_refund(refund), number_refund(refund)] == [
        "R-2026-000001",
        "C-2026-000001",
        "C-2026-000001",
    ]


@pytest.mark.django_db
def test_money_that_did_not_come_or_go_gets_no_number(sam: User):
    payment = make_payment(make_order(sam))
    refund = Refund.objects.create(payment=arrived(sam), amount=1, reason="other")

    assert [number_payment(payment), number_refund(refund)] == ["", ""]
    assert not ReceiptCounter.objects.exists()


@pytest.mark.django_db
def test_the_gateways_word_numbers_the_payment(payment: Payment):
    report = PaymentReport(payment.reference, Outcome.PAID, money=payment.money, external_id="T1")

    record_payment_succeeded(payment, report)
    payment.refresh_from_db()
    first = payment.receipt_number
    record_payment_succeeded(payment, report)

    payment.refresh_from_db()
    assert first is not None
    assert first.endswith("-000001")
    assert payment.receipt_number == first


@pytest.mark.django_db
def test_money_sent_by_hand_gets_its_credit_note(sam: User, root: User):
    refund = Refund.objects.create(payment=arrived(sam), amount=5_000, reason="other")

    record_refund_sent_by_hand(refund, who=root, note="By bank, today")

    refund.refresh_from_db()
    assert refund.receipt_number == f"C-{timezone.localdate():%Y}-000001"


@pytest.mark.django_db
def test_the_round_numbers_what_was_left_in_the_order_in_which_it_came(sam: User):
    late = arrived(sam, at=NEW_YEAR_IN_JAKARTA.replace(year=2026))
    early = arrived(sam, at=NEW_YEAR_IN_JAKARTA)
    sent_back(early, at=NEW_YEAR_IN_JAKARTA)

    assert [number_receipts(), number_receipts()] == [3, 0]
    late.refresh_from_db()
    early.refresh_from_db()
    assert [early.receipt_number, late.receipt_number] == ["R-2026-000001", "R-2027-000001"]


@pytest.mark.django_db
def test_money_of_before_there_were_numbers_is_numbered_by_the_migration(sam: User):
    late = arrived(sam, at=NEW_YEAR_IN_JAKARTA.replace(year=2026, month=5))
    early = arrived(sam, at=NEW_YEAR_IN_JAKARTA)
    sent_back(late, at=NEW_YEAR_IN_JAKARTA)

    with connection.cursor() as cursor:
        import_module("payments.migrations.0006_books").number_what_came(None, SimpleNamespace(execute=cursor.execute))

    late.refresh_from_db()
    early.refresh_from_db()
    assert [early.receipt_number, late.receipt_number] == ["R-2026-000001", "R-2026-000002"]
    assert Refund.objects.get().receipt_number == "C-2026-000001"
    assert number_payment(arrived(sam, at=late.succeeded_at)) == "R-2026-000003"


@pytest.mark.django_db(transaction=True)
def test_what_is_rolled_back_leaves_no_gap(sam: User):
    first, second = arrived(sam), arrived(sam)

    with transaction.atomic():
        number_payment(first)
        transaction.set_rollback(True)

    assert number_payment(second).endswith("-000001")
    assert number_payment(first).endswith("-000002")


@pytest.mark.django_db(transaction=True)
def test_twenty_at_once_get_twenty_numbers_without_a_gap(sam: User):
    payments = [arrived(sam) for _number in range(10)]

    outcomes = race(lambda number: number_payment(payments[number // 2]), threads=20)

    assert [one.error for one in outcomes] == [None] * 20
    numbers = sorted({one.value[-6:] for one in outcomes})
    assert numbers == [f"{number:06d}" for number in range(1, 11)]
    assert ReceiptCounter.objects.get().last == 10


@pytest.mark.django_db(transaction=True)
def test_twenty_orders_paid_at_once_are_numbered_without_a_gap(ada: Tutor, sam: User):
    bookings = [make_booking(sam, ada, during=an_hour(tomorrow(0, days=number + 1))) for number in range(20)]
    payments = [make_payment(booking.order) for booking in bookings]

    def pay(number: int) -> bool:
        payment = payments[number]
        report = PaymentReport(payment.reference, Outcome.PAID, money=payment.money, external_id=f"T{number}")
        return record_payment_succeeded(payment, report)

    assert [one.value for one in race(pay, threads=20)] == [True] * 20
    numbers = sorted(number or "" for number in Payment.objects.values_list("receipt_number", flat=True))
    assert [number[-6:] for number in numbers] == [f"{number:06d}" for number in range(1, 21)]
