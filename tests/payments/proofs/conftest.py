"""Books that add up, to be broken on purpose."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from bookings.models import Booking, Order, Tutor, User
from bookings.times import During
from payments.earnings import settle_earnings
from payments.models import Payment, Payout, Refund
from payments.proofs import prove_books
from payments.receipt_numbers import number_receipts
from tests.factories import make_booking, make_order, make_payment

START = datetime(2026, 3, 2, 3, tzinfo=UTC)


@dataclass
class Books:
    """Sam's order of two sessions that are over, one of them called off and paid back, the other paid out to Ada."""

    order: Order
    payment: Payment
    held: Booking
    called_off: Booking
    refund: Refund
    payout: Payout


@pytest.fixture
def books(ada: Tutor, sam: User) -> Books:
    order = make_order(sam, status="paid", total=300_000)
    held = make_booking(sam, ada, order=order, status="completed", during=During(START, START + timedelta(hours=1)))
    later = During(START + timedelta(days=1), START + timedelta(days=1, hours=1))
    gone: dict[str, Any] = {"status": "cancelled", "refund": 150_000, "cancelled_at": START}
    called_off = make_booking(sam, ada, order=order, during=later, **gone)
    payment = make_payment(
        order, status="succeeded", succeeded_at=START, received_amount=300_000, received_currency="IDR", external_id="T1"
    )
    refund = Refund.objects.create(
        payment=payment, booking=called_off, amount=150_000, reason="cancelled", status="succeeded", finished_at=START
    )
    number_receipts()
    settle_earnings(order.pk)
    payout = Payout.objects.create(tutor=ada, currency="IDR", amount=150_000, until=timezone.now())
    held.earnings.update(payout=payout)
    return Books(order, payment, held, called_off, refund, payout)


@pytest.fixture
def found() -> Callable[[], list[str]]:
    """Prove the books as of now and return the names of the proofs that found something."""

    def prove() -> list[str]:
        return [finding.proof for finding in prove_books(before=timezone.now() + timedelta(seconds=1))]

    return prove
