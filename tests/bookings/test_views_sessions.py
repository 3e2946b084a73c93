"""A person's own bookings."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from bookings.history import record_booking_change
from bookings.holds import place_hold, release_hold
from bookings.models import Booking, Order, SessionType, Tutor, User
from bookings.orders import mark_order_paid, place_order
from tests.factories import an_hour, make_booking, make_order, make_user, tomorrow
from tests.pages import queries_of, text_of

pytestmark = pytest.mark.django_db
Status = Booking.Status


@pytest.fixture
def browser(client: Client, sam: User) -> Client:
    client.force_login(sam)
    return client


def an_hour_ago(days: int = 1):
    return an_hour(timezone.now() - timedelta(days=days))


def test_bookings_are_parted_into_coming_past_and_dropped(browser: Client, ada: Tutor, sam: User):
    names = {
        "coming": [(Status.PAID, an_hour(tomorrow(9))), (Status.HELD, an_hour(tomorrow(12)))],
        "past": [(Status.PAID, an_hour_ago(1)), (Status.COMPLETED, an_hour_ago(2)), (Status.NO_SHOW_TUTOR, an_hour_ago(3))],
        "dropped": [(Status.EXPIRED, an_hour(tomorrow(15))), (Status.DECLINED, an_hour(tomorrow(17)))],
    }
    for name, bookings in names.items():
        for status, during in bookings:
            make_booking(sam, ada, status=status, during=during, name=f"{name} {status}")
    make_booking(sam, ada, status=Status.CANCELLED, name="dropped cancelled", cancelled_at=timezone.now())

    lists = {name: text_of(browser.get("/bookings/", {"show": name})) for name in names}

    assert "coming held" in lists["coming"]
    assert lists["coming"].index("coming held") < lists["coming"].index("coming paid")  # what must be paid comes first
    assert [name for name in names if "coming paid" in lists[name]] == ["coming"]
    assert [name for name in names if "past no_show_tutor" in lists[name]] == ["past"]
    assert [name for name in names if "dropped cancelled" in lists[name]] == ["dropped"]
    assert text_of(browser.get("/bookings/")) == lists["coming"]


def test_bookings_that_were_never_more_than_a_hold_are_in_no_list(browser: Client, maths: SessionType, sam: User):
    kept = place_hold(maths, starts_at=tomorrow(9), student=sam)
    released = place_hold(maths, starts_at=tomorrow(11), student=sam)
    release_hold(released.reference, payer=sam)
    assert _references_listed(browser) == {"coming": [], "past": [], "dropped": []}

    place_order(kept.order)

    assert _references_listed(browser) == {"coming": [kept.reference], "past": [], "dropped": []}


def _references_listed(browser: Client) -> dict[str, list[str]]:
    pages = {show: browser.get("/bookings/", {"show": show}).content.decode() for show in ("coming", "past", "dropped")}
    return {show: re.findall(r"/bookings/(BK-\w+)/", page) for show, page in pages.items()}


def test_bookings_of_others_are_not_shown(browser: Client, ada: Tutor, kim: User):
    theirs = make_booking(kim, ada, status=Status.PAID, name="Private lesson")

    assert "Private lesson" not in text_of(browser.get("/bookings/"))
    assert browser.get(theirs.get_absolute_url()).status_code == 404


def test_bookings_tell_a_tutor_which_part_is_theirs(client: Client, ada: Tutor, sam: User):
    make_booking(sam, ada, status=Status.PAID)
    client.force_login(ada.user)

    page = text_of(client.get("/bookings/"))

    assert "with Sam Student" in page
    assert "You are" in page
    assert sam.email not in page


@pytest.mark.parametrize("show", ["coming", "past", "dropped"])
def test_bookings_take_as_many_queries_for_fifty_as_for_one(browser: Client, ada: Tutor, sam: User, show: str):
    status, sign = {"coming": (Status.PAID, 1), "past": (Status.COMPLETED, -1), "dropped": (Status.EXPIRED, 1)}[show]
    path = f"/bookings/?show={show}"
    make_booking(sam, ada, status=status, during=an_hour(tomorrow() + sign * timedelta(days=50)))
    with_one = queries_of(browser, path)
    for day in range(1, 50):
        make_booking(
            make_user(), ada, status=status, during=an_hour(tomorrow() + sign * timedelta(days=day)), order=make_order(sam)
        )

    assert queries_of(browser, path) == with_one
    assert "Page 1 of 3" in text_of(browser.get(path))


def test_bookings_in_an_unknown_list_are_not_found(browser: Client):
    assert browser.get("/bookings/?show=all").status_code == 404


@pytest.mark.parametrize("reader", ["sam", "ada", "kim"])
def test_booking_is_shown_to_student_tutor_and_payer(client: Client, ada: Tutor, sam: User, kim: User, reader: str):
    booking = make_booking(sam, ada, status=Status.PAID, order=make_order(kim, status=Order.Status.PAID))
    client.force_login({"sam": sam, "ada": ada.user, "kim": kim}[reader])

    page = text_of(client.get(booking.get_absolute_url()))

    assert booking.reference in page
    assert (booking.order.reference in page) is (reader == "kim")
    for person in (sam, ada.user, kim):
        assert person.email not in page.replace(_own_address(reader), "")


def _own_address(reader: str) -> str:
    return f"{reader}@example.com"  # stands in the menu of one's own account


@pytest.mark.defect("TB-33")
def test_booking_tells_its_time_in_the_readers_zone(client: Client, ada: Tutor, sam: User, kim: User):
    summer = datetime(2027, 7, 1, 10, tzinfo=UTC)
    booking = make_booking(
        sam, ada, status=Status.PAID, during=an_hour(summer), order=make_order(kim, status=Order.Status.PAID)
    )
    shown = {}
    for reader in (sam, kim):
        client.force_login(reader)
        shown[reader.time_zone] = text_of(client.get(booking.get_absolute_url()))

    assert "Thursday 1 July 2027 17:00 – 18:00 Asia/Jakarta" in _spaced(shown["Asia/Jakarta"])
    assert "Thursday 1 July 2027 12:00 – 13:00 Europe/Berlin" in _spaced(shown["Europe/Berlin"])


def _spaced(text: str) -> str:
    return " ".join(text.replace("–", " – ").split())


@pytest.mark.parametrize("reference", ["BK-NOSUCHONE1", "nothing", "%00"])
def test_booking_that_is_not_there_is_not_found(browser: Client, reference: str):
    assert browser.get(f"/bookings/{reference}/").status_code == 404


@pytest.mark.parametrize(
    ("status", "during", "words"),
    [
        (Status.PAID, (1, 2), "Paid"),
        (Status.PAID, (-0.5, 0.5), "Running now"),
        (Status.PAID, (-2, -1), "Over"),
        (Status.EXPIRED, (1, 2), "Expired"),
    ],
)
def test_booking_says_its_state_in_words(browser: Client, ada: Tutor, sam: User, status: str, during, words: str):
    now = timezone.now()
    begins, ends = (now + timedelta(hours=hours) for hours in during)
    booking = make_booking(sam, ada, status=status, during=type(an_hour())(begins, ends))

    page = text_of(browser.get(booking.get_absolute_url()))

    assert f"{booking.name} {words}" in page


def test_booking_that_waits_too_long_reads_as_expired_before_it_is_swept(browser: Client, maths: SessionType, sam: User):
    booking = place_order(place_hold(maths, starts_at=tomorrow(days=2), student=sam).order).bookings.get()
    assert "Waiting for payment" in text_of(browser.get(booking.get_absolute_url()))

    with time_machine.travel(timezone.now() + timedelta(minutes=31)):
        browser.force_login(sam)
        page = text_of(browser.get(booking.get_absolute_url()))

    assert "Expired" in page
    assert "Waiting for payment" not in page


def test_booking_tells_its_history_in_plain_words(browser: Client, maths: SessionType, sam: User, root: User):
    order = place_order(place_hold(maths, starts_at=tomorrow(), student=sam).order)
    mark_order_paid(order)
    booking = order.bookings.get()
    record_booking_change(booking, what="time", was="10:00", became="11:00", who=root)
    record_booking_change(booking, what="status", was="paid", became="cancelled", who=sam)

    history = text_of(browser.get(booking.get_absolute_url())).partition("What happened so far")[2]

    sentences = ["Time held", "Paid", "time: from 10:00 to 11:00 by our team", "Cancelled by you"]
    places = [history.find(sentence) for sentence in sentences]
    assert places == sorted(places)
    assert places[0] >= 0
    assert root.email not in history


def test_payer_who_changes_a_session_is_not_taken_for_our_team(browser: Client, ada: Tutor, sam: User, kim: User):
    booking = make_booking(sam, ada, status=Status.PAID, order=make_order(kim, status=Order.Status.PAID))
    record_booking_change(booking, what="status", was="paid", became="cancelled", who=kim)
    history = text_of(browser.get(booking.get_absolute_url())).partition("What happened so far")[2]
    assert "Cancelled by the payer" in history


def test_decision_about_an_absence_does_not_read_as_if_our_team_had_been_absent(
    browser: Client, ada: Tutor, sam: User, root: User
):
    booking = make_booking(sam, ada, status=Status.NO_SHOW_TUTOR)
    record_booking_change(booking, what="absence", became="tutor_absent", who=root)
    page = text_of(browser.get(booking.get_absolute_url()))
    assert "Decided: the tutor was absent" in page
    assert "absent by our team" not in page


@pytest.mark.parametrize(("status", "said"), [(Status.PAID, "Paid Rp135,000"), (Status.ACCEPTED, "To pay Rp135,000")])
def test_discounted_session_is_to_be_paid_only_until_it_is_paid(browser: Client, ada: Tutor, sam: User, status, said: str):
    order = make_order(sam, status=Order.Status.PAID if status == Status.PAID else Order.Status.AWAITING_PAYMENT)
    booking = make_booking(sam, ada, status=status, order=order, discount=15_000)
    assert said in text_of(browser.get(booking.get_absolute_url()))


def test_booking_never_names_the_links_of_the_pool(browser: Client, ada: Tutor, sam: User):
    booking = make_booking(sam, ada, status=Status.PAID)
    record_booking_change(booking, what="meeting link", was="meet.google.com/abc", became="Blue room")
    page = text_of(browser.get(booking.get_absolute_url()))
    assert "The place of the session was changed" in page
    assert "meet.google.com" not in page
    assert "Blue room" not in page


def test_booking_takes_as_many_queries_with_a_long_history(browser: Client, ada: Tutor, sam: User, root: User):
    booking = make_booking(sam, ada, status=Status.PAID)
    record_booking_change(booking, what="status", became="paid")
    with_one = queries_of(browser, booking.get_absolute_url())
    for _number in range(20):
        record_booking_change(booking, what="time", was="10:00", became="11:00", who=root)

    assert queries_of(browser, booking.get_absolute_url()) == with_one


@pytest.mark.parametrize("path", ["/bookings/", "/bookings/BK-ANYTHING01/", "/profile/", "/cart/"])
def test_pages_of_ones_own_ask_strangers_to_log_in(client: Client, path: str):
    assert client.get(path)["Location"] == f"/accounts/login/?next={path}"


@pytest.mark.parametrize(("minutes", "shown"), [(5, "coming"), (-5, "dropped")])
def test_request_that_nobody_answered_in_time_stands_among_what_came_to_nothing(
    browser: Client, ada: Tutor, sam: User, minutes: int, shown: str
):
    until = timezone.now() + timedelta(minutes=minutes)
    asked = make_booking(sam, ada, status=Status.REQUESTED, held_until=until, order=make_order(sam, placed_at=None))

    lists = _references_listed(browser)

    assert [name for name, found in lists.items() if asked.reference in found] == [shown]


@pytest.mark.defect("IT-32")
def test_bookings_say_who_pays_instead_of_a_price_that_is_not_the_readers(client: Client, ada: Tutor, sam: User, kim: User):
    make_booking(kim, ada, status=Status.PAID, order=make_order(sam, status=Order.Status.PAID))
    pages = {}
    for person in (sam, kim):
        client.force_login(person)
        pages[person] = text_of(client.get("/bookings/"))

    assert "Rp150,000" in pages[sam]
    assert "Rp150,000" not in pages[kim]
    assert "Sam Student pays" in pages[kim]
