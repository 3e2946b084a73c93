"""What a tutor sells, as the tutor edits it."""

from typing import Any

import pytest
from django.test import Client

from bookings.holds import place_hold
from bookings.models import SessionType, Tutor, User
from bookings.money import Money
from bookings.session_types import save_session_type
from tests.factories import make_session_type, make_tutor, tomorrow
from tests.pages import queries_of, text_of
from tests.race import race

LIST = "/teaching/sessions/"
FILLED: dict[str, Any] = {
    "name": "Exam preparation",
    "minutes": 90,
    "price": "240.000",
    "currency": "IDR",
    "first_one_free": "on",
    "is_active": "on",
}


@pytest.fixture
def browser(client: Client, ada: Tutor) -> Client:
    client.force_login(ada.user)
    return client


def test_tutor_adds_a_session_with_its_price_as_people_write_it(browser: Client, ada: Tutor):
    answer = browser.post(f"{LIST}new/", FILLED)
    assert (answer.status_code, answer["Location"]) == (303, LIST)
    made = ada.session_types.get(slug="exam-preparation")
    assert (made.name, made.minutes, made.money) == ("Exam preparation", 90, Money(240_000, "IDR"))
    assert (made.first_one_free, made.is_active) == (True, True)
    page = text_of(browser.get(LIST))
    for words in ("Exam preparation", "First one free", "90 minutes", "Rp240,000", "On sale", "Maths lesson"):
        assert words in page


@pytest.mark.parametrize(
    ("currency", "typed", "amount", "shown"),
    [("USD", "25", 2_500, "25.00"), ("USD", "25,50", 2_550, "25.50"), ("JPY", "3000", 3_000, "3000"), ("IDR", "0", 0, "0")],
)
def test_price_is_kept_in_minor_units_and_shown_in_major_ones(
    browser: Client, ada: Tutor, currency: str, typed: str, amount: int, shown: str
):
    browser.post(f"{LIST}new/", {**FILLED, "currency": currency, "price": typed})
    assert ada.session_types.get(slug="exam-preparation").money == Money(amount, currency)
    assert f'value="{shown}"' in browser.get(f"{LIST}exam-preparation/").text


@pytest.mark.defect("CE-18")
@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"name": ""}, "This field is required."),
        ({"name": "x" * 101}, "at most 100 characters"),
        ({"name": "a\0b"}, "Null characters are not allowed."),
        ({"minutes": 4}, "A session lasts at least 5 minutes."),
        ({"minutes": 1441}, "A session lasts at most a day (1440 minutes)."),
        ({"minutes": "an hour"}, "Enter a whole number."),
        ({"price": "150.000,00"}, "This is not a sum in IDR. Please write it like this: 150000"),
        ({"price": "-1"}, "This is not a sum in IDR."),
        ({"price": "12.345", "currency": "USD"}, ""),
        ({"price": "1.2345", "currency": "USD"}, "Please write it like this: 1500.00"),
        ({"price": "9" * 20}, "This sum is too high."),
        ({"price": ""}, "This field is required."),
        ({"currency": "XXX"}, "Select a valid choice."),
        ({"currency": "", "price": "abc"}, "This field is required."),
    ],
)
def test_what_cannot_be_sold_so_is_told_in_one_sentence(browser: Client, ada: Tutor, wrong: dict[str, Any], sentence: str):
    answer = browser.post(f"{LIST}new/", {**FILLED, **wrong})
    if not sentence:
        assert answer.status_code == 303
        return
    assert (answer.status_code, ada.session_types.count()) == (400, 1)
    assert sentence in text_of(answer)


def test_short_name_is_made_once_and_differs_from_the_tutors_others(browser: Client, ada: Tutor):
    for _n in range(3):
        browser.post(f"{LIST}new/", FILLED)
    browser.post(f"{LIST}new/", {**FILLED, "name": "New"})
    browser.post(f"{LIST}new/", {**FILLED, "name": "数学"})
    slugs = set(ada.session_types.values_list("slug", flat=True))
    assert slugs == {"maths", "exam-preparation", "exam-preparation-2", "exam-preparation-3", "new-2", "session"}
    browser.post(f"{LIST}session/", {**FILLED, "name": "Japanese"})
    assert ada.session_types.get(slug="session").name == "Japanese"


@pytest.mark.django_db(transaction=True)
def test_sessions_added_at_once_get_different_short_names(ada: Tutor):
    def add(_n: int) -> str:
        return save_session_type(SessionType(tutor=ada, name="Piano", minutes=30, price=1)).slug

    outcomes = race(add, threads=6)
    assert sorted(one.value for one in outcomes) == ["piano", "piano-2", "piano-3", "piano-4", "piano-5", "piano-6"]


@pytest.mark.defect("IT-31", "TB-01")
def test_what_was_sold_stays_as_it_was_sold(browser: Client, maths: SessionType, sam: User):
    booking = place_hold(maths, starts_at=tomorrow(), student=sam)
    browser.post(f"{LIST}maths/", {**FILLED, "currency": "USD", "price": "1"})
    booking.refresh_from_db()
    maths.refresh_from_db()
    assert (booking.name, booking.minutes, booking.money) == ("Maths lesson", 60, Money(150_000, "IDR"))
    assert (booking.ends_at - booking.starts_at).total_seconds() == 3600
    assert maths.money == Money(100, "USD")


def test_session_off_sale_cannot_be_booked_until_it_is_put_on_again(browser: Client, maths: SessionType):
    for _twice in range(2):
        browser.post(f"{LIST}maths/take-off/")
    assert not maths.tutor.session_types.on_sale().exists()
    assert "Put on sale" in text_of(browser.get(LIST))
    browser.post(f"{LIST}maths/put-on/")
    assert maths.tutor.session_types.on_sale().get() == maths


def test_tutor_without_sessions_is_shown_where_to_begin(client: Client, db: None):
    client.force_login(make_tutor().user)
    assert "You sell no session yet" in text_of(client.get(LIST))


def test_sessions_of_others_are_not_there(client: Client, maths: SessionType, sam: User):
    for person in (sam, make_tutor().user):
        client.force_login(person)
        assert client.get(f"{LIST}maths/").status_code == 404
        assert client.post(f"{LIST}maths/", FILLED).status_code == 404
        assert client.post(f"{LIST}maths/take-off/").status_code == 404
    assert SessionType.objects.get(pk=maths.pk).is_active


def test_list_takes_as_many_queries_for_fifty_sessions(browser: Client, ada: Tutor):
    one = queries_of(browser, LIST)
    for _n in range(49):
        make_session_type(ada)
    assert queries_of(browser, LIST) == one
