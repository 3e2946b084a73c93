"""Orders that wait for their payment at Midtrans, and the messages that say that they are paid."""

from __future__ import annotations

import hashlib
import json
import uuid
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from bench.history import HOURS_AHEAD, insert_rows, load_people
from bookings.models import Booking, Order
from payments.models import Payment

PRICE = 150_000
SOON = "now() + interval '1 hour'"


@dataclass(frozen=True)
class Message:
    """What Midtrans sends when a payment is settled, signed."""

    reference: str
    body: bytes


def add_unpaid_orders(*, first: int, count: int, midnight: datetime) -> None:
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
            "gateway": "'midtrans'", "amount": str(PRICE), "currency": "'IDR'", "created_at": "now()", "expires_at": SOON,
        }, numbers)  # fmt: skip


def messages(*, first: int, count: int, server_key: str) -> list[Message]:
    """Return the signed messages for these orders."""
    return [settled(f"PAY-W{number:06d}-1", server_key=server_key) for number in range(first, first + count)]


def settled(reference: str, *, server_key: str) -> Message:
    """Return the message for one payment; GET status answers with the same words."""
    told = {
        "order_id": reference, "status_code": "200", "gross_amount": f"{PRICE}.00", "currency": "IDR",
        "transaction_status": "settlement", "fraud_status": "accept", "payment_type": "qris",
        "transaction_id": str(uuid.uuid5(uuid.NAMESPACE_URL, reference)),
        "transaction_time": "2026-01-01 07:02:11", "settlement_time": "2026-01-01 07:05:40",
    }  # fmt: skip
    signed = told["order_id"] + told["status_code"] + told["gross_amount"] + server_key
    return Message(reference, json.dumps({**told, "signature_key": hashlib.sha512(signed.encode()).hexdigest()}).encode())


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
