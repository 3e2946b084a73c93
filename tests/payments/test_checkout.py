import json
import threading
from datetime import timedelta
from typing import Any

import pytest
import requests
import responses
import time_machine
from django.conf import settings
from django.utils import timezone

from bookings.errors import CartEmpty, OrderNotPayable, PriceChanged
from bookings.holds import Wanted, place_hold, release_hold
from bookings.models import Booking, Order, SessionType, Tutor, User
from bookings.money import Money
from bookings.promo_codes import put_code
from payments.checkout import order_and_check_out, place_cart, start_checkout
from payments.errors import (
    CheckoutUnderway,
    GatewayNotOffered,
    GatewayRefused,
    GatewayUnavailable,
    TooManyAttempts,
)
from payments.models import Payment
from tests.factories import make_booking, make_code, make_payment, make_session_type, tomorrow
from tests.payments import midtrans
from tests.race import race

SNAP = f"{settings.MIDTRANS_SNAP_URL}/transactions"


def test_payment_is_written_down_before_the_gateway_is_asked(order: Order, vendor: responses.RequestsMock):
    seen: list[list[str]] = []

    def answer(_request: Any) -> tuple[int, dict[str, str], str]:
        seen.append(list(Payment.objects.values_list("reference", flat=True)))
        return 201, {}, '{"token": "t-1", "redirect_url": "https://pay.test/t-1"}'

    vendor.add_callback(responses.POST, SNAP, callback=answer)
    payment = start_checkout(order, gateway_name="midtrans")

    assert payment is not None
    assert seen == [[payment.reference]]
    assert payment.reference == f"PAY-{order.reference.removeprefix('OR-')}-1"
    payment.refresh_from_db()
    assert (payment.checkout_url, payment.checkout_token, payment.status) == ("https://pay.test/t-1", "t-1", "pending")
    assert (payment.money, payment.expires_at) == (order.money, order.expires_at)


@pytest.mark.defect("CE-20")
def test_payment_that_the_gateway_knows_is_always_in_our_books(order: Order, vendor: responses.RequestsMock):
    vendor.post(SNAP, body=requests.ReadTimeout("no answer"))
    with pytest.raises(GatewayUnavailable):
        start_checkout(order, gateway_name="midtrans")
    [payment] = order.payments.all()
    assert (payment.status, payment.next_check_at is not None) == (Payment.Status.PENDING, True)
    assert "Nobody knows" in payment.note


def test_attempt_after_a_lost_answer_has_a_number_of_its_own(order: Order, vendor: responses.RequestsMock):
    vendor.post(SNAP, body=requests.ReadTimeout("no answer"))
    with pytest.raises(GatewayUnavailable):
        start_checkout(order, gateway_name="midtrans")
    midtrans.serve_page(vendor)
    second = start_checkout(order, gateway_name="midtrans")
    assert second is not None
    assert (second.number, second.reference[-2:]) == (2, "-2")


@pytest.mark.defect("CE-21")
def test_open_page_is_used_again(order: Order, vendor: responses.RequestsMock):
    midtrans.serve_page(vendor)
    first, again = (start_checkout(order, gateway_name="midtrans") for _visit in range(2))
    assert first == again
    assert (order.payments.count(), len(vendor.calls)) == (1, 1)


def test_another_gateway_or_a_dead_attempt_makes_a_new_attempt(order: Order, vendor: responses.RequestsMock):
    midtrans.serve_page(vendor)
    first = start_checkout(order, gateway_name="midtrans")
    other = start_checkout(order, gateway_name="sandbox")
    assert first is not None
    assert other is not None
    Payment.objects.filter(pk=first.pk).update(status=Payment.Status.FAILED)
    third = start_checkout(order, gateway_name="midtrans")
    assert third is not None
    assert [payment.number for payment in (first, other, third)] == [1, 2, 3]


def test_refused_checkout_ends_the_attempt_and_leaves_the_order_waiting(order: Order, vendor: responses.RequestsMock):
    vendor.post(SNAP, status=400, json={"error_messages": ["gross_amount is wrong"]})
    with pytest.raises(GatewayRefused) as raised:
        start_checkout(order, gateway_name="midtrans")
    [payment] = order.payments.all()
    order.refresh_from_db()
    assert (payment.status, payment.next_check_at, order.status) == (
        Payment.Status.FAILED,
        None,
        Order.Status.AWAITING_PAYMENT,
    )
    assert [label for _url, label in raised.value.context["next_steps"]] == ["Go to your order"]


