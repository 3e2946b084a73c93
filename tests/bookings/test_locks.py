"""Two at once never wait for one another for ever. What storms of random verbs have shown stands here step by step."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, transaction

from bookings.holds import lock_cart
from bookings.models import Booking, Order, Tutor, User
from bookings.notice_mails import send_once
from bookings.orders import mark_order_paid
from bookings.rescheduling import move_booking
from meetings.pool import assign_link
from payments.refunds import owe_for_booking
from tests.factories import an_hour, make_booking, make_link, make_meeting, make_order, make_payment, tomorrow
from tests.race import race
from tests.workers import is_somebody_waiting_for_a_lock, wait_until

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def holding(lock: Callable[[], Any]) -> Iterator[None]:
    """Let somebody else hold locks meanwhile, on a connection of their own."""
    locked, enough = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            with transaction.atomic():
                lock()
                locked.set()
                enough.wait(timeout=30)
        finally:
            connection.close()

    other = threading.Thread(target=hold)
    other.start()
    assert locked.wait(timeout=30)
    try:
        yield
    finally:
        enough.set()
        other.join(timeout=30)


def impatiently(work: Callable[[], Any]) -> BaseException | None:
    """Do the work on a connection of its own, waiting a second at most for any lock; return what went wrong."""

    def run(_number: int) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '1s'")
        work()

    [outcome] = race(run, threads=1)
    return outcome.error


def test_late_payment_never_waits_for_the_order_of_a_stale_hold_in_its_way(sam: User, ada: Tutor):
    late = make_booking(sam, ada, status=Booking.Status.EXPIRED)
    cart = make_order(sam, status=Order.Status.CART)
    in_the_way = make_booking(sam, ada, order=cart, during=late.time, held_until=cart.created_at)

    with holding(lambda: Order.objects.select_for_update().get(pk=cart.pk)):
        assert impatiently(lambda: mark_order_paid(late.order)) is None

    in_the_way.refresh_from_db()
    assert (in_the_way.status, late.order.bookings.get().status) == (Booking.Status.EXPIRED, Booking.Status.PAID)


def test_cart_that_another_tab_makes_and_places_meanwhile_does_no_harm(sam: User):
    meddled: list[str] = []

    def meddle(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith('INSERT INTO "bookings_order"') and not meddled:
            meddled.append("made")
            race(lambda _number: Order.objects.create(payer=sam), threads=1)
        elif sql.startswith("SELECT") and meddled == ["made"]:
            meddled.append("placed")
            race(lambda _number: Order.objects.update(status=Order.Status.CANCELLED), threads=1)
        return execute(sql, params, many, context)

    with transaction.atomic(), connection.execute_wrapper(meddle):
        cart = lock_cart(sam)

    assert meddled == ["made", "placed"]
    assert (cart.payer, cart.status) == (sam, Order.Status.CART)


def test_move_never_waits_for_the_order_of_a_stale_hold_in_its_way(sam: User, kim: User, ada: Tutor):
    booking = make_booking(sam, ada, during=an_hour(tomorrow(9, days=2)), status=Booking.Status.PAID)
    cart, later = make_order(kim, status=Order.Status.CART), tomorrow(15, days=2)
    in_the_way = make_booking(kim, ada, order=cart, during=an_hour(later), held_until=cart.created_at)

    with holding(lambda: Order.objects.select_for_update().get(pk=cart.pk)):
        assert impatiently(lambda: move_booking(booking, starts_at=later, who=sam)) is None

    booking.refresh_from_db()
    in_the_way.refresh_from_db()
    assert (in_the_way.status, booking.starts_at) == (Booking.Status.EXPIRED, later)


def test_money_is_owed_in_the_order_of_locks(sam: User, ada: Tutor):
    """Who cancels another session of the order holds the order, then asks for its bookings: neither waits for ever."""
    booking = make_booking(sam, ada, status=Booking.Status.PAID)
    payment = make_payment(booking.order)
    payment.mark_succeeded(at=booking.created_at, received=payment.money)
    payment.save()
    Booking.objects.filter(pk=booking.pk).update(status=Booking.Status.CANCELLED, refund=1)

    locked = threading.Event()

    def order_then_booking() -> None:
        with transaction.atomic():
            Order.objects.select_for_update().get(pk=booking.order_id)
            locked.set()
            wait_until(is_somebody_waiting_for_a_lock)
            Booking.objects.select_for_update().get(pk=booking.pk)

    def owe() -> None:
        locked.wait(timeout=30)
        owe_for_booking(booking)

    outcomes = race(lambda number: owe() if number else order_then_booking(), threads=2)

    assert [outcome.error for outcome in outcomes] == [None, None]
    assert [refund.amount for refund in payment.refunds.all()] == [1]


def test_mail_that_leaves_holds_up_no_link(sam: User, ada: Tutor):
    """A slow mail server must not keep a day's meetings waiting because a notice has that day's number."""
    make_link()
    meeting = make_meeting(make_booking(sam, ada, status=Booking.Status.PAID))
    day = int(meeting.time.start.timestamp()) // 86_400
    with holding(lambda: send_once(f"{day}:0", list)):
        assert impatiently(lambda: assign_link(meeting)) is None
