"""Receipts of paid orders."""

from typing import Any

import pytest
from django.core.mail import EmailMultiAlternatives
from django.test import Client

from bookings.gifts import give_session
from bookings.holds import place_hold
from bookings.models import Booking, Order, SessionType, Tutor, User
from bookings.orders import mark_order_paid, place_order
from bookings.promo_codes import put_code
from payments.gateways.base import Outcome, PaymentReport
from payments.models import Refund
from payments.receipt_numbers import number_payment, number_refund
from payments.receipts import make_receipt
from payments.settlement import record_payment_succeeded
from tests.conftest import Drain
from tests.factories import (
    an_hour,
    give_leave,
    make_booking,
    make_code,
    make_order,
    make_payment,
    make_session_type,
    tomorrow,
)
from tests.pages import queries_of, text_of


@pytest.fixture
def page(client: Client, sam: User) -> Client:
    client.force_login(sam)
    return client


@pytest.fixture
def order(maths: SessionType, sam: User) -> Order:
    """Sam has paid two sessions of Rp150,000 with a code for ten percent."""
    make_code("SUMMER")
    place_hold(maths, starts_at=tomorrow(9), student=sam)
    cart = place_hold(maths, starts_at=tomorrow(12), student=sam).order
    put_code(sam, "summer")
    order = place_order(Order.objects.get(pk=cart.pk))
    make_payment(order, status="succeeded", succeeded_at=order.placed_at, method="qris")
    return mark_order_paid(order)


def receipt_of(page: Client, order: Order) -> str:
    return text_of(page.get(f"/orders/{order.reference}/receipt/"))


def test_receipt_says_who_paid_what_for_which_sessions_and_how(page: Client, order: Order, settings: Any):
    settings.SITE_NAME = "Bright Minds"
    text = receipt_of(page, order)
    for words in (
        "Bright Minds",
        f"Number {order.reference}",
        "Payer Sam Student sam@example.com",
        "Asia/Jakarta",
        "Price Rp300,000 Discount, code SUMMER −Rp30,000 Total Rp270,000",
        "Paid with ",
        f", payment {order.payments.get().reference} .",
    ):
        assert words in text
    assert text.count("Maths lesson with Ada Tutor") == 2
    assert text.count("Rp150,000 −Rp15,000") == 2
    assert "went back" not in text.lower()


def test_receipt_names_the_student_where_somebody_else_pays(client: Client, maths: SessionType, sam: User, kim: User):
    give_leave(payer=kim, student=sam)
    order = mark_order_paid(place_order(place_hold(maths, starts_at=tomorrow(), student=sam, payer=kim).order))
    client.force_login(kim)
    assert "Maths lesson with Ada Tutor for Sam Student" in receipt_of(client, order)


def test_receipt_tells_what_went_back_and_what_is_on_its_way(page: Client, order: Order):
    payment = order.payments.get()
    first, second = order.bookings.order_by("pk")
    sent = {"payment": payment, "reason": "cancelled"}
    Refund.objects.create(**sent, booking=first, amount=135_000, status="succeeded", finished_at=tomorrow())
    Refund.objects.create(**sent, booking=second, amount=67_500)
    text = receipt_of(page, order)
    assert f"{first.reference} −Rp135,000" in text
    assert f"On its way back to you {second.reference} −Rp67,500" in text
    assert "Paid in the end Rp67,500" in text


def test_payment_that_came_twice_is_no_part_of_the_receipt(page: Client, order: Order):
    twice = make_payment(order, status="succeeded", succeeded_at=order.placed_at)
    Refund.objects.create(payment=twice, amount=twice.amount, reason="twice", status="succeeded", finished_at=tomorrow())
    receipt = make_receipt(order)
    assert receipt.payment is not None
    assert (receipt.payment.number, receipt.refunds, receipt.rest) == (1, [], order.money)


@pytest.mark.parametrize("kind", ["gift", "first session"])
def test_receipt_of_what_cost_nothing_says_so(page: Client, ada: Tutor, sam: User, root: User, kind: str):
    trial = make_session_type(ada, first_one_free=True)
    if kind == "gift":
        order = give_session(trial, starts_at=tomorrow(), student=sam, who=root, why="an apology").order
    else:
        order = mark_order_paid(place_order(place_hold(trial, starts_at=tomorrow(), student=sam).order))
    text = receipt_of(page, order)
    assert "Total Rp0" in text
    assert "Nothing had to be paid." in text
    assert ("A gift −Rp150,000" in text) is (kind == "gift")
    assert "an apology" not in text


