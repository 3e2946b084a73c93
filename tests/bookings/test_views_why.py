"""“Why is this time not offered?”: the rule that hides it, for the tutor and for admins."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from bookings.models import Booking, DateOverride, SessionType, Tutor, User, WeeklyHours
from tests.factories import an_hour, make_booking, make_session_type, make_tutor, make_user, tomorrow
from tests.pages import text_of

pytestmark = pytest.mark.django_db
PAGE = "/teaching/why/"
DAY = timedelta(days=1)


@pytest.fixture
def page(client: Client, ada: Tutor) -> Client:
    """Ada, who now teaches from 9 to 12 and from 13 to 17."""
    WeeklyHours.objects.filter(tutor=ada).delete()
    for day in range(7):
        WeeklyHours.objects.create(tutor=ada, weekday=day, starts=time(9), ends=time(12))
        WeeklyHours.objects.create(tutor=ada, weekday=day, starts=time(13), ends=time(17))
    client.force_login(ada.user)
    return client


def ask(page: Client, at: datetime, **more: Any) -> str:
    asked = {"session_type": "maths", "date": f"{at:%Y-%m-%d}", "time": f"{at:%H:%M}"}
    answer = page.get(PAGE, asked | more)
    assert answer.status_code == 200
    return text_of(answer)


def change(tutor: Tutor, **rules: Any) -> None:
    Tutor.objects.filter(pk=tutor.pk).update(**rules)


def test_time_that_is_offered(page: Client):
    assert "This time is offered." in ask(page, tomorrow(9, 30))


def test_question_stands_alone_before_it_is_asked(page: Client):
    assert "The nearest times" not in text_of(page.get(PAGE))


@pytest.mark.defect("CE-17", "CE-25", "TB-19")
@pytest.mark.parametrize(
    ("rules", "at", "sentence", "advice"),
    [
        ({}, (10, 0, -1), "This time is over.", "Ask"),
        (
            {"notice_minutes": 2880},
            (10, 0, 1),
            "Sessions can be booked until 2 days before they start, and this time is nearer than that.",
            "A shorter minimum notice would open it.",
        ),
        ({"horizon_days": 1}, (10, 0, 2), "Sessions can be booked 1 day ahead, that is until", "More days ahead"),
        (
            {},
            (8, 0, 1),
            "are 09:00–12:00, 13:00–17:00, and 1 hour from this time on would not",
            "Change the hours",
        ),
        ({}, (11, 30, 1), "1 hour from this time on would not fit inside", "Change the hours"),
        ({}, (10, 15, 1), "Start times lie 30 minutes apart, counted from where the hours begin", "Other start times"),
        ({"slot_step_minutes": 60}, (10, 30, 1), "Start times lie 1 hour apart", "Other start times"),
    ],
)
def test_rules_of_time_are_named(page: Client, ada: Tutor, rules, at: tuple[int, int, int], sentence: str, advice: str):
    change(ada, **rules)

    answer = ask(page, tomorrow(at[0], at[1], days=at[2]))

    assert sentence in answer
    assert advice in answer


def test_hours_of_no_such_weekday_and_dates_that_differ(page: Client, ada: Tutor):
    free, closed, other = tomorrow(10), tomorrow(10, days=2), tomorrow(10, days=3)
    WeeklyHours.objects.filter(tutor=ada, weekday=free.weekday()).delete()
    DateOverride.objects.create(tutor=ada, date=closed.date())
    DateOverride.objects.create(tutor=ada, date=other.date(), starts=time(20), ends=time(0))

    assert f"The week has no hours on the weekday of {free:%A} {free.day}" in ask(page, free)
    assert f"{closed:%A} {closed.day} {closed:%B %Y} is closed by an exception." in ask(page, closed)
    assert "other hours count, 20:00–00:00, and 1 hour from this time on" in ask(page, other)


@pytest.mark.defect("TB-14")
def test_session_that_takes_the_time_is_named(page: Client, ada: Tutor, sam: User):
    booking = make_booking(sam, ada, during=an_hour(tomorrow(10)), status=Booking.Status.PAID)

    answer = page.get(PAGE, {"session_type": "maths", "date": f"{tomorrow():%Y-%m-%d}", "time": "10:30"})

    assert "Another session is booked at this time." in text_of(answer)
    assert "10:00–11:00 Maths lesson, Sam Student" in text_of(answer)
    assert booking.get_absolute_url() in answer.content.decode()
    assert "The nearest times that are offered:" in text_of(answer)


def test_hold_says_until_when_and_not_whose(page: Client, ada: Tutor, sam: User):
    until = timezone.now() + timedelta(minutes=10)
    make_booking(sam, ada, during=an_hour(tomorrow(10)), held_until=until)

    answer = ask(page, tomorrow(10))

    assert f"Somebody is booking this time. Unless they pay, it is open again at {until:%H:%M}." in answer
    assert "Sam Student" not in answer


def test_expired_hold_hides_nothing(page: Client, ada: Tutor, sam: User):
    make_booking(sam, ada, during=an_hour(tomorrow(10)), held_until=timezone.now() - timedelta(seconds=1))

    assert "This time is offered." in ask(page, tomorrow(10))


@pytest.mark.parametrize("hour", [9, 13])
def test_free_time_around_a_session_is_named(page: Client, ada: Tutor, sam: User, hour: int):
    change(ada, buffer_before_minutes=15, buffer_after_minutes=90)
    ada.refresh_from_db()
    make_booking(sam, ada, during=an_hour(tomorrow(10, 30)), status=Booking.Status.PAID)

    answer = ask(page, tomorrow(hour))

    assert "too near to another session" in answer
    assert "10:30–11:30 Maths lesson, Sam Student" in answer


def test_free_time_that_was_kept_when_it_was_booked_still_counts(page: Client, ada: Tutor, sam: User):
    """The rule of that day stands: what is near the session is not what is booked."""
    change(ada, buffer_after_minutes=60)
    ada.refresh_from_db()
    make_booking(sam, ada, during=an_hour(tomorrow(9)), status=Booking.Status.PAID)
    change(ada, buffer_after_minutes=0)

    answer = ask(page, tomorrow(10))

    assert "too near to another session" in answer
    assert "09:00–10:00 Maths lesson, Sam Student" in answer


def test_daily_limit_counts_the_tutors_own_day(page: Client, ada: Tutor, sam: User):
    change(ada, daily_limit=1)
    make_booking(sam, ada, during=an_hour(tomorrow(10)), status=Booking.Status.PAID)

    assert "has 1 session already, which is the daily limit." in ask(page, tomorrow(15))
    assert "This time is offered." in ask(page, tomorrow(15, days=2))


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        ({"is_paused": True}, "Bookings are paused, so nothing is offered."),
        ({"is_approved": False}, "This tutor is not approved yet, so nothing is offered."),
    ],
)
def test_what_hides_all_is_said_first(page: Client, ada: Tutor, state: dict[str, bool], sentence: str):
    change(ada, **state)

    assert sentence in ask(page, tomorrow(3))


def test_session_that_is_not_on_sale_can_be_asked_about(page: Client, ada: Tutor, maths: SessionType):
    SessionType.objects.filter(pk=maths.pk).update(is_active=False)

    assert "This session is not on sale" in ask(page, tomorrow(10))


def test_time_is_read_by_the_tutors_clock(page: Client, ada: Tutor):
    """Kathmandu is 5:45 ahead: its 09:00 is another instant than the 09:00 of the reader, who is in UTC."""
    change(ada, time_zone="Asia/Kathmandu")
    there = timezone.now().astimezone(ZoneInfo("Asia/Kathmandu")) + DAY

    assert "This time is offered." in ask(page, there.replace(hour=9, minute=0))
    assert "09:00, Asia/Kathmandu" in ask(page, there.replace(hour=9, minute=0))
    assert "would not fit inside" in ask(page, there.replace(hour=8, minute=45))


@pytest.mark.parametrize(
    ("day", "clock", "sentences"),
    [
        ("2026-03-29", "02:30", ["The first one after it is 03:00 on Sunday 29 March 2026", "This time is offered."]),
        ("2026-10-25", "02:30", ["this time comes twice", "02:30 UTC+0200, Europe/Berlin", "02:30 UTC+0100"]),
        ("2026-10-25", "03:30", ["This time is offered."]),
    ],
)
def test_gap_and_repeated_hour_of_the_clock(client: Client, ada: Tutor, day: str, clock: str, sentences: list[str]):
    change(ada, time_zone="Europe/Berlin", horizon_days=366)
    with time_machine.travel(datetime(2026, 3, 20, 12, tzinfo=ZoneInfo("UTC")), tick=False):
        client.force_login(ada.user)
        answer = text_of(client.get(PAGE, {"session_type": "maths", "date": day, "time": clock}))

    for sentence in sentences:
        assert sentence in answer


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"date": "1900-01-01"}, "Please choose a date within two years of today."),
        ({"date": "9999-12-31"}, "Please choose a date within two years of today."),
        ({"date": "0001-01-01"}, "Please choose a date within two years of today."),
        ({"date": "2026-02-30"}, "Enter a valid date."),
        ({"date": ""}, "This field is required."),
        ({"time": "25:00"}, "Enter a valid time."),
        ({"time": "1" * 5000}, "Enter a valid time."),
        ({"session_type": "physics"}, "Select a valid choice."),
        ({"session_type": "\0"}, "Null characters are not allowed."),
    ],
)
def test_question_that_makes_no_sense_gets_a_sentence(page: Client, wrong: dict[str, str], sentence: str):
    assert sentence in ask(page, tomorrow(10), **wrong)


def test_session_of_another_tutor_cannot_be_asked_about(page: Client):
    make_session_type(make_tutor(), slug="theirs")

    assert "Select a valid choice." in ask(page, tomorrow(10), session_type="theirs")


def test_tutor_without_sessions_is_told_so(client: Client):
    client.force_login(make_tutor().user)

    assert "You sell no session yet" in text_of(client.get(PAGE))


# An admin's question


def test_admin_asks_about_any_tutor_and_for_one_student(desk: Client, ada: Tutor, sam: User):
    make_booking(sam, make_tutor(), during=an_hour(tomorrow(10)), status=Booking.Status.PAID)
    where = reverse("admin:bookings_tutor_why", args=[ada.pk])
    asked = {"session_type": "maths", "date": f"{tomorrow():%Y-%m-%d}", "time": "10:00"}

    assert where in desk.get(reverse("admin:bookings_tutor_change", args=[ada.pk])).content.decode()
    assert desk.get(where).status_code == 200
    assert "This time is offered." in text_of(desk.post(where, asked))
    assert "This student has another session at that time." in text_of(
        desk.post(where, asked | {"student_email": "SAM@example.com"})
    )
    assert "Nobody has this e-mail address." in text_of(desk.post(where, asked | {"student_email": "no@example.com"}))


def test_admin_is_led_to_the_session_that_takes_the_time(desk: Client, ada: Tutor, sam: User):
    booking = make_booking(sam, ada, during=an_hour(tomorrow(10)), status=Booking.Status.PAID)
    where = reverse("admin:bookings_tutor_why", args=[ada.pk])

    answer = desk.post(where, {"session_type": "maths", "date": f"{tomorrow():%Y-%m-%d}", "time": "10:00"})

    assert reverse("admin:bookings_booking_change", args=[booking.pk]) in answer.content.decode()


def test_staff_without_the_right_to_see_tutors_cannot_ask(client: Client, ada: Tutor):
    client.force_login(make_user(is_staff=True))

    assert client.get(reverse("admin:bookings_tutor_why", args=[ada.pk])).status_code == 403
