"""The forecast on its page in the admin, and for the owner's programs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bookings.api_keys import create_api_key
from tests.desk import text_of
from tests.factories import make_link, make_user
from tests.meetings.making import lesson, waiting_meeting

pytestmark = pytest.mark.django_db
PAGE = "/admin/meetings/meetinglink/forecast/"
API = "/api/pool-forecast"


def ask(days: str = "") -> tuple[int, dict[str, Any]]:
    _row, key = create_api_key("planner", scopes=["meetings"])
    answer = Client().get(API, {"days": days} if days else {}, headers={"Authorization": f"Bearer {key}"})
    return answer.status_code, answer.json()


def test_page_says_when_too_few_links_are_left(desk: Client):
    make_link()
    for _ in range(3):
        waiting_meeting()
    page = text_of(desk.get(PAGE))
    assert "some session will find no link" in page
    assert "too few links" in page
    assert page.count('class="chart-bar bad"') >= 2  # its day, and its hours


def test_page_says_that_all_is_well(desk: Client):
    for _ in range(3):
        make_link()
    waiting_meeting()
    assert "There are links enough for every session." in text_of(desk.get(PAGE))


def test_page_of_an_empty_pool_says_what_to_do(desk: Client):
    assert "Add links first." in text_of(desk.get(PAGE))


@pytest.mark.parametrize("days", ["", "7", "8", "x", "-1", "99999999999999999999"])
def test_page_can_be_asked_anything(desk: Client, days: str):
    assert desk.get(PAGE, {"days": days}).status_code == 200


def test_page_takes_as_many_queries_for_many_sessions_as_for_few(desk: Client):
    make_link()

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            text_of(desk.get(PAGE))
        return len(captured)

    waiting_meeting()
    few = queries()
    for number in range(49):
        waiting_meeting(lesson(30 * number))
    assert queries() == few


def test_page_is_for_those_who_may_see_links():
    clerk = Client()
    clerk.force_login(make_user(is_staff=True))
    assert clerk.get(PAGE).status_code == 403


def test_list_of_links_leads_to_it(desk: Client):
    assert PAGE in text_of(desk.get("/admin/meetings/meetinglink/"))


def test_programs_get_every_hour():
    make_link()
    waiting_meeting()
    status, said = ask("3")
    assert (status, said["success"], said["links"], len(said["hours"])) == (200, True, 1, 72)
    assert said["peak"] == {"start": lesson().start.isoformat().replace("+00:00", "Z"), "needed": 1}
    assert [change["links"] for change in said["changes"]][:2] == [0, 1]


def test_programs_get_sixty_days_if_they_do_not_say():
    hours = ask()[1]["hours"]
    assert len(hours) == 60 * 24
    assert hours[0]["start"][:13] == f"{timezone.now() - timedelta():%Y-%m-%dT%H}"


@pytest.mark.parametrize("days", ["0", "367", "x", "1.5", "-3", "٣", "1" * 400])
def test_programs_that_ask_for_no_length_are_told(days: str):
    status, said = ask(days)
    assert (status, said["success"]) == (400, False)
    assert "1 to 366" in str(said["error"])