def test_time_put_back_before_paying_is_not_on_the_receipt(page: Client, order: Order, ada: Tutor, sam: User):
    dropped = make_booking(sam, ada, order=order, status=Booking.Status.CANCELLED, during=an_hour(tomorrow(18)))
    assert dropped.reference not in receipt_of(page, order)


@pytest.mark.defect("CE-19")
def test_receipt_is_for_the_payer_of_a_paid_order_only(page: Client, order: Order, sam: User, kim: User):
    waiting = make_order(sam)
    assert page.get(f"/orders/{waiting.reference}/receipt/").status_code == 404
    page.force_login(kim)
    assert page.get(f"/orders/{order.reference}/receipt/").status_code == 404


def test_receipt_takes_as_many_queries_for_ten_sessions(page: Client, order: Order, ada: Tutor, sam: User):
    address = f"/orders/{order.reference}/receipt/"
    two = queries_of(page, address)
    for hour in range(8):
        make_booking(sam, ada, order=order, status="paid", during=an_hour(tomorrow(2 * hour, days=3)))
    assert queries_of(page, address) == two


def test_receipt_bears_the_numbers_of_payment_and_credit_notes(page: Client, order: Order):
    payment = order.payments.get()
    number = number_payment(payment)
    refund = Refund.objects.create(payment=payment, amount=1_000, reason="other", status="succeeded", finished_at=tomorrow())
    text = receipt_of(page, order)
    assert f"Number {number}" in text
    assert f"Order {order.reference}" in text
    assert f"credit note {number_refund(refund)}" in receipt_of(page, order)


def test_payment_that_came_twice_is_listed_with_its_own_numbers(page: Client, order: Order):
    number_payment(order.payments.get())
    twice = make_payment(order, status="succeeded", succeeded_at=tomorrow())
    refund = Refund.objects.create(
        payment=twice, amount=twice.amount, reason="twice", status="succeeded", finished_at=tomorrow()
    )
    numbers = number_payment(twice), number_refund(refund)
    text = receipt_of(page, order)
    assert "Came as well, and is no part of the price" in text
    for number in numbers:
        assert number in text
    assert "Paid in the end" not in text


def test_money_for_an_order_that_was_not_paid_has_its_receipt(page: Client, sam: User):
    late = make_order(sam, status="expired")
    payment = make_payment(late, status="succeeded", succeeded_at=tomorrow())
    Refund.objects.create(payment=payment, amount=payment.amount, reason="late")
    text = receipt_of(page, late)
    assert "nothing is booked" in text
    assert number_payment(payment) in receipt_of(page, late)
    assert "On its way back to you −Rp150,000" in text
    assert "Total" not in text


def test_payment_that_was_returned_is_not_the_one_that_paid(page: Client, order: Order):
    paid = order.payments.get()
    assert order.placed_at is not None
    odd = make_payment(order, status="succeeded", succeeded_at=order.placed_at.replace(year=2020), amount=5)
    Refund.objects.create(payment=odd, amount=5, reason="misfit")
    assert make_receipt(order).payment == paid


def test_receipt_is_mailed_once_to_the_payer(order: Order, drain: Drain, mailoutbox: list[EmailMultiAlternatives]):
    payment = order.payments.get()
    drain()
    mailoutbox.clear()

    number = number_payment(payment)
    number_payment(payment)
    drain()

    (mail,) = mailoutbox
    assert (mail.to, mail.subject) == (["sam@example.com"], f"Receipt {number} for Rp270,000")
    assert "- Maths lesson with Ada Tutor, " in str(mail.body)
    assert f"/orders/{order.reference}/receipt/" in str(mail.body)
    assert "See your receipt" in str(mail.alternatives[0][0])


def test_money_that_goes_back_whole_is_told_of_once_with_its_number(
    order: Order, drain: Drain, mailoutbox: list[EmailMultiAlternatives]
):
    drain()
    mailoutbox.clear()
    twice = make_payment(order)
    report = PaymentReport(twice.reference, Outcome.PAID, money=twice.money, external_id="T2")

    record_payment_succeeded(twice, report)
    drain()

    to_payer = [mail for mail in mailoutbox if mail.to == ["sam@example.com"]]
    twice.refresh_from_db()
    assert [mail.subject for mail in to_payer] == ["Your payment of Rp270,000 goes back to you"]
    assert f"The receipt of what you paid has the number {twice.receipt_number}." in str(to_payer[0].body)
