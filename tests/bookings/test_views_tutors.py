"""What anybody may look at: tutors and their open times."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, time, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from allauth.account.models import EmailAddress
from django.test import Client
from django.utils import timezone

from bookings.models import Booking, SessionType, Tutor, User
from tests.factories import an_hour, make_booking, make_session_type, make_tutor, make_user, tomorrow
from tests.pages import day_name, days_on, queries_of, slots_on, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def morning() -> Iterator[datetime]:
    """It is nine in the morning (UTC): some of today's times are still open."""
    with time_machine.travel(timezone.now().replace(hour=9), tick=False):
        yield timezone.now()


def test_tutor_list_shows_name_subjects_lowest_price_and_next_free_time(client: Client, ada: Tutor, maths: SessionType):
    Tutor.objects.filter(pk=ada.pk).update(headline="Calculus without tears", subjects="Maths, physics")
    make_session_type(ada, slug="short", name="Short lesson", minutes=30, price=90_000)

    page = text_of(client.get("/"))

    for words in ("Ada Tutor", "Calculus without tears", "Maths, physics", "Rp90,000", "Next free:"):
        assert words in page
    assert "Rp150,000" not in page


@pytest.mark.parametrize("hidden", [{"is_approved": False}, {"is_paused": True}])
def test_tutor_list_leaves_out_tutors_who_cannot_be_booked(client: Client, ada: Tutor, hidden: dict[str, bool]):
    Tutor.objects.filter(pk=ada.pk).update(**hidden)

    assert "Ada Tutor" not in text_of(client.get("/"))
    assert client.get("/tutors/ada/").status_code == 404


def test_tutor_list_leaves_out_who_sells_nothing(client: Client, ada: Tutor, maths: SessionType):
    ada.session_types.update(is_active=False)

    assert "Ada Tutor" not in text_of(client.get("/"))
    assert "Nothing to book at the moment" in text_of(client.get("/tutors/ada/"))


def test_tutor_list_takes_as_many_queries_for_a_full_page_as_for_one(client: Client, ada: Tutor):
    with_one = queries_of(client, "/")
    for number in range(11):
        make_session_type(make_tutor(make_user(full_name=f"Tutor {number}")))

    assert queries_of(client, "/") == with_one


def test_tutor_list_comes_in_pages(client: Client):
    for number in range(13):
        make_session_type(make_tutor(make_user(full_name=f"Tutor {number:02}")))

    assert "Tutor 12" not in text_of(client.get("/"))
    assert "Tutor 12" in text_of(client.get("/?page=2"))
    assert client.get("/?page=nonsense").status_code == 200


@pytest.mark.parametrize(("words", "found"), [("ada", True), ("MATHS", True), ("maths ada", True), ("maths kim", False)])
def test_tutor_list_is_searched_by_name_and_subject(client: Client, ada: Tutor, words: str, found: bool):
    Tutor.objects.filter(pk=ada.pk).update(subjects="Maths")

    assert ("Ada Tutor" in text_of(client.get("/", {"q": words}))) is found


def test_tutor_list_survives_a_search_that_no_database_can_read(client: Client, ada: Tutor):
    answer = client.get("/", {"q": "\0" * 3})

    assert answer.status_code == 200
    assert "Nothing can be found with these words" in text_of(answer)


def test_pages_never_show_an_address_in_place_of_a_name(client: Client):
    make_session_type(make_tutor(make_user("secret@example.com", full_name=""), slug="nameless"))

    for path in ("/", "/tutors/nameless/"):
        assert "secret" not in client.get(path).content.decode()


@pytest.mark.defect("CE-25")
def test_tutor_page_tells_times_in_the_readers_zone_and_names_it(client: Client, sam: User):
    tutor = make_tutor(slug="dawn", hours=[(day, time(20), time(21)) for day in range(7)])
    make_session_type(tutor)
    client.force_login(sam)  # Asia/Jakarta: 20:00 UTC is 03:00 of the next day there

    answer = client.get("/tutors/dawn/")

    assert "Times are shown in Asia/Jakarta." in text_of(answer)
    assert set(re.findall(r'<button class="slot".*>(.+)</button>', answer.content.decode())) == {"03:00"}
    starts = [datetime.fromisoformat(start) for start in slots_on(answer)]
    assert {start.hour for start in starts} == {20}
    assert days_on(answer) == [day_name(start.date() + timedelta(days=1)) for start in starts]


def test_tutor_page_uses_the_browsers_zone_for_visitors(client: Client, ada: Tutor):
    client.cookies["tz"] = "Europe/Berlin"

    assert "Times are shown in Europe/Berlin." in text_of(client.get("/tutors/ada/"))


@pytest.mark.defect("TB-33")
def test_tutor_page_shows_every_slot_of_a_fortnight(client: Client, ada: Tutor, morning: datetime):
    client.cookies["tz"] = "UTC"

    starts = slots_on(client.get("/tutors/ada/"))

    whole_day = [start for start in starts if start.startswith(f"{tomorrow():%Y-%m-%d}")]
    assert len(whole_day) == 48
    assert len({start[:10] for start in starts}) == 14


