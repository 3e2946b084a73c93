"""Orders that wait for their payment at a gateway, and what became of them."""

from __future__ import annotations

from datetime import datetime

from django.db import connection, transaction

from bench.history import HOURS_AHEAD, insert_rows, load_people
from bookings.models import Booking, Order
from payments.gateways import get_gateway
from payments.gateways.base import CheckoutItem, CheckoutRequest
from payments.models import Payment

PRICE = 150_000
SOON = "now() + interval '1 hour'"


def add_unpaid_orders(gateway: str, *, first: int, count: int, midnight: datetime) -> None:
    """Add orders number `first` and following, each with one held lesson and one payment that has begun."""
    numbers = f"FROM generate_series({first}, {first + count - 1}) i"
    starts = f"%(midnight)s::timestamptz + (i %% {HOURS_AHEAD}) * interval '1 hour'"
    with transaction.atomic(), connection.cursor() as cursor:
        load_people(first + count)
        insert_rows(Order, {
            "id": "1000000 + i", "reference": "'OR-W' || i", "payer_id": "i", "status": "'awaiting_payment'",
            "total": str(PRICE), "currency": "'IDR'", "created_at": "now()", "placed_at": "now()", "expires_at": SOON,
        }, numbers)  # fmt: skip
        cursor.execute(
            f"CREATE TEMP TABLE held ON COMMIT DROP AS SELECT i, {starts} AS starts {numbers}", {"midnight": midnight}
        )
        during = "tstzrange(starts, starts + interval '50 minutes')"
        insert_rows(Booking, {
            "reference": "'BK-W' || i", "order_id": "1000000 + i", "student_id": "i", "tutor_id": "i",
            "session_type_id": "i", "name": "'Lesson'", "minutes": "50", "price": str(PRICE), "currency": "'IDR'",
            "during": during, "blocks": during, "status": "'held'", "held_until": SOON, "created_at": "now()",
        }, "FROM held")  # fmt: skip
        insert_rows(Payment, {
            "order_id": "1000000 + i", "number": "1", "reference": "'PAY-W' || lpad(i::text, 6, '0') || '-1'",
            "gateway": f"'{gateway}'", "amount": str(PRICE), "currency": "'IDR'", "created_at": "now()", "expires_at": SOON,
        }, numbers)  # fmt: skip


def reference_of(number: int) -> str:
    return f"PAY-W{number:06d}-1"


def open_pages(gateway: str, *, first: int, count: int) -> list[str]:
    """Have the gateway open a page for each of these orders, as going to pay does. Returns the payments' references."""
    asked = get_gateway(gateway)
    references = [reference_of(number) for number in range(first, first + count)]
    for payment in Payment.objects.filter(reference__in=references):
        page = asked.open_checkout(
            CheckoutRequest(
                reference=payment.reference,
                money=payment.money,
                items=[CheckoutItem("lesson", "Lesson", payment.money)],
                payer_name="A payer",
                payer_email="payer@example.com",
                made_at=payment.created_at,
                expires_at=payment.expires_at,
                return_url="https://bench.example/",
            )
        )
        payment.checkout_url, payment.checkout_token = page.url, page.token
        payment.save(update_fields=["checkout_url", "checkout_token"])
    return references


def paid_count(*, first: int, count: int) -> int:
    """Count those of these orders that are paid, with their payment succeeded, as others can see it: committed."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM payments_payment p JOIN bookings_order o ON o.id = p.order_id"
            " WHERE p.status = 'succeeded' AND o.status = 'paid' AND o.id BETWEEN %s AND %s",
            [1_000_000 + first, 1_000_000 + first + count - 1],
        )
        return int(cursor.fetchone()[0])


def links_given(*, first: int, count: int) -> dict[str, datetime]:
    """Return when each of these orders' lessons got its link, by the payment's reference."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT p.reference, m.ready_at FROM payments_payment p JOIN bookings_booking b ON b.order_id = p.order_id"
            "  JOIN meetings_meeting m ON m.booking_id = b.id"
            " WHERE m.link_id IS NOT NULL AND p.order_id BETWEEN %s AND %s",
            [1_000_000 + first, 1_000_000 + first + count - 1],
        )
        return dict(cursor.fetchall())
