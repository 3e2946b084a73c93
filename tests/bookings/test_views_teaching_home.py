"""The tutor's home: what is to be done today, this week and this month, and nobody else's business."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from bookings.models import Booking, SessionType, Tutor, User
from tests.factories import an_hour, make_booking, make_link, make_meeting, make_order, make_tutor, make_user
from tests.pages import queries_of, text_of
from tests.requests_made import accepted, ask, proposed

Status = Booking.Status
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)  # a Wednesday; Ada's hours are in UTC


@pytest.fixture(autouse=True)
def _wednesday_noon():
    with time_machine.travel(NOON, tick=False):
        yield


@pytest.fixture
def tutor(ada: Tutor) -> Client:
    ada.approves_first = True
    ada.save()
    browser = Client()
    browser.force_login(ada.user)
    return browser


def teach(ada: Tutor, student: User, starts: datetime, status: str = Status.PAID, **fields: Any) -> Booking:
    order = fields.pop("order", None) or make_order(student, status="paid")
    return make_booking(student, ada, during=an_hour(starts), status=status, order=order, **fields)


def test_home_is_the_tutors_alone(tutor: Client, sam: User, root: User):
    assert tutor.get("/teaching/").status_code == 200
    for person in (sam, root):
        other = Client()
        other.force_login(person)
        assert other.get("/teaching/").status_code == 404
        assert other.get("/teaching/links/").status_code == 404
    assert Client().get("/teaching/").status_code == 302


def test_today_shows_the_way_in_when_the_door_is_open(ada: Tutor, tutor: Client, sam: User):
    over = teach(ada, sam, NOON - timedelta(hours=3))
    now = teach(ada, sam, NOON + timedelta(minutes=10))
    later = teach(ada, sam, NOON + timedelta(hours=5))
    page = tutor.get("/teaching/").content.decode()
    assert f"/join/{now.reference}" in page
    for other in (over, later):
        assert f"/join/{other.reference}" not in page
        assert other.get_absolute_url() in page
    assert "The door opens at 16:45" in page
    assert f'data-countdown datetime="{later.join_opens_at.isoformat()}"' in page


def test_day_and_hours_are_those_of_the_tutors_clock(ada: Tutor, tutor: Client, sam: User):
    Tutor.objects.update(time_zone="Pacific/Auckland")
    teach(ada, sam, NOON + timedelta(minutes=30))  # 5 March, 01:30 in Auckland
    page = text_of(tutor.get("/teaching/"))
    assert "Thursday 5 March 2026, by the clock of Pacific/Auckland" in page
    assert "01:30–02:30" in page


def test_next_session_is_told_when_today_is_free(ada: Tutor, tutor: Client, sam: User):
    teach(ada, sam, NOON + timedelta(days=3))
    page = text_of(tutor.get("/teaching/"))
    assert "No sessions today." in page
    assert "Next: Maths lesson" in page
    assert "Saturday 7 March 2026" in page


def test_requests_are_answered_from_home_the_most_urgent_first(
    ada: Tutor, tutor: Client, maths: SessionType, sam: User, kim: User
):
    late = ask(maths, sam, starts_at=NOON + timedelta(days=3), message="Fractions.")
    soon = ask(maths, kim, starts_at=NOON + timedelta(hours=4))
    page = tutor.get("/teaching/")
    assert page.content.decode().index(soon.reference) < page.content.decode().index(late.reference)
    assert "“Fractions.”" in text_of(page)
    answer = tutor.post(f"/bookings/{soon.reference}/request/accept/")
    assert answer.status_code == 303
    assert "Waiting for students" in text_of(tutor.get("/teaching/"))


def test_week_shows_sessions_requests_and_holds(ada: Tutor, tutor: Client, maths: SessionType, sam: User, kim: User):
    teach(ada, sam, NOON + timedelta(days=1))
    ask(maths, sam, starts_at=NOON + timedelta(days=1, hours=2))
    make_booking(kim, ada, during=an_hour(NOON + timedelta(days=1, hours=4)), order=make_order(kim, status="cart"))
    cancelled = teach(ada, sam, NOON + timedelta(days=2), Status.CANCELLED)
    page = tutor.get("/teaching/")
    words = text_of(page)
    assert "12:00–13:00 Sam Student Maths lesson" in words
    assert "14:00–15:00 Sam Student Maths lesson (to answer)" in words
    assert "16:00–17:00 being paid" in words
    assert "Kim" not in words  # a hold in a cart is nobody's booking yet
    assert cancelled.reference not in page.content.decode()
    assert "at-48 for-4" in page.content.decode()


def test_other_weeks_are_one_press_away(ada: Tutor, tutor: Client, sam: User):
    teach(ada, sam, NOON + timedelta(days=7))
    assert "Sam Student" not in text_of(tutor.get("/teaching/?week=2026-02-25"))
    page = tutor.get("/teaching/?week=2026-03-12")
    assert "9 March – 15 March 2026" in text_of(page)
    assert "Sam Student" in text_of(page)
    assert 'href="?week=2026-03-02#week"' in page.content.decode()


@pytest.mark.parametrize("query", ["week=1900-01-01", "week=9999-12-31", "week=no"])
def test_day_that_makes_no_sense_shows_the_present_and_says_so(tutor: Client, query: str):
    page = text_of(tutor.get(f"/teaching/?{query}"))
    assert "so you see the present days." in page
    assert "2 March – 8 March 2026" in page


def test_new_tutor_is_led_through_what_is_missing(sam: User):
    new = make_tutor(hours=[], is_approved=False)
    browser = Client()
    browser.force_login(new.user)
    page = browser.get("/teaching/")
    words = text_of(page)
    for line in (
        "Before students can book you",
        "Set your hours",
        "Say what you teach",
        "Our team looks at every new tutor",
    ):
        assert line in words
    for address in ("/teaching/hours/", "/teaching/sessions/"):
        assert f'class="button button-secondary" href="{address}"' in page.content.decode()


def test_checklist_goes_away_when_all_is_there(tutor: Client):
    assert "Before students can book you" not in text_of(tutor.get("/teaching/"))
    Tutor.objects.update(is_paused=True)
    assert "Bookings are paused" in text_of(tutor.get("/teaching/"))


def test_sessions_without_a_link_are_told_of(ada: Tutor, tutor: Client, sam: User):
    assert text_of(tutor.get("/teaching/links/")) == ""
    with_link = teach(ada, sam, NOON + timedelta(days=1))
    make_meeting(with_link, status="ready", link=make_link(), reserved=with_link.during)
    without = teach(ada, sam, NOON + timedelta(days=2))
    teach(make_tutor(), sam, NOON + timedelta(days=3))
    page = tutor.get("/teaching/links/").content.decode()
    assert without.reference in page
    assert page.count("<li>") == 1
    home = tutor.get("/teaching/").content.decode()
    for part in ("/teaching/links/", "/teaching/earnings/"):  # a part whose first look fails looks again
        assert f'hx-get="{part}" hx-trigger="load, every 10s" ' in home


def test_home_takes_as_many_queries_with_fifty_bookings_as_with_one(
    ada: Tutor, tutor: Client, maths: SessionType, sam: User
):
    def fill(number: int) -> None:
        day = number // 10
        student = make_user()
        teach(ada, student, NOON + timedelta(days=-2 + day, hours=number % 10 - 11))
        ask(maths, student, starts_at=NOON + timedelta(days=7 + day, hours=number % 10))

    teach(ada, sam, NOON + timedelta(days=20))
    fill(0)
    proposed_one, accepted_one = proposed(maths, make_user()), accepted(maths, make_user())
    assert proposed_one.waits_for_student
    assert accepted_one.is_kept
    few = [queries_of(tutor, "/teaching/"), queries_of(tutor, "/teaching/links/")]
    for number in range(1, 50):
        fill(number)
    assert [queries_of(tutor, "/teaching/"), queries_of(tutor, "/teaching/links/")] == few
    assert few[0] <= 16
