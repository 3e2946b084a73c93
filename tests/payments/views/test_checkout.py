from datetime import timedelta
from typing import Any

import pytest
import requests
import responses
import time_machine
from django.test import Client
from django.utils import timezone

from bookings.holds import place_hold
from bookings.models import Booking, Order, SessionType, Tutor, User
from payments.models import Payment
from payments.settlement import record_payment_failed, record_payment_succeeded
from tests.factories import make_booking, make_payment, make_session_type, tomorrow
from tests.payments import midtrans
from tests.payments.test_settlement import report_of


@pytest.fixture
def page(client: Client, sam: User) -> Client:
    """Sam's browser, logged in."""
    client.force_login(sam)
    return client


@pytest.fixture
def hold(maths: SessionType, sam: User) -> Booking:
    return place_hold(maths, starts_at=tomorrow(), student=sam)


def pay(page: Client, total: object = 150_000, gateway: str = "midtrans") -> Any:
    return page.post("/checkout/", {"gateway": gateway, "expected_total": total})


def test_checkout_shows_what_is_paid_and_how(page: Client, hold: Booking):
    answer = page.get("/checkout/")
    assert answer.status_code == 200
    for words in ("Maths lesson", "Ada Tutor", "Rp150,000", "Midtrans", "Pretend bank", "Asia/Jakarta"):
        assert words in answer.text


def test_checkout_places_the_order_and_goes_to_the_gateways_page(
    page: Client, hold: Booking, vendor: responses.RequestsMock
):
    midtrans.serve_page(vendor)
    answer = pay(page)
    hold.order.refresh_from_db()
    payment = hold.order.payments.get()
    assert (answer.status_code, answer["Location"]) == (303, "https://pay.midtrans.test/snap/v3/redirection/token-1")
    assert (hold.order.status, payment.money) == (Order.Status.AWAITING_PAYMENT, hold.money)


@pytest.mark.defect("TB-01")
@pytest.mark.parametrize("total", [1, 0, "", "abc", -5, 10**30])
def test_cart_that_costs_something_else_is_not_placed(page: Client, hold: Booking, total: object):
    answer = pay(page, total)
    hold.order.refresh_from_db()
    assert (answer.status_code, hold.order.status) == (409, Order.Status.CART)
    assert "Your cart has changed" in answer.text
    assert "Look at your cart" in answer.text


@pytest.mark.parametrize("gateway", ["", "acme", "stripe"])
def test_way_to_pay_must_be_one_that_is_offered(page: Client, hold: Booking, gateway: str):
    answer = pay(page, gateway=gateway)
    hold.order.refresh_from_db()
    assert (answer.status_code, hold.order.status) == (400, Order.Status.CART)
    assert "Please choose a way to pay." in answer.text


def test_only_way_to_pay_need_not_be_chosen(page: Client, hold: Booking, settings: Any):
    settings.PAYMENT_GATEWAYS = {"sandbox": settings.PAYMENT_GATEWAYS["sandbox"]}
    answer = pay(page, gateway="")
    assert answer["Location"].startswith("http://testserver/sandbox/pay/")


def test_checkout_without_any_gateway_says_so(page: Client, hold: Booking, settings: Any):
    settings.PAYMENT_GATEWAYS = {}
    assert "Nothing can be paid here right now" in page.get("/checkout/").text
    assert pay(page).status_code == 400


def test_session_without_a_price_is_booked_without_paying(page: Client, ada: Tutor, sam: User):
    order = place_hold(make_session_type(ada, price=0), starts_at=tomorrow(), student=sam).order
    assert "Book without paying" in page.get("/checkout/").text
    answer = pay(page, total=0, gateway="")
    order.refresh_from_db()
    assert (answer["Location"], order.status) == (f"/orders/{order.reference}/", Order.Status.PAID)


def test_second_press_goes_on_with_the_order_of_the_first(page: Client, hold: Booking, vendor: responses.RequestsMock):
    midtrans.serve_page(vendor)
    pay(page)
    answer = pay(page)
    assert (answer.status_code, answer["Location"]) == (303, f"/orders/{hold.order.reference}/")
    assert Order.objects.exclude(status=Order.Status.CART).count() == 1


def test_empty_cart_leads_back(page: Client):
    assert page.get("/checkout/")["Location"] == "/cart/"
    assert pay(page).status_code == 409


def test_gateway_in_trouble_leaves_an_order_that_can_be_paid_later(
    page: Client, hold: Booking, vendor: responses.RequestsMock
):
    vendor.post("https://snap.test/snap/v1/transactions", body=requests.ReadTimeout("slow"))
    answer = pay(page)
    assert (answer.status_code, answer["Retry-After"]) == (503, "60")
    assert f"/orders/{hold.order.reference}/" in answer.text
    midtrans.serve_page(vendor)
    again = page.post(f"/orders/{hold.order.reference}/pay/", {"gateway": "midtrans"})
    assert again["Location"].startswith("https://pay.midtrans.test/")


@pytest.mark.defect("CE-21")
def test_looking_at_an_order_opens_no_page(page: Client, payment: Payment, vendor: responses.RequestsMock):
    for _visit in range(3):
        assert page.get(f"/orders/{payment.order.reference}/").status_code == 200
    assert (payment.order.payments.count(), len(vendor.calls)) == (1, 0)


