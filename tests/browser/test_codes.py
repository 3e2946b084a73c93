"""A code, from the field in the cart to the money that the bank takes; and a receipt to keep."""

from __future__ import annotations

import pytest

from bookings.holds import place_hold
from bookings.models import Order, SessionType, Tutor, User
from payments.models import Payment
from tests.factories import make_code, make_session_type, tomorrow

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.defect("TB-01", "TB-10")
def test_code_in_lower_case_makes_the_total_smaller_and_that_is_what_is_paid(visit, worker, maths: SessionType, sam: User):
    make_code("SUMMER")
    place_hold(maths, starts_at=tomorrow(), student=sam)
    reader = visit(as_user=sam, width=390).go("/cart/")
    reader.sees("Rp150,000")

    reader.press_text("Do you have a code?")
    _type_code(reader, "wintr")
    reader.sees("This code is not known here.")
    assert reader.page.evaluate("document.activeElement.id") == "id_code"
    _type_code(reader, "summer")
    reader.sees("Rp135,000")
    assert reader.path == "/cart/"
    assert not reader.is_too_wide

    reader.press("Go to payment")
    reader.press("Pay Rp135,000")
    reader.sees("This is not a real bank")
    reader.page.get_by_role("button", name="Pay", exact=True).click()
    reader.sees("Paid. Thank you!")

    order, payment = Order.objects.exclude(status="cart").get(), Payment.objects.get()
    assert (order.total, order.discount, order.status) == (135_000, 15_000, "paid")
    assert (payment.amount, payment.received_amount, payment.status) == (135_000, 135_000, "succeeded")
    reader.go(f"/orders/{order.reference}/receipt/")
    reader.sees("Discount, code SUMMER")
    assert reader.page.get_by_role("button", name="Print, or keep as a PDF").is_visible()
    assert not reader.is_too_wide


def test_free_first_session_is_booked_without_a_bank(visit, worker, ada: Tutor, sam: User):
    trial = make_session_type(ada, name="Trial", first_one_free=True)
    place_hold(trial, starts_at=tomorrow(), student=sam)
    reader = visit(as_user=sam).go("/cart/")
    reader.sees("First session free")
    reader.press("Go on: nothing to pay")
    reader.press("Book without paying")
    reader.sees("Booked. There is nothing to pay.")
    assert (Order.objects.exclude(status="cart").get().total, Payment.objects.exists()) == (0, False)


def test_tutor_adds_a_session_by_hand(visit, ada: Tutor):
    reader = visit(as_user=ada.user, width=390).go("/teaching/sessions/")
    reader.press("Add a session")
    reader.page.get_by_label("Name").fill("Exam preparation")
    reader.page.get_by_label("Price").fill("240.000")
    reader.press("Save")
    reader.sees("Rp240,000")
    assert ada.session_types.get(slug="exam-preparation").price == 240_000
    assert not reader.is_too_wide


def _type_code(reader, code: str) -> None:
    reader.page.fill("#id_code", code)
    reader.press("Apply")