def test_order_is_not_tried_for_ever(order: Order):
    make_payment(order, number=20, status=Payment.Status.FAILED)
    with pytest.raises(TooManyAttempts):
        start_checkout(order, gateway_name="sandbox")


def test_second_tab_waits_while_the_first_opens_the_page(order: Order):
    make_payment(order)
    with pytest.raises(CheckoutUnderway):
        start_checkout(order, gateway_name="midtrans")


@pytest.mark.django_db(transaction=True)
def test_two_tabs_at_once_open_one_page(order: Order):
    asked = threading.Semaphore(0)

    def answer(_request: Any) -> tuple[int, dict[str, str], str]:
        asked.release()
        return 201, {}, '{"token": "t-1", "redirect_url": "https://pay.test/t-1"}'

    with responses.RequestsMock() as fake:
        fake.add_callback(responses.POST, SNAP, callback=answer)
        outcomes = race(lambda _number: start_checkout(order, gateway_name="midtrans"), threads=4)
    assert {type(outcome.error) for outcome in outcomes} <= {type(None), CheckoutUnderway}
    assert (Payment.objects.count(), asked._value) == (1, 1)


def test_order_whose_time_is_nearly_over_is_not_paid_any_more(order: Order):
    assert order.expires_at is not None
    with time_machine.travel(order.expires_at - timedelta(seconds=30)), pytest.raises(OrderNotPayable):
        start_checkout(order, gateway_name="midtrans")


@pytest.mark.parametrize("status", [Booking.Status.PAID, Booking.Status.EXPIRED, Booking.Status.CANCELLED])
def test_order_that_waits_no_more_is_not_paid_again(sam: User, ada: Tutor, status: str):
    booking = make_booking(sam, ada, status=status)
    with pytest.raises(OrderNotPayable):
        start_checkout(booking.order, gateway_name="midtrans")
    booking.refresh_from_db()
    assert (booking.status, Payment.objects.exists()) == (status, False)


@pytest.mark.parametrize("name", ["", "acme", "stripe"])
def test_gateway_that_is_not_offered_leaves_the_cart_as_it_is(maths: SessionType, sam: User, name: str):
    cart = place_hold(maths, starts_at=tomorrow(), student=sam).order
    with pytest.raises(GatewayNotOffered):
        start_checkout(cart, gateway_name=name)
    cart.refresh_from_db()
    assert cart.status == Order.Status.CART


def test_gateway_that_cannot_take_the_currency_is_not_offered(ada: Any, sam: User):
    booking = make_booking(sam, ada, session_type=make_session_type(ada, price=2500, currency="USD"))
    Order.objects.filter(pk=booking.order_id).update(total=2500, currency="USD")
    booking.order.refresh_from_db()
    with pytest.raises(GatewayNotOffered):
        start_checkout(booking.order, gateway_name="midtrans")


def test_order_that_costs_nothing_is_paid_without_a_gateway(ada: Any, sam: User):
    free = make_session_type(ada, price=0)
    cart = place_hold(free, starts_at=tomorrow(), student=sam).order
    assert start_checkout(cart, gateway_name="") is None
    cart.refresh_from_db()
    assert (cart.status, cart.payments.count()) == (Order.Status.PAID, 0)


@pytest.mark.defect("TB-01")
def test_discount_is_a_line_so_that_the_lines_sum_up(order: Order, vendor: responses.RequestsMock):
    Order.objects.filter(pk=order.pk).update(total=100_000, discount=50_000)
    order.refresh_from_db()
    midtrans.serve_page(vendor)
    start_checkout(order, gateway_name="midtrans")
    sent = json.loads(vendor.calls[0].request.body or "")
    assert sent["transaction_details"]["gross_amount"] == 100_000
    assert [line["price"] for line in sent["item_details"]] == [150_000, -50_000]