@pytest.mark.defect("CE-22")
def test_paid_order_is_not_asked_about_again_and_stays_paid(page: Client, payment: Payment, vendor: responses.RequestsMock):
    Payment.objects.update(checkout_url="https://pay.test/page-1")
    record_payment_succeeded(payment, report_of(payment))
    midtrans.serve_status(vendor, payment, "deny")

    answer = page.post(f"/orders/{payment.order.reference}/check/", follow=True)

    assert "Paid. Thank you!" in answer.text
    assert len(vendor.calls) == 0


@pytest.mark.defect("CE-19", "CE-22")
@pytest.mark.parametrize("what", ["", "state/", "pay/", "check/"])
def test_order_of_somebody_else_is_not_found(page: Client, kim: User, ada: Tutor, what: str):
    address = f"/orders/{make_booking(kim, ada).order.reference}/{what}"
    ask = page.post if what in ("pay/", "check/") else page.get
    assert ask(address).status_code == 404
    assert Client().get(address).status_code in (302, 404, 405)


def test_cart_is_no_order_yet(page: Client, hold: Booking):
    assert page.get(f"/orders/{hold.order.reference}/").status_code == 404


def test_waiting_order_offers_its_open_page_and_looks_for_news_by_itself(page: Client, payment: Payment):
    Payment.objects.update(checkout_url="https://pay.test/page-1")
    text = page.get(f"/orders/{payment.order.reference}/").text
    assert 'href="https://pay.test/page-1"' in text
    assert 'hx-trigger="load"' not in text  # nobody has just come back
    assert 'hx-trigger="every 2s"' in text
    assert "Waiting for your payment" in text
    assert "I have paid: ask again" in text


def test_page_that_is_up_to_date_is_not_sent_again(page: Client, payment: Payment):
    address = f"/orders/{payment.order.reference}/state/"
    version = page.get(f"/orders/{payment.order.reference}/").context["story"].version
    assert page.get(address, {"seen": version}).status_code == 204

    record_payment_succeeded(payment, report_of(payment))

    news = page.get(address, {"seen": version})
    assert news.status_code == 200
    assert "Paid. Thank you!" in news.text
    assert "<html" not in news.text
    assert "every 2s" not in news.text


@pytest.mark.defect("CE-23")
@pytest.mark.parametrize("claim", ["settlement", "capture", "success", "<script>"])
def test_claim_of_the_return_address_is_neither_believed_nor_shown(page: Client, payment: Payment, claim: str):
    answer = page.get(
        f"/payments/return/{payment.reference}/",
        {"order_id": payment.reference, "status_code": "200", "transaction_status": claim},
    )
    assert (answer.status_code, answer["Location"]) == (303, f"/orders/{payment.order.reference}/?back=1")
    text = page.get(answer["Location"]).text
    assert "Paid. Thank you!" not in text
    assert 'hx-trigger="load"' in text
    assert claim not in text.replace("<script src", "").replace("</script>", "")
    payment.refresh_from_db()
    assert payment.is_pending


def test_return_to_the_payment_of_somebody_else_is_not_found(page: Client, kim: User, ada: Tutor):
    other = make_payment(make_booking(kim, ada).order)
    assert page.get(f"/payments/return/{other.reference}/").status_code == 404


def test_coming_back_asks_the_gateway_through_the_same_code(page: Client, payment: Payment, vendor: responses.RequestsMock):
    Payment.objects.update(checkout_url="https://pay.test/page-1")
    midtrans.serve_status(vendor, payment)
    address = f"/orders/{payment.order.reference}/check/"
    assert page.post(address, headers={"HX-Request": "true"}).status_code == 204
    assert page.post(address)["Location"] == f"/orders/{payment.order.reference}/"
    assert len(vendor.calls) == 1
    payment.refresh_from_db()
    assert payment.status == Payment.Status.SUCCEEDED


def test_failed_try_is_told_plainly_and_can_be_repeated(page: Client, payment: Payment):
    Payment.objects.update(checkout_url="https://pay.test/page-1")
    record_payment_failed(payment, report_of(payment, detail="refused by the bank"))
    text = page.get(f"/orders/{payment.order.reference}/").text
    assert "This payment did not go through" in text
    assert "Nothing was taken" in text
    assert "Try again" in text
    assert "refused by the bank" not in text


def test_late_money_that_goes_back_is_told_plainly(page: Client, sam: User, kim: User, ada: Tutor):
    lost = make_booking(sam, ada, status=Booking.Status.EXPIRED)
    make_booking(kim, ada, during=lost.time, status=Booking.Status.PAID)
    payment = make_payment(lost.order)
    record_payment_succeeded(payment, report_of(payment))
    text = page.get(f"/orders/{lost.order.reference}/").text
    assert "Rp150,000 goes back to you" in text
    assert "a time in this order had gone to somebody else" in text
    assert "you were not charged" not in text


def test_order_that_was_not_paid_says_that_nothing_was_charged(page: Client, sam: User, ada: Tutor):
    order = make_booking(sam, ada, status=Booking.Status.EXPIRED).order
    text = page.get(f"/orders/{order.reference}/").text
    assert "This order was not paid in time" in text
    assert "you were not charged" in text
    assert "Pay now" not in text


def test_order_past_its_deadline_cannot_be_paid_though_nobody_has_swept_it(page: Client, payment: Payment):
    with time_machine.travel(timezone.now() + timedelta(minutes=31)):
        page.force_login(payment.order.payer)
        assert "Pay now" not in page.get(f"/orders/{payment.order.reference}/").text
        assert page.post(f"/orders/{payment.order.reference}/pay/", {"gateway": "midtrans"}).status_code == 409
