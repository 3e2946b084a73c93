"""A tutor's hours, rules, dates that differ and pause: what is kept, what is refused, and who was faster."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from bookings.errors import HoursChanged, InvalidInput
from bookings.hours import BookingRules, Span, copy_day, pause, replace_hours, resume, version_of
from bookings.models import Booking, DateOverride, Tutor, User, WeeklyHours
from bookings.overrides import Dates, Exceptional, coming_exceptions, remove_overrides, set_override
from bookings.overrides import version_of as dates_version
from tests.factories import make_booking
from tests.race import race

TODAY = date(2026, 3, 10)
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _an_ordinary_noon() -> Iterator[None]:
    """Today is one date in this file, whatever the clock and the zone."""
    with time_machine.travel(datetime(2026, 3, 10, 12, tzinfo=UTC)):
        yield


def span(text: str) -> Span:
    starts, ends = text.split("-")
    return Span(time.fromisoformat(starts), time.fromisoformat(ends))


def spans(text: str) -> list[Span]:
    return [span(one) for one in text.split()]


def save(tutor: Tutor, week: dict[int, str], **rules: Any) -> Tutor:
    return replace_hours(
        tutor,
        week={day: spans(text) for day, text in week.items()},
        rules=replace(BookingRules.of(tutor), **rules),
        seen=version_of(tutor),
    )


def saved(tutor: Tutor) -> list[str]:
    return [str(row) for row in WeeklyHours.objects.filter(tutor=tutor)]


# The week


def test_week_replaces_all_that_was_there(ada: Tutor):
    save(ada, {0: "09:00-12:00 13:00-17:00", 6: "20:00-00:00"})

    assert saved(ada) == ["Monday 09:00–12:00", "Monday 13:00–17:00", "Sunday 20:00–00:00"]


def test_week_may_be_empty_and_spans_may_touch(ada: Tutor):
    save(ada, {2: "09:00-10:00 10:00-11:00"})
    assert len(saved(ada)) == 2

    ada.refresh_from_db()
    save(ada, {})
    assert saved(ada) == []


@pytest.mark.defect("CE-17")
@pytest.mark.parametrize(
    ("week", "sentence"),
    [
        ({0: "10:00-09:00"}, "Monday: These hours must end after they start."),
        ({1: "10:00-10:00"}, "Tuesday: These hours must end after they start."),
        ({2: "09:00-12:00 11:59-13:00"}, "Wednesday: These hours overlap others of the same day."),
        ({2: "11:00-12:00 09:00-00:00"}, "Wednesday: These hours overlap others of the same day."),
        ({3: "09:00-10:00 09:00-10:00"}, "Thursday: These hours overlap others of the same day."),
        ({4: "09:00:30-10:00"}, "Friday: Please give hours and minutes."),
        ({5: " ".join(f"{h:02}:00-{h:02}:30" for h in range(13))}, "Saturday: A day has at most 12 spans of hours."),
        ({7: "09:00-10:00"}, "There is no such day of the week."),
    ],
)
def test_week_that_makes_no_sense_is_refused_whole(ada: Tutor, week: dict[int, str], sentence: str):
    before = saved(ada)

    with pytest.raises(InvalidInput) as refused:
        save(ada, {6: "09:00-10:00", **week}, notice_minutes=5)

    ada.refresh_from_db()
    assert str(refused.value) == sentence
    assert (saved(ada), ada.notice_minutes) == (before, 0)


def test_day_is_copied_to_others_in_place_of_theirs():
    week = {0: spans("09:00-12:00"), 1: spans("13:00-14:00"), 2: spans("15:00-16:00")}

    copied = copy_day(week, 0, to=[0, 1, 5])

    assert copied == {**{day: [] for day in range(7)}, 0: week[0], 1: week[0], 2: week[2], 5: week[0]}


# The rules


def test_rules_are_kept_with_the_zone(ada: Tutor):
    rules = BookingRules("Asia/Kathmandu", 2880, 30, 5, 10, 45, 3, approves_first=True)

    replace_hours(ada, week={0: spans("09:00-12:00")}, rules=rules, seen=version_of(ada))

    assert BookingRules.of(Tutor.objects.get(pk=ada.pk)) == rules


@pytest.mark.parametrize(
    "wrong",
    [
        {"time_zone": "Mars/Olympus"},
        {"time_zone": "../etc/passwd"},
        {"notice_minutes": -1},
        {"notice_minutes": 60 * 24 * 60 + 1},
        {"notice_minutes": None},
        {"horizon_days": 367},
        {"buffer_before_minutes": 1441},
        {"buffer_after_minutes": -5},
        {"slot_step_minutes": 4},
        {"slot_step_minutes": 1441},
        {"daily_limit": 0},
        {"daily_limit": 10**30},
    ],
)
def test_rules_out_of_bounds_are_refused_with_one_sentence(ada: Tutor, wrong: dict[str, object]):
    before = saved(ada)

    with pytest.raises(InvalidInput, match=r"^[A-Z][^.]*\.( [A-Z][^.]*\.)?$"):
        save(ada, {}, **wrong)

    assert saved(ada) == before


def test_rules_at_their_bounds_are_kept(ada: Tutor):
    most = {"notice_minutes": 86_400, "horizon_days": 366, "buffer_before_minutes": 1440, "slot_step_minutes": 1440}
    save(ada, {}, **most, daily_limit=288)
    least = {"notice_minutes": 0, "horizon_days": 0, "buffer_before_minutes": 0, "slot_step_minutes": 5, "daily_limit": 1}
    save(Tutor.objects.get(pk=ada.pk), {}, **least)

    assert BookingRules.of(Tutor.objects.get(pk=ada.pk)).horizon_days == 0


def test_bookings_stay_as_they_are_when_hours_change(ada: Tutor, sam: User):
    booking = make_booking(sam, ada, status=Booking.Status.PAID)
    before = Booking.objects.filter(pk=booking.pk).values().get()

    save(ada, {}, buffer_before_minutes=30, time_zone="Asia/Tokyo")
    ada.refresh_from_db()
    set_override(ada, Dates(TODAY, TODAY + 7 * DAY), spans=[], seen=dates_version(ada))

    assert Booking.objects.filter(pk=booking.pk).values().get() == before


def test_a_save_of_what_has_changed_meanwhile_is_refused(ada: Tutor):
    seen = version_of(ada)
    save(ada, {0: "09:00-12:00"})

    with pytest.raises(HoursChanged):
        replace_hours(ada, week={}, rules=BookingRules.of(ada), seen=seen)
    assert saved(ada) == ["Monday 09:00–12:00"]


@pytest.mark.parametrize(
    "change",
    [
        lambda ada: WeeklyHours.objects.filter(tutor=ada, weekday=3).delete(),
        lambda ada: Tutor.objects.filter(pk=ada.pk).update(notice_minutes=15),
        lambda ada: Tutor.objects.filter(pk=ada.pk).update(time_zone="Asia/Tokyo"),
        lambda ada: Tutor.objects.filter(pk=ada.pk).update(approves_first=True),
    ],
)
def test_version_tells_every_change(ada: Tutor, change):
    before = version_of(ada)
    change(ada)

    assert version_of(Tutor.objects.get(pk=ada.pk)) != before
    assert version_of(ada) == version_of(ada)


@pytest.mark.django_db(transaction=True)
def test_two_tabs_that_save_at_once_are_one_save_and_one_refusal(ada: Tutor):
    seen = version_of(ada)

    def save_one(number: int) -> None:
        tutor = Tutor.objects.get(pk=ada.pk)
        week = {day: spans("09:00-12:00") for day in range(number + 1)}
        replace_hours(tutor, week=week, rules=BookingRules.of(tutor), seen=seen)

    outcomes = race(save_one, threads=6)

    winners = [number for number, outcome in enumerate(outcomes) if outcome.error is None]
    assert [type(outcome.error) for outcome in outcomes if outcome.error] == [HoursChanged] * 5
    assert len(saved(ada)) == winners[0] + 1


# The pause


def test_pause_hides_a_tutor_until_they_go_on(ada: Tutor):
    for _twice in range(2):
        pause(ada)
        assert not Tutor.objects.listed().exists()
    for _twice in range(2):
        resume(ada)
        assert Tutor.objects.listed().exists()


# Dates that differ


def test_override_of_one_date_is_its_hours_in_place_of_what_it_had(ada: Tutor):
    set_override(ada, Dates(TODAY, TODAY), spans=[], seen=dates_version(ada))
    set_override(ada, Dates(TODAY, TODAY), spans=spans("09:00-10:00 20:00-00:00"), seen=dates_version(ada))

    assert coming_exceptions(ada) == [Exceptional(Dates(TODAY, TODAY), tuple(spans("09:00-10:00 20:00-00:00")))]


def test_holiday_is_one_exception_of_many_dates_and_may_be_cut(ada: Tutor):
    first, last = TODAY + DAY, TODAY + 10 * DAY
    set_override(ada, Dates(first, last), spans=[], seen=dates_version(ada))
    assert coming_exceptions(ada) == [Exceptional(Dates(first, last), ())]

    assert remove_overrides(ada, Dates(first + 3 * DAY, first + 4 * DAY)) == 2
    assert [one.dates for one in coming_exceptions(ada)] == [Dates(first, first + 2 * DAY), Dates(first + 5 * DAY, last)]
    assert remove_overrides(ada, Dates(TODAY, last)) == 8
    assert remove_overrides(ada, Dates(TODAY, last)) == 0


def test_date_with_a_closing_row_and_hours_is_closed(ada: Tutor):
    DateOverride.objects.create(tutor=ada, date=TODAY)
    DateOverride.objects.create(tutor=ada, date=TODAY, starts=time(9), ends=time(10))

    assert coming_exceptions(ada) == [Exceptional(Dates(TODAY, TODAY), ())]


@pytest.mark.parametrize(
    ("first", "last", "hours", "sentence"),
    [
        (TODAY + DAY, TODAY, "", "The last day must not be before the first."),
        (TODAY - DAY, TODAY, "", "Please choose days from today on."),
        (date(1900, 1, 1), date(1900, 1, 1), "", "Please choose days from today on."),
        (TODAY, date(9999, 12, 31), "", "Please choose days within the next two years."),
        (date(9999, 12, 31), date(9999, 12, 31), "", "Please choose days within the next two years."),
        (TODAY, TODAY + 366 * DAY, "", "Please choose a year of days at most."),
        (TODAY, TODAY, "10:00-09:00", "These hours must end after they start."),
        (TODAY, TODAY, "09:00-11:00 10:00-12:00", "These hours overlap others of the same day."),
    ],
)
def test_dates_that_make_no_sense_are_refused_and_change_nothing(ada: Tutor, first, last, hours, sentence):
    set_override(ada, Dates(TODAY, TODAY + DAY), spans=[], seen=dates_version(ada))
    before = list(DateOverride.objects.values())

    with pytest.raises(InvalidInput) as refused:
        set_override(ada, Dates(first, last), spans=spans(hours), seen=dates_version(ada))

    assert str(refused.value) == sentence
    assert list(DateOverride.objects.values()) == before


def test_today_is_the_tutors_own(ada: Tutor):
    """West of the date line yesterday is still today: a tutor there may close it."""
    Tutor.objects.filter(pk=ada.pk).update(time_zone="Etc/GMT+12")
    ada.refresh_from_db()
    theirs = (timezone.now() - timedelta(hours=12)).date()

    set_override(ada, Dates(theirs, theirs), spans=[], seen=dates_version(ada))

    assert [one.dates.first for one in coming_exceptions(ada)] == [theirs]


@pytest.mark.django_db(transaction=True)
def test_two_tabs_that_set_one_date_at_once_are_one_override_and_one_refusal(ada: Tutor):
    seen = dates_version(ada)
    hours = ["09:00-10:00", "11:00-12:00", "13:00-14:00"]

    outcomes = race(lambda number: set_override(ada, Dates(TODAY, TODAY), spans=spans(hours[number]), seen=seen), threads=3)

    assert sorted(type(outcome.error).__name__ for outcome in outcomes) == ["HoursChanged", "HoursChanged", "NoneType"]
    assert DateOverride.objects.count() == 1
