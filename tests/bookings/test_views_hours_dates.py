"""Holidays and other dates of a tutor that differ."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from bookings.models import DateOverride, Tutor
from tests.bookings.hours_page import DATES, HTMX, PAGE, REMOVE, rows_of
from tests.pages import text_of

DAY = timedelta(days=1)
pytestmark = pytest.mark.django_db


@pytest.fixture
def page(client: Client, ada: Tutor) -> Client:
    client.force_login(ada.user)
    return client


def test_holiday_is_set_shown_changed_and_removed(page: Client, ada: Tutor):
    first = timezone.now().date() + 5 * DAY
    dates = {"first": first.isoformat(), "last": (first + 2 * DAY).isoformat()}
    [version] = re.findall(r'name="dates_version" value="(\w+)"', page.get(PAGE).content.decode())

    answer = page.post(DATES, dates | {"kind": "closed", "dates_version": version})

    assert (answer.status_code, DateOverride.objects.count()) == (303, 3)
    shown = page.get(PAGE, {"date": dates["first"]})
    assert "These days are set." in text_of(shown)
    assert f'name="first" value="{dates["first"]}"' in shown.content.decode()
    assert f'name="last" value="{dates["last"]}"' in shown.content.decode()

    page.post(REMOVE, dates)
    assert "3 days follow your week again." in text_of(page.get(PAGE))
    assert not DateOverride.objects.exists()


def test_dates_with_other_hours_take_several_spans(page: Client, ada: Tutor):
    day = timezone.now().date()
    [version] = re.findall(r'name="dates_version" value="(\w+)"', page.get(PAGE).content.decode())
    sent = {"first": day.isoformat(), "last": "", "kind": "hours", "dates_version": version}

    answer = page.post(
        DATES, sent | {"starts-dates": ["09:00", "", "20:00"], "ends-dates": ["10:00", "", "00:00"]}, headers=HTMX
    )

    assert "09:00–10:00, 20:00–00:00" in text_of(answer)
    assert "<html" not in answer.content.decode()
    assert DateOverride.objects.filter(date=day).count() == 2


@pytest.mark.parametrize("headers", [{}, HTMX])
@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"first": ""}, "This field is required."),
        ({"first": "2026-02-30"}, "Enter a valid date."),
        ({"first": "1900-01-01"}, "Please choose days from today on."),
        ({"last": "9999-12-31"}, "Please choose days within the next two years."),
        ({"last": "2020-01-01"}, "The last day must not be before the first."),
        ({"kind": "hours"}, "Please give the hours, or choose “Closed”."),
        ({"kind": "hours", "starts-dates": "10:00", "ends-dates": "09:00"}, "These hours must end after they start."),
        ({"kind": "x\0"}, "is not one of the available choices"),
        ({"kind": "elsewhere"}, "elsewhere is not one of the available choices"),
        ({"dates_version": "other"}, "Your hours have been changed meanwhile"),
    ],
)
def test_wrong_dates_are_named_and_change_nothing(page: Client, ada: Tutor, headers, wrong, sentence: str):
    [version] = re.findall(r'name="dates_version" value="(\w+)"', page.get(PAGE).content.decode())
    day = (timezone.now().date() + DAY).isoformat()

    answer = page.post(DATES, {"first": day, "kind": "closed", "dates_version": version, **wrong}, headers=headers)

    assert answer.status_code == 200
    assert sentence in text_of(answer)
    assert 'role="alert"' in answer.content.decode()
    assert not DateOverride.objects.exists()


@pytest.mark.parametrize("dates", [{}, {"first": "x", "last": "y"}, {"first": "2026-02-02", "last": "2026-02-01"}])
def test_dates_that_are_none_cannot_be_removed(page: Client, dates):
    answer = page.post(REMOVE, dates)

    assert answer.status_code == 400
    assert "These are no dates." in text_of(answer)


def test_rows_of_dates_are_added_and_removed_without_saving(page: Client, ada: Tutor):
    sent = {"kind": "hours", "starts-dates": ["09:00"], "ends-dates": ["10:00"]}

    added = page.post(DATES, sent | {"act": "add-dates"}, headers=HTMX)
    removed = page.post(DATES, sent | {"act": "remove-dates-0"}, headers=HTMX)

    assert rows_of(added, "dates") == [("09:00", "10:00"), ("", "")]
    assert rows_of(removed, "dates") == []
    assert "This field is required." not in text_of(added) + text_of(removed)  # nobody has finished typing
    assert not DateOverride.objects.exists()
