"""The page of a tutor's hours: edited step by step, saved whole, and safe from a second tab."""

from __future__ import annotations

import re
from datetime import time

import pytest
from django.test import Client

from bookings.models import DateOverride, Tutor, User, WeeklyHours
from tests.bookings.hours_page import DATES, HTMX, PAGE, PREVIEW, rows_of, saved, typed
from tests.pages import text_of
from tests.test_hostile_input import ODD

MONDAY = [("09:00", "12:00"), ("13:00", "17:00")]
pytestmark = pytest.mark.django_db


@pytest.fixture
def page(client: Client, ada: Tutor) -> Client:
    client.force_login(ada.user)
    return client


# Saving
def test_hours_and_rules_are_saved_together(page: Client, ada: Tutor):
    week = {0: "09:00-12:00 13:00-17:00", 6: "20:00-00:00"}

    answer = page.post(PAGE, typed(ada, week, time_zone="Asia/Jakarta", notice_minutes=120, approves_first="on"))

    assert (answer.status_code, answer["Location"]) == (303, PAGE)
    ada.refresh_from_db()
    assert saved(ada) == ["Monday 09:00–12:00", "Monday 13:00–17:00", "Sunday 20:00–00:00"]
    assert (ada.time_zone, ada.notice_minutes, ada.approves_first) == ("Asia/Jakarta", 120, True)
    assert "Your hours are saved." in text_of(page.get(PAGE))


def test_page_shows_what_is_saved(page: Client, ada: Tutor):
    page.post(PAGE, typed(ada, {2: "09:15-12:00 13:00-00:00"}))

    shown = page.get(PAGE)

    assert rows_of(shown, "2") == [("09:15", "12:00"), ("13:00", "00:00")]
    assert rows_of(shown, "3") == []


@pytest.mark.parametrize(
    ("week", "rules", "sentence"),
    [
        ({1: "12:00-09:00"}, {}, "These hours must end after they start."),
        ({1: "09:00-12:00 11:00-13:00"}, {}, "These hours overlap others of the same day."),
        ({1: "09:00-"}, {}, "Please give both times, such as 09:00 and 17:00."),
        ({1: "25:00-26:00"}, {}, "Please give both times"),
        ({1: "noon-\0"}, {}, "Please give both times"),
        ({1: f"{'9' * 9000}-10:00"}, {}, "Please give both times"),
        ({1: " ".join(f"{h:02}:00-{h:02}:30" for h in range(20))}, {}, "A day has at most 12 spans of hours."),
        ({}, {"time_zone": "Mars/Olympus"}, "Mars/Olympus"),
        ({}, {"horizon_days": "9999"}, "less than or equal to 366"),
        ({}, {"horizon_days": ""}, "This field is required."),
        ({}, {"daily_limit": "0"}, "greater than or equal to 1"),
        ({}, {"notice_minutes": "-5"}, "-5 is not one of the available choices"),
        ({}, {"slot_step_minutes": "1"}, "1 is not one of the available choices"),
    ],
)
def test_nonsense_is_named_beside_its_field_and_changes_nothing(page: Client, ada: Tutor, week, rules, sentence: str):
    before = saved(ada)

    answer = page.post(PAGE, typed(ada, {0: "09:00-12:00", **week}, **rules))

    assert answer.status_code == 200
    assert sentence in text_of(answer)
    assert "Nothing is saved yet." in text_of(answer)
    assert 'role="alert"' in answer.content.decode()
    assert rows_of(answer, "0") == [("09:00", "12:00")]  # what was typed is still there
    ada.refresh_from_db()
    assert (saved(ada), ada.time_zone, ada.horizon_days) == (before, "UTC", 60)


@pytest.mark.parametrize("odd", ODD, ids=range(len(ODD)))
def test_whatever_is_sent_is_answered_and_nothing_is_written(page: Client, ada: Tutor, odd: str):
    WeeklyHours.objects.update(starts=time(9), ends=time(12))  # a preview of few times is soon rendered
    before = saved(ada)
    fair = typed(ada, {0: "09:00-10:00"}) | {"first": "2099-01-01", "kind": "hours", "starts-dates": "09:00"}
    rows, rules = (
        ("starts-0", "ends-0", "copy-0", "first", "last"),
        ("time_zone", "horizon_days", "notice_minutes", "version"),
    )

    read_by = {
        rows: (PAGE, PREVIEW, DATES),
        rules: (PREVIEW,),
        ("kind", "starts-dates", "type", "dates_version"): (DATES,),
        ("act",): (PAGE,),
    }
    for names, paths in read_by.items():
        sent = fair | {"act": "copy-0"} | dict.fromkeys(names, odd)
        for path in paths:
            assert page.post(path, sent, headers=HTMX).status_code == 200
    assert page.post(PAGE, fair | dict.fromkeys(rows + rules, odd)).status_code == 200
    assert page.get(PAGE, {"date": odd, "type": odd}).status_code == 200
    assert (saved(ada), DateOverride.objects.count()) == (before, 0)