@pytest.mark.defect("TB-14")
def test_tutor_page_hides_what_is_taken_whole_ranges_compared(client: Client, ada: Tutor, kim: User):
    make_booking(kim, ada, during=an_hour(tomorrow(12)), status=Booking.Status.PAID)

    starts = slots_on(client.get("/tutors/ada/"))

    day = f"{tomorrow():%Y-%m-%d}"
    assert {f"{day}T11:00:00+00:00", f"{day}T13:00:00+00:00"} <= set(starts)
    assert not {f"{day}T{clock}:00+00:00" for clock in ("11:30", "12:00", "12:30")} & set(starts)


def test_tutor_page_hides_times_at_which_the_reader_is_busy(client: Client, ada: Tutor, sam: User):
    other = make_tutor(slug="other")
    make_booking(sam, other, during=an_hour(tomorrow(9)), status=Booking.Status.PAID)
    client.force_login(sam)

    assert f"{tomorrow(9):%Y-%m-%dT%H:%M:%S}+00:00" not in slots_on(client.get("/tutors/ada/"))


def test_tutor_page_offers_each_session_type(client: Client, ada: Tutor, maths: SessionType):
    make_session_type(ada, slug="long", name="Long lesson", minutes=90, price=200_000)

    page = client.get("/tutors/ada/?type=long")

    assert 'name="session_type" value="long"' in page.content.decode()
    assert "Maths lesson" in text_of(page)


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ("1900-01-01", "That day is over."),
        ("9999-12-31", "That day is too far away."),
        ("tomorrow", "This is not a date."),
        ("2026-02-30", "This is not a date."),
        ("0000-00-00", "This is not a date."),
        ("%00", "This is not a date."),
    ],
)
def test_tutor_page_answers_a_strange_day_with_a_sentence_and_times(client: Client, ada: Tutor, asked: str, sentence: str):
    answer = client.get(f"/tutors/ada/?from={asked}")

    assert answer.status_code == 200
    assert sentence in text_of(answer)
    assert slots_on(answer)


def test_tutor_page_leads_on_through_all_bookable_days_and_back(client: Client, ada: Tutor, morning: datetime):
    Tutor.objects.filter(pk=ada.pk).update(horizon_days=30)
    client.cookies["tz"] = "UTC"
    path, seen = "/tutors/ada/", []
    while path:
        answer = client.get(path)
        page = answer.content.decode()
        seen += days_on(answer)
        found = re.search(r'rel="next" href="(\?[^"#]+)', page)
        path = "/tutors/ada/" + found[1].replace("&amp;", "&") if found else ""

    today = morning.date()
    assert seen == [day_name(today + timedelta(days=number)) for number in range(31)]
    assert f'rel="prev" href="?from={today + timedelta(days=14)}' in page


def test_tutor_page_leads_back_no_further_than_today(client: Client, ada: Tutor):
    client.cookies["tz"] = "UTC"
    today = timezone.now().date()

    page = client.get("/tutors/ada/", {"from": str(today + timedelta(days=3))}).content.decode()

    assert f'rel="prev" href="?from={today}' in page
    assert 'rel="prev"' not in client.get("/tutors/ada/").content.decode()


def test_tutor_page_without_free_times_leads_to_the_next_free_day(client: Client, ada: Tutor):
    ada.weekly_hours.all().delete()
    late = tomorrow(days=20).date()
    ada.date_overrides.create(date=late, starts=time(10), ends=time(12))
    client.cookies["tz"] = "UTC"

    page = client.get("/tutors/ada/").content.decode()

    assert "No free times in these days" in page
    assert f'href="?from={late}"' in page


def test_tutor_page_says_so_when_nothing_at_all_is_free(client: Client, ada: Tutor):
    ada.weekly_hours.all().delete()

    assert "No free times" in text_of(client.get("/tutors/ada/"))


def test_tutor_page_takes_as_many_queries_with_many_bookings(client: Client, ada: Tutor, maths: SessionType):
    client.get("/tutors/ada/")
    with_none = queries_of(client, "/tutors/ada/")
    for day in range(1, 13):
        make_booking(make_user(), ada, during=an_hour(tomorrow(days=day)), status=Booking.Status.PAID)

    assert queries_of(client, "/tutors/ada/") == with_none


def test_slot_chosen_before_logging_in_is_waiting_afterwards(client: Client, ada: Tutor, maths: SessionType, sam: User):
    EmailAddress.objects.create(user=sam, email=sam.email, primary=True, verified=True)
    answer = client.post("/tutors/ada/hold/", {"session_type": "maths", "starts_at": tomorrow().isoformat()})

    assert answer.status_code == 302
    assert urlsplit(answer["Location"]).path == "/accounts/login/"
    assert "Log in or sign up to keep this time." in text_of(client.get(answer["Location"]))
    back = parse_qs(urlsplit(answer["Location"]).query)["next"][0]
    logged_in = client.post("/accounts/login/", {"login": sam.email, "password": "secret-words", "next": back})
    assert logged_in["Location"] == back
    page = client.get(back)
    assert "The time you chose" in text_of(page)
    assert slots_on(page)[0] == f"{tomorrow():%Y-%m-%dT%H:%M:%S}+00:00"
    assert not Booking.objects.exists()  # reading a page books nothing


def test_slot_chosen_before_logging_in_may_be_gone_afterwards(client: Client, ada: Tutor, maths: SessionType, kim: User):
    make_booking(kim, ada, during=an_hour(), status=Booking.Status.PAID)

    page = client.get("/tutors/ada/", {"type": "maths", "slot": tomorrow().isoformat()})

    assert "The time you chose is not free any more." in text_of(page)
