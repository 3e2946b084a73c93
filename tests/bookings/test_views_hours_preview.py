"""The fortnight that a tutor's hours make, before they are saved."""

from __future__ import annotations

from datetime import time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import timezone

from bookings import availability
from bookings.models import Booking, DateOverride, SessionType, Tutor, User
from bookings.times import day_bounds
from tests.bookings.hours_page import PAGE, PREVIEW, fortnight, rows_of, saved, typed
from tests.factories import an_hour, make_booking, make_session_type, make_user, tomorrow
from tests.pages import queries_of, text_of

DAY = timedelta(days=1)
pytestmark = pytest.mark.django_db


@pytest.fixture
def page(client: Client, ada: Tutor) -> Client:
    client.force_login(ada.user)
    return client


def test_preview_follows_what_is_typed_and_writes_nothing(page: Client, ada: Tutor):
    before = saved(ada)
    day = timezone.now().date() + 3 * DAY

    answer = page.post(PREVIEW, typed(ada, {day.weekday(): "09:00-11:00"}, slot_step_minutes="60"))

    shown = fortnight(answer)
    assert len(shown) == 14
    assert shown[f"{day:%a} {day.day} {day:%b}"] == ["09:00", "10:00"]
    assert sum(map(len, shown.values())) == 4
    assert "4 start times in 14 days" in text_of(answer)
    assert saved(ada) == before


@pytest.mark.defect("CE-11", "IT-30")
def test_preview_is_by_the_clock_of_the_zone_that_is_typed(page: Client, ada: Tutor, maths: SessionType, sam: User):
    zone = ZoneInfo("Asia/Kathmandu")
    at_nine = timezone.now().astimezone(zone).replace(hour=9, minute=0, second=0, microsecond=0) + 3 * DAY
    make_booking(sam, ada, during=an_hour(at_nine), status=Booking.Status.PAID)

    answer = page.post(PREVIEW, typed(ada, {at_nine.weekday(): "09:00-11:00"}, time_zone=zone.key))

    assert fortnight(answer)[f"{at_nine:%a} {at_nine.day} {at_nine:%b}"] == ["10:00"]
    assert "09:00–10:00 booked" in text_of(answer)


@pytest.mark.parametrize("minutes", [30, 60])
def test_preview_of_what_is_saved_is_what_students_are_offered(page: Client, ada: Tutor, sam: User, minutes: int):
    offer = make_session_type(ada, slug="other", minutes=minutes)
    Tutor.objects.filter(pk=ada.pk).update(daily_limit=2, buffer_after_minutes=15, notice_minutes=600)
    for hours in (8, 10, 40):
        make_booking(sam, ada, during=an_hour(tomorrow() + timedelta(hours=hours)), status=Booking.Status.PAID)
    make_booking(sam, ada, during=an_hour(tomorrow(days=6)), held_until=timezone.now() - timedelta(seconds=1))
    make_booking(make_user(), ada, during=an_hour(tomorrow(days=7)))
    DateOverride.objects.create(tutor=ada, date=timezone.now().date() + 4 * DAY)
    DateOverride.objects.create(tutor=ada, date=timezone.now().date() + 5 * DAY, starts=time(9), ends=time(12))
    offer = SessionType.objects.select_related("tutor").get(pk=offer.pk)
    today = timezone.now().date()

    shown = fortnight(page.get(f"{PAGE}?type=other"))

    offered = availability.open_slots(offer, within=day_bounds(today, today + 13 * DAY, ZoneInfo("UTC")))
    assert [start for starts in shown.values() for start in starts] == [f"{slot.start:%H:%M}" for slot in offered]


def test_preview_shows_dates_that_are_being_typed(page: Client, ada: Tutor):
    day = timezone.now().date() + 2 * DAY
    week = dict.fromkeys(range(7), "09:00-10:00")
    dates = {"first": day.isoformat(), "last": (day + DAY).isoformat(), "kind": "closed"}

    with_dates = page.post(PREVIEW, typed(ada, week, **dates))
    half_typed = page.post(PREVIEW, typed(ada, week, **dates | {"kind": "hours", "starts-dates": "09:00"}))

    every_day = fortnight(page.post(PREVIEW, typed(ada, week)))
    assert fortnight(half_typed) == every_day
    closed = {f"{one:%a} {one.day} {one:%b}" for one in (day, day + DAY)}
    assert fortnight(with_dates) == {name: [] if name in closed else starts for name, starts in every_day.items()}
    assert text_of(with_dates).count("Closed") == 2
    assert not DateOverride.objects.exists()


def test_preview_waits_while_something_cannot_be_read(page: Client, ada: Tutor):
    answer = page.post(PREVIEW, typed(ada, {0: "12:00-09:00"}))

    assert answer.status_code == 200
    assert "Some of this cannot be read yet." in text_of(answer)


def test_preview_works_without_scripts(page: Client, ada: Tutor):
    answer = page.post(PAGE, typed(ada, {0: "09:00-10:00"}, act="preview"))

    assert "2 start times in 14 days" in text_of(answer)
    assert rows_of(answer, "0") == [("09:00", "10:00")]
    assert len(saved(ada)) == 7


def test_who_sells_nothing_yet_sees_an_hour(page: Client, ada: Tutor):
    ada.session_types.update(is_active=False)

    answer = page.get(PAGE)

    assert "These are for a session of an hour." in text_of(answer)
    assert fortnight(answer)


@pytest.mark.defect("TB-33")
def test_preview_of_five_minute_steps_is_cut_nowhere(page: Client, ada: Tutor):
    answer = page.post(PREVIEW, typed(ada, dict.fromkeys(range(7), "00:00-00:00"), slot_step_minutes="5"))

    assert [len(starts) for starts in list(fortnight(answer).values())[1:]] == [288] * 13


# Sessions that the hours leave outside


def test_page_names_the_booked_sessions_that_lie_outside_the_new_hours(page: Client, ada: Tutor, sam: User):
    inside, outside = tomorrow(9, days=3), tomorrow(15, days=3)
    for start in (inside, outside):
        make_booking(sam, ada, during=an_hour(start), status=Booking.Status.PAID)
    make_booking(make_user(), ada, during=an_hour(tomorrow(20)))  # only in a cart
    make_booking(sam, ada, during=an_hour(tomorrow(15, days=-3)), status=Booking.Status.PAID)
    week = dict.fromkeys(range(7), "09:00-10:00")

    told = text_of(page.post(PREVIEW, typed(ada, week)))
    page.post(PAGE, typed(ada, week))

    for words in (told, text_of(page.get(PAGE))):
        assert "1 booked session lies outside these hours" in words
        assert "15:00–16:00 Maths lesson, Sam Student" in words
    assert Booking.objects.filter(status=Booking.Status.PAID).count() == 3


def test_page_takes_as_many_queries_for_fifty_rows_as_for_one(page: Client, ada: Tutor):
    def fill(first: int, last: int) -> None:
        for number in range(first, last):
            DateOverride.objects.create(tutor=ada, date=timezone.now().date() + 2 * number * DAY)
            make_booking(make_user(), ada, during=an_hour(tomorrow(2 + number % 20, days=1 + number // 20)), status="paid")

    fill(1, 2)
    queries_of(page, PAGE)
    with_one = queries_of(page, PAGE)
    fill(2, 51)

    assert queries_of(page, PAGE) == with_one
    assert with_one <= 14
