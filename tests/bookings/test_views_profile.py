"""One's own name and time zone."""

from __future__ import annotations

import pytest
from django.test import Client

from bookings.models import User
from tests.pages import text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(client: Client, sam: User) -> Client:
    client.force_login(sam)
    return client


def test_profile_keeps_name_and_time_zone(browser: Client, sam: User):
    answer = browser.post("/profile/", {"full_name": "Sam Sparrow", "time_zone": "Europe/Berlin"})

    assert (answer.status_code, answer["Location"]) == (303, "/profile/")
    sam.refresh_from_db()
    assert (sam.full_name, sam.time_zone) == ("Sam Sparrow", "Europe/Berlin")
    assert "Times are shown in Europe/Berlin." in text_of(browser.get("/profile/"))


def test_name_turns_nothing_that_is_written_after_it(browser: Client, sam: User):
    browser.post("/profile/", {"full_name": "S\u202eam \u2067 سارة", "time_zone": "UTC"})
    sam.refresh_from_db()
    assert sam.full_name == "Sam سارة"


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"full_name": "", "time_zone": "UTC"}, "This field is required."),
        ({"full_name": "\u200b\u2060", "time_zone": "UTC"}, "Please write a name that can be read."),
        ({"full_name": "Sam", "time_zone": "Mars/Olympus"}, "Select a valid choice."),
        ({"full_name": "Sam", "time_zone": "../../etc/passwd"}, "Select a valid choice."),
        ({"full_name": "x" * 101, "time_zone": "UTC"}, "at most 100 characters"),
    ],
)
def test_profile_refuses_nonsense_and_changes_nothing(browser: Client, sam: User, fields, sentence: str):
    answer = browser.post("/profile/", fields)

    assert answer.status_code == 200
    assert sentence in text_of(answer)
    assert "Times are shown in Asia/Jakarta." in text_of(answer)
    sam.refresh_from_db()
    assert (sam.full_name, sam.time_zone) == ("Sam Student", "Asia/Jakarta")


def test_profile_cannot_make_an_admin(browser: Client, sam: User):
    browser.post("/profile/", {"full_name": "Sam", "time_zone": "UTC", "is_staff": "on", "email": "root@example.com"})

    sam.refresh_from_db()
    assert (sam.is_staff, sam.email) == (False, "sam@example.com")


def test_profile_takes_an_older_zone_name(browser: Client, sam: User):
    browser.post("/profile/", {"full_name": "Sam", "time_zone": "Asia/Calcutta"})

    sam.refresh_from_db()
    assert sam.time_zone == "Asia/Calcutta"


def test_profile_offers_the_zone_of_the_browser_when_it_differs(browser: Client, sam: User):
    assert "Your device is in" not in _notice(browser)
    browser.cookies["tz"] = "Asia/Jakarta"
    assert "Your device is in" not in _notice(browser)
    browser.cookies["tz"] = "Nowhere/Land"
    assert "Your device is in" not in _notice(browser)
    browser.cookies["tz"] = "America/New_York"
    assert "Your device is in America/New_York" in _notice(browser)

    browser.post("/profile/time-zone/", {"time_zone": "America/New_York"})

    sam.refresh_from_db()
    assert sam.time_zone == "America/New_York"
    assert "Your device is in" not in _notice(browser)


def _notice(browser: Client) -> str:
    return text_of(browser.get("/profile/"))


def test_time_zone_that_is_none_is_refused(browser: Client, sam: User):
    answer = browser.post("/profile/time-zone/", {"time_zone": "Mars/Olympus"})

    assert answer.status_code == 400
    assert "This is not a time zone." in text_of(answer)
