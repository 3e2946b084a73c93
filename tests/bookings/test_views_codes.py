"""Codes as a person meets them: in the cart, on the way to pay, and in the fragment that scripts ask for."""

import pytest
from django.test import Client

from bookings.holds import place_hold, release_hold
from bookings.models import Booking, Order, PromoCode, SessionType, Tutor, User
from tests.factories import make_code, make_session_type, tomorrow
from tests.pages import queries_of, text_of


@pytest.fixture
def browser(client: Client, sam: User) -> Client:
    client.force_login(sam)
    return client


@pytest.fixture
def hold(maths: SessionType, sam: User) -> Booking:
    return place_hold(maths, starts_at=tomorrow(), student=sam)


def test_code_is_typed_in_the_cart_and_shown_with_what_it_takes_off(browser: Client, hold: Booking):
    make_code("SUMMER")
    answer = browser.post("/cart/code/", {"code": " summer "})
    assert (answer.status_code, answer["Location"]) == (303, "/cart/")
    page = text_of(browser.get("/cart/"))
    assert "Price Rp150,000 Code SUMMER Remove −Rp15,000 Total Rp135,000" in page
    assert "Code SUMMER −Rp15,000 Total Rp135,000" in text_of(browser.get("/checkout/"))

    browser.post("/cart/code/remove/")
    assert "Total Rp150,000" in text_of(browser.get("/cart/"))


def test_wrong_code_says_so_and_changes_nothing(browser: Client, hold: Booking):
    browser.post("/cart/code/", {"code": "nope"})
    page = text_of(browser.get("/cart/"))
    assert "This code is not known here" in page
    assert "Total Rp150,000" in page


@pytest.mark.parametrize("typed", ["", "\0", "x" * 100_000, "<script>alert(1)</script>"])
def test_rubbish_in_the_field_is_a_wrong_code(browser: Client, hold: Booking, typed: str):
    answer = browser.post("/cart/code/", {"code": typed}, headers={"HX-Request": "true"})
    assert (answer.status_code, "This code is not known here" in answer.text) == (200, True)
    assert "<script>" not in answer.text


def test_scripts_get_the_total_only(browser: Client, hold: Booking):
    make_code("SUMMER")
    good = browser.post("/cart/code/", {"code": "summer"}, headers={"HX-Request": "true"})
    assert ("<html" in good.text, "Rp135,000" in good.text) == (False, True)
    gone = browser.post("/cart/code/remove/", headers={"HX-Request": "true"})
    assert "Rp150,000" in gone.text
    release_hold(hold.reference, payer=hold.student)
    empty = browser.post("/cart/code/", {"code": "summer"}, headers={"HX-Request": "true"})
    assert (empty.status_code, empty["HX-Refresh"]) == (204, "true")


def test_code_that_counts_no_more_is_told_in_the_cart_and_before_paying(browser: Client, hold: Booking):
    make_code("SUMMER")
    browser.post("/cart/code/", {"code": "summer"})
    PromoCode.objects.update(is_active=False)
    for path in ("/cart/", "/checkout/"):
        page = text_of(browser.get(path))
        assert "takes nothing off now" in page
        assert "Total Rp150,000" in page


@pytest.mark.defect("TB-01", "TB-10", "TB-11", "CE-18")
def test_sums_and_codes_that_a_browser_sends_along_are_not_believed(browser: Client, hold: Booking):
    make_code("SUMMER")
    sent = {"expected_total": 135_000, "gateway": "sandbox", "promo_code": "SUMMER", "discount": 15_000, "total": 135_000}
    answer = browser.post("/checkout/", {**sent, "promo_discount": 100, "price": 1, "legacy": "true"})
    assert (answer.status_code, Order.objects.get().status) == (409, Order.Status.CART)
    answer = browser.post("/checkout/", {**sent, "expected_total": 150_000})
    order = Order.objects.get()
    assert (answer.status_code, order.total, order.discount) == (303, 150_000, 0)
    assert [payment.amount for payment in order.payments.all()] == [150_000]


def test_code_that_was_used_up_meanwhile_is_told_instead_of_paid(browser: Client, hold: Booking):
    make_code("SUMMER")
    browser.post("/cart/code/", {"code": "summer"})
    PromoCode.objects.update(uses_allowed=0)
    answer = browser.post("/checkout/", {"expected_total": 135_000, "gateway": "sandbox"})
    assert (answer.status_code, Order.objects.get().status) == (409, Order.Status.CART)
    assert "This code has been used up." in answer.text
    assert "Look at your cart" in answer.text


@pytest.mark.defect("TB-09", "TB-10")
@pytest.mark.parametrize("free", ["code", "first session"])
def test_order_that_costs_nothing_is_booked_without_a_gateway(browser: Client, ada: Tutor, sam: User, free: str):
    offer = make_session_type(ada, slug="trial", first_one_free=free == "first session")
    booking = place_hold(offer, starts_at=tomorrow(), student=sam)
    if free == "code":
        make_code("GRATIS", kind="free")
        browser.post("/cart/code/", {"code": "gratis"})
    assert "Go on: nothing to pay" in text_of(browser.get("/cart/"))
    assert "Book without paying" in text_of(browser.get("/checkout/"))

    answer = browser.post("/checkout/", {"expected_total": 0})
    again = browser.post("/checkout/", {"expected_total": 0})

    booking.refresh_from_db()
    assert booking.is_paid
    assert (booking.order.status, booking.order.payments.count(), booking.discount) == ("paid", 0, booking.price)
    assert answer["Location"] == again["Location"] == booking.order.get_absolute_url()


def test_cart_with_a_code_takes_as_many_queries_for_ten_sessions(browser: Client, maths: SessionType, sam: User):
    make_code("SUMMER", first_booking_only=True, uses_allowed=5, uses_per_person=1)
    place_hold(maths, starts_at=tomorrow(0), student=sam)
    browser.post("/cart/code/", {"code": "summer"})
    one = queries_of(browser, "/cart/"), queries_of(browser, "/checkout/")
    for hour in range(2, 20, 2):
        place_hold(maths, starts_at=tomorrow(hour), student=sam)
    assert (queries_of(browser, "/cart/"), queries_of(browser, "/checkout/")) == one