def test_all_that_is_wrong_is_named_at_once(page: Client, ada: Tutor):
    answer = page.post(PAGE, typed(ada, {1: "12:00-09:00", 4: "10:00-"}, daily_limit="0"))

    html = answer.content.decode()
    assert re.findall(r'<a href="#(day-\d|id_\w+)"', html) == ["day-1", "day-4", "id_daily_limit"]
    assert html.count('aria-invalid="true"') == 5


def test_midnight_is_written_in_several_ways(page: Client, ada: Tutor):
    page.post(PAGE, typed(ada, {0: "22:00-24:00", 1: "9:00-10.30", 2: "00:00-00:00"}))

    assert saved(ada) == ["Monday 22:00–00:00", "Tuesday 09:00–10:30", "Wednesday 00:00–00:00"]


def test_number_that_is_none_of_the_usual_stays_a_choice(page: Client, ada: Tutor):
    Tutor.objects.filter(pk=ada.pk).update(notice_minutes=100)
    ada.refresh_from_db()

    assert "100 minutes" in text_of(page.get(PAGE))
    assert page.post(PAGE, typed(ada, {})).status_code == 303


# Two tabs


def test_later_save_is_told_that_the_hours_have_changed(page: Client, ada: Tutor):
    first, second = typed(ada, {0: "09:00-12:00"}), typed(ada, {5: "10:00-11:00"})
    page.post(PAGE, first)

    answer = page.post(PAGE, second)

    assert "Your hours have been changed meanwhile" in text_of(answer)
    assert "Monday 09:00–12:00" in text_of(answer)  # what is saved now stands beside it
    assert rows_of(answer, "5") == [("10:00", "11:00")]
    assert saved(ada) == ["Monday 09:00–12:00"]

    [version] = re.findall(r'name="version" value="(\w+)"', answer.content.decode())
    assert page.post(PAGE, second | {"version": version}).status_code == 303
    assert saved(ada) == ["Saturday 10:00–11:00"]


def test_form_without_a_version_is_an_old_one(page: Client, ada: Tutor):
    assert "changed meanwhile" in text_of(page.post(PAGE, typed(ada, {}, version="")))
    assert len(saved(ada)) == 7


# Adding, removing and copying, with and without scripts


@pytest.mark.parametrize("headers", [{}, HTMX])
@pytest.mark.parametrize(
    ("act", "more", "rows"),
    [
        ("add-0", {}, {"0": [*MONDAY, ("", "")], "1": [("10:00", "")]}),
        ("remove-0-0", {}, {"0": [("13:00", "17:00")]}),
        ("remove-0-7", {}, {"0": MONDAY}),
        (
            "copy-0",
            {"copy-0": ["1", "4"]},
            {"1": MONDAY, "4": MONDAY, "2": []},
        ),
        ("copy-0", {"copy-0": ["9", "x", "-1", "0"]}, {"0": MONDAY, "1": [("10:00", "")]}),
        ("copy-0", {}, {"1": [("10:00", "")]}),
        ("add-9", {}, {"0": MONDAY}),
        ("nonsense", {}, {"0": MONDAY}),
    ],
)
def test_rows_are_edited_without_saving(page: Client, ada: Tutor, headers, act, more, rows):
    before = saved(ada)

    answer = page.post(PAGE, typed(ada, {0: "09:00-12:00 13:00-17:00", 1: "10:00-"}, act=act, **more), headers=headers)

    assert {key: rows_of(answer, key) for key in rows} == rows
    assert ("<html" in answer.content.decode()) is (not headers)
    assert saved(ada) == before


def test_full_day_has_no_button_to_add_more(page: Client, ada: Tutor):
    week = {0: " ".join(f"{h:02}:00-{h:02}:30" for h in range(12))}

    answer = page.post(PAGE, typed(ada, week, act="add-0"))

    assert len(rows_of(answer, "0")) == 12
    assert 'value="add-0"' not in answer.content.decode()


# Pause, and who may


def test_pause_and_back(page: Client, client: Client, ada: Tutor):
    page.post("/teaching/pause/")
    assert "Bookings are paused: students see none of these times." in text_of(page.get(PAGE))
    assert client.get(ada.get_absolute_url()).status_code == 404

    page.post("/teaching/resume/")
    assert "You can be booked again." in text_of(page.get(PAGE))
    assert client.get(ada.get_absolute_url()).status_code == 200


def test_new_tutor_is_told_that_nobody_sees_them_yet(page: Client, ada: Tutor):
    Tutor.objects.filter(pk=ada.pk).update(is_approved=False)

    assert "Students cannot find you yet" in text_of(page.get(PAGE))


def test_header_leads_tutors_to_their_pages(page: Client, sam: User):
    assert 'href="/teaching/hours/"' in page.get(PAGE).content.decode()
    page.force_login(sam)
    assert "Teaching" not in text_of(page.get("/"))
