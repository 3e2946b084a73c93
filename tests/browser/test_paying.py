"""Paying as people do: choosing how, failing first, coming back, looking at what was paid; and the admin's whole story."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from bookings.holds import place_hold
from bookings.models import Booking, SessionType, User
from payments.checkout import start_checkout
from payments.doubles.midtrans import MidtransDouble
from payments.models import Payment
from tests.factories import make_link, tomorrow

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def hold(maths: SessionType, sam: User) -> Booking:
    make_link()
    return place_hold(maths, starts_at=tomorrow(), student=sam)


@pytest.fixture
def two_ways(site: str, settings: Any) -> Iterator[MidtransDouble]:
    """Another way to pay beside the pretend bank."""
    with MidtransDouble(server_key="key") as double:
        options = {"server_key": "key", "snap_url": f"{double.url}/snap/v1", "api_url": double.url}
        midtrans = {"BACKEND": "payments.gateways.midtrans.MidtransGateway", "OPTIONS": options}
        settings.PAYMENT_GATEWAYS = {"midtrans": midtrans, **settings.PAYMENT_GATEWAYS}
        yield double


def pay_at_the_bank(sam: Any, press: str = "Pay") -> None:
    sam.page.get_by_role("button", name=press, exact=True).click()


@pytest.mark.defect("CE-23", "TB-13", "CE-21")
def test_payer_whose_first_try_fails_pays_at_the_second_and_can_go_back(visit, worker, hold: Booking, sam: User):
    page = visit(as_user=sam, width=390).go("/checkout/")
    page.sees("For trying out: no money moves")
    page.press("Pay Rp150,000")
    page.sees("This is not a real bank")
    pay_at_the_bank(page, "Let the payment fail")

    page.sees("This payment did not go through")
    page.sees("Nothing was taken")
    assert not page.is_too_wide
    page.press("Try again")
    page.sees("This is not a real bank")
    pay_at_the_bank(page)

    page.sees("Paid. Thank you!")
    page.sees("2 attempts to pay")
    assert [payment.status for payment in Payment.objects.order_by("number")] == ["failed", "succeeded"]
    page.page.reload()
    page.sees("Paid. Thank you!")
    for _step in range(3):  # back to the bank, the order before it, the checkout: none of them pays anything again
        page.page.go_back()
    page.go("/checkout/")
    assert page.path == hold.order.get_absolute_url()
    page.sees("Paid. Thank you!")
    assert Payment.objects.count() == 2


def test_page_in_another_tab_turns_by_itself_when_it_is_paid_here(visit, worker, hold: Booking, sam: User):
    here, there = visit(as_user=sam), visit(as_user=sam)
    here.go("/checkout/").press("Pay Rp150,000")
    here.sees("This is not a real bank")
    there.go(hold.order.get_absolute_url()).sees("Waiting for your payment")

    pay_at_the_bank(here)

    there.sees("Paid. Thank you!")
    assert "Pay now" not in there.page.content()


def test_way_to_pay_is_chosen_with_the_keyboard_alone(visit, two_ways, hold: Booking, sam: User):
    page = visit(as_user=sam).go("/checkout/")
    page.sees("How would you like to pay?")
    page.sees("Bank transfer, QRIS, e-wallet, card or a shop")
    first = page.page.get_by_role("radio", name="Midtrans")
    assert first.is_checked()

    first.focus()
    page.page.keyboard.press("ArrowDown")
    assert page.page.get_by_role("radio", name="Pretend bank").is_checked()
    page.page.keyboard.press("Enter")

    page.sees("This is not a real bank")
    assert Payment.objects.get().gateway == "sandbox"


@pytest.mark.defect("CE-21", "TB-13")
def test_payer_changes_how_to_pay_and_pays_once(visit, worker, two_ways, hold: Booking, sam: User):
    first = start_checkout(hold.order, gateway_name="midtrans")
    page = visit(as_user=sam, width=390).go(hold.order.get_absolute_url())
    page.sees("Go to your payment page")

    page.press_text("Change how you pay")
    page.page.get_by_role("radio", name="Pretend bank").check()
    page.page.locator("main details form button").click()
    page.sees("This is not a real bank")
    pay_at_the_bank(page)

    page.sees("Paid. Thank you!")
    assert first is not None
    first.refresh_from_db()
    assert (first.status, first.closed_at is None) == ("expired", False)
    assert any(asked.path.endswith("/cancel") for asked in two_ways.requests)
    assert [payment.gateway for payment in Payment.objects.filter(status="succeeded")] == ["sandbox"]


def test_payer_reads_what_was_paid_and_opens_the_receipt(visit, worker, hold: Booking, sam: User):
    page = visit(as_user=sam, width=390).go("/checkout/")
    page.press("Pay Rp150,000")
    pay_at_the_bank(page)
    page.sees("Paid. Thank you!")

    page.page.locator(".site-account summary").click()
    page.press("My payments")
    page.sees("Maths lesson")
    page.sees("Rp150,000")
    assert not page.is_too_wide
    page.page.get_by_role("link", name="Receipt").first.click()
    page.sees("Print, or keep as a PDF")


def test_admin_finds_the_whole_story_of_a_payment_in_two_steps(visit, worker, hold: Booking, sam: User, root: User):
    page = visit(as_user=sam).go("/checkout/")
    page.press("Pay Rp150,000")
    pay_at_the_bank(page)
    page.sees("Paid. Thank you!")

    admin = visit(as_user=root, width=390).go("/admin/payments/payment/")
    admin.page.get_by_role("link", name=hold.order.reference, exact=True).first.click()

    admin.sees(f"The whole story of {hold.order.reference}")
    admin.sees("Message of sandbox: paid")
    admin.sees("Sam Student with Ada Tutor")
    assert not admin.is_too_wide
    admin.press("Ask the gateway now")
    admin.sees("The gateway says: paid.")
    assert admin.path.endswith(f"/order/{hold.order.reference}/")
