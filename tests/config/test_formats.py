"""Dates and times are written as the reader's language writes them, and whatever is typed or sent is still understood."""

from __future__ import annotations

import re
from datetime import date, datetime, time
from pathlib import Path

import pytest
from django import forms
from django.conf import settings
from django.template import Context, Template
from django.utils import translation
from django.utils.formats import date_format, get_format

from config.formats.en import formats as english
from config.formats.id import formats as indonesian

LESSON = datetime(2026, 11, 23, 14, 5)  # noqa: DTZ001 - a clock reading: zones are tried elsewhere
# Formats that programs read, and single words that are the same everywhere.
PLAIN = {"c", "Y-m-d", "Y-m", "l", "D", "F", "M", "j", "Y", "U"}
NAMES = sorted(name for name in vars(english) if name.endswith("_FORMAT"))


@pytest.mark.parametrize(
    ("language", "name", "written"),
    [
        ("en", "FULL_DAY_FORMAT", "Monday 23 November 2026"),
        ("id", "FULL_DAY_FORMAT", "Senin, 23 November 2026"),
        ("en", "TIME_FORMAT", "14:05"),
        ("id", "TIME_FORMAT", "14.05"),
        ("en", "SHORT_WEEKDAY_TIME_FORMAT", "Mon 23 Nov, 14:05"),
        ("id", "SHORT_WEEKDAY_TIME_FORMAT", "Sen, 23 Nov, 14.05"),
        ("en", "LONG_DATETIME_FORMAT", "23 November 2026, 14:05"),
        ("id", "LONG_DATETIME_FORMAT", "23 November 2026, 14.05"),
    ],
)
def test_a_time_is_written_in_the_readers_way(language, name, written):
    with translation.override(language):
        assert date_format(LESSON, name) == written
        assert Template("{{ at|date:name }}").render(Context({"at": LESSON, "name": name})) == written


# fmt: off
MONTHS = [
    "Januari", "Februari", "Maret", "April", "Mei", "Juni",
    "Juli", "Agustus", "September", "Oktober", "November", "Desember",
]
# fmt: on


@pytest.mark.parametrize(("month", "name"), list(enumerate(MONTHS, 1)))
def test_months_are_named_in_indonesian(month, name):
    with translation.override("id"):
        assert date_format(date(2026, month, 1), "LONG_DATE_FORMAT") == f"1 {name} 2026"
        assert date_format(date(2026, month, 1), "DATE_FORMAT").split()[1][:2] == name[:2]


def test_days_are_named_in_indonesian():
    with translation.override("id"):
        days = [date_format(date(2026, 11, 23 + day), "FULL_DAY_FORMAT").partition(",")[0] for day in range(7)]
    assert days == ["Senin", "Selasa", "Rabu", "Kamis", "Jumat", "Sabtu", "Minggu"]


@pytest.mark.parametrize("name", NAMES)
def test_every_language_has_every_format(name):
    for language, _name in settings.LANGUAGES:
        with translation.override(language):
            assert get_format(name) != name
    assert hasattr(indonesian, name)


@pytest.mark.parametrize("typed", ["14:05", "14.05", "14:05:00"])
def test_a_time_is_read_with_a_colon_or_a_dot(typed):
    with translation.override("id"):
        assert forms.TimeField().clean(typed) == time(14, 5)


@pytest.mark.parametrize("typed", ["2026-11-23", "23-11-2026", "23/11/2026"])
def test_a_date_is_read_as_browsers_send_it_and_as_people_type_it(typed):
    with translation.override("id"):
        assert forms.DateField().clean(typed) == date(2026, 11, 23)


@pytest.mark.parametrize("language", ["en", "id"])
def test_fields_show_dates_and_times_as_browsers_want_them(language):
    with translation.override(language):
        assert 'value="2026-11-23"' in forms.DateField().widget.render("on", date(2026, 11, 23))
        assert 'value="14:05' in forms.TimeField().widget.render("at", time(14, 5))
        assert 'value="1500"' in forms.IntegerField().widget.render("many", 1500)


def test_templates_name_their_formats():
    """A format spelled out in a template would be the same in every language."""
    written = re.compile(r"\|(?:date|time):[\"']([^\"']*)[\"']")
    wrong = [
        f"{path.name}: {found}"
        for path in sorted(Path(settings.BASE_DIR, "templates").rglob("*.*"))
        for found in written.findall(path.read_text(encoding="utf-8"))
        if found not in PLAIN and found not in NAMES
    ]
    assert wrong == []


def test_python_names_its_formats():
    written = re.compile(r"\b(?:date_format|time_format)\([^\"'\n]*, [\"']([^\"'\n]*)[\"']")
    wrong = [
        f"{path.name}: {found}"
        for app in ("bookings", "config", "meetings", "payments")
        for path in sorted(Path(settings.BASE_DIR, app).rglob("*.py"))
        for found in written.findall(path.read_text(encoding="utf-8"))
        if found not in PLAIN and found not in NAMES
    ]
    assert wrong == []