def test_gateway_gets_no_line_of_zero_and_lines_that_sum_up(ada: Any, sam: User, vendor: responses.RequestsMock):
    free, trial = make_session_type(ada, price=0), make_session_type(ada, price=80_000, first_one_free=True)
    for what, hour in [(free, 8), (trial, 10), (trial, 12)]:
        cart = place_hold(what, starts_at=tomorrow(hour), student=sam).order
    make_code("THIRD", percent=33)
    assert put_code(sam, "third") is None
    midtrans.serve_page(vendor)

    start_checkout(place_cart(sam, seen=Money(53_600, "IDR")), gateway_name="midtrans")

    cart.refresh_from_db()
    sent = json.loads(vendor.calls[0].request.body or "")
    assert (cart.total, cart.discount) == (53_600, 106_400)
    assert sent["transaction_details"]["gross_amount"] == 53_600
    assert [line["price"] for line in sent["item_details"]] == [80_000, 80_000, -106_400]


@pytest.mark.parametrize("left_out", ["put back", "kept too long"])
def test_lines_sum_up_whatever_was_left_out_of_the_cart(ada: Any, sam: User, vendor: responses.RequestsMock, left_out: str):
    lesson = make_session_type(ada, price=80_000)
    holds = [place_hold(lesson, starts_at=tomorrow(hour), student=sam) for hour in (8, 10, 12)]
    if left_out == "put back":
        release_hold(holds[0].reference, payer=sam)
    else:
        Booking.objects.filter(pk=holds[0].pk).update(held_until=timezone.now())
    midtrans.serve_page(vendor)

    start_checkout(place_cart(sam, seen=Money(160_000, "IDR")), gateway_name="midtrans")

    sent = json.loads(vendor.calls[0].request.body or "")
    assert sent["transaction_details"]["gross_amount"] == 160_000
    assert [(line["id"], line["price"]) for line in sent["item_details"]] == [(one.reference, 80_000) for one in holds[1:]]


@pytest.mark.defect("TB-09")
@pytest.mark.django_db(transaction=True)
def test_order_that_costs_nothing_is_confirmed_once_however_often_it_is_pressed(maths: SessionType, sam: User):
    make_code("GRATIS", kind="free", uses_allowed=1)
    place_hold(maths, starts_at=tomorrow(), student=sam)
    assert put_code(sam, "gratis") is None

    def press(_n: int) -> object:
        return start_checkout(place_cart(sam, seen=Money(0, "IDR")), gateway_name="")

    outcomes = race(press, threads=6)

    order = Order.objects.exclude(status=Order.Status.CART).get()
    assert (order.status, order.bookings.get().status, order.payments.count()) == ("paid", "paid", 0)
    assert {type(one.error).__name__ for one in outcomes if one.error} == {"CartEmpty"}
    assert order.changes.filter(became="paid").count() == 1


def test_cart_is_placed_only_at_the_price_that_was_seen(maths: SessionType, sam: User):
    cart = place_hold(maths, starts_at=tomorrow(), student=sam).order
    with pytest.raises(PriceChanged):
        place_cart(sam, seen=Money(1, "IDR"))
    cart.refresh_from_db()
    assert cart.status == Order.Status.CART
    assert place_cart(sam, seen=Money(150_000, "IDR")).status == Order.Status.AWAITING_PAYMENT


def test_empty_cart_is_not_placed(sam: User):
    with pytest.raises(CartEmpty):
        place_cart(sam, seen=Money(0, "IDR"))


@pytest.mark.parametrize("answer", [{"body": requests.ReadTimeout("x")}, {"status": 400, "json": {"error_messages": []}}])
def test_program_without_a_page_leaves_the_slot_to_others(
    maths: SessionType, sam: User, kim: User, vendor: responses.RequestsMock, answer: dict[str, Any]
):
    vendor.post(SNAP, **answer)
    wanted = [Wanted(maths, tomorrow())]
    with pytest.raises((GatewayUnavailable, GatewayRefused)):
        order_and_check_out(wanted, student=sam, gateway_name="midtrans")
    assert Order.objects.get().status == Order.Status.CANCELLED
    assert place_hold(maths, starts_at=tomorrow(), student=kim).is_hold_open
