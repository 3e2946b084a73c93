"""What the run itself reads and changes in the database, however often that falls over."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from django.db import DatabaseError, InterfaceError, connection, transaction
from django.utils import timezone

from bench.chaos.plan import Case
from bench.chaos.world import email_of
from bookings.models import Booking, Order
from bookings.orders import expire_order
from payments.models import Payment

PATIENCE = 90  # seconds
JOBS_DUE = """
SELECT count(*) FROM procrastinate_jobs WHERE status = 'todo' AND (scheduled_at IS NULL OR scheduled_at <= now())"""
T = TypeVar("T")


def patiently(ask: Callable[[], T]) -> T:
    """Ask until the database answers."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return ask()
        except (DatabaseError, InterfaceError):
            connection.close()
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def newest_order(case: Case) -> str:
    """Return the order that the payer finds among their own, waiting for money or paid; empty if there is none."""

    def ask() -> str:
        mine = Order.objects.filter(payer__email=email_of(case), status__in=["awaiting_payment", "paid"])
        return mine.order_by("-pk").values_list("reference", flat=True).first() or ""

    return patiently(ask)


def open_page(order: str, gateway: str) -> str:
    """Return the newest attempt of the order at this gateway that has a page to pay at; empty if there is none."""

    def ask() -> str:
        mine = Payment.objects.filter(order__reference=order, gateway=gateway, status="pending").exclude(checkout_url="")
        return mine.order_by("-number").values_list("reference", flat=True).first() or ""

    return patiently(ask)


def paying_attempt(order: str) -> tuple[str, str, int] | None:
    """Return gateway, reference and amount of the one attempt that paid the order; None while it is not paid."""

    def ask() -> tuple[str, str, int] | None:
        paid = Payment.objects.filter(order__reference=order, order__status="paid", status="succeeded")
        return paid.order_by("pk").values_list("gateway", "reference", "amount").first()

    return patiently(ask)


def first_session(order: str) -> str:
    """Return the first paid session of an order; empty if it has none."""

    def ask() -> str:
        paid = Booking.objects.filter(order__reference=order, status="paid")
        return paid.order_by("pk").values_list("reference", flat=True).first() or ""

    return patiently(ask)


def let_deadline_pass(order: str) -> None:
    """Move the deadline of an unpaid order to a second ago, as if the payer had dawdled, and sweep it up."""

    def change() -> None:
        past = timezone.now() - timedelta(seconds=1)
        with transaction.atomic():
            found = Order.objects.select_for_update().get(reference=order)
            if found.status != Order.Status.AWAITING_PAYMENT:
                return
            Order.objects.filter(pk=found.pk).update(expires_at=past)
            found.bookings.filter(status__in=Booking.KEPT).update(held_until=past)
        expire_order(found)

    patiently(change)


def jobs_due() -> int:
    """Return how many jobs wait to be done now."""

    def ask() -> int:
        with connection.cursor() as cursor:
            cursor.execute(JOBS_DUE)
            return int(cursor.fetchone()[0])

    return patiently(ask)
