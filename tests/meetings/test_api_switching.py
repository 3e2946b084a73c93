"""Programs have a tutor's sessions held elsewhere: at once as far as the time of a call goes, and each said by name."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client, override_settings

from bookings.api_keys import create_api_key
from bookings.doubles.server import Fault
from bookings.models import ApiKey, Booking, Tutor, User
from meetings.models import ProviderSwitch
from tests.factories import an_hour, make_booking, make_link, make_meeting, tomorrow
from tests.meetings.consenting import ConsentDouble, connect, providers

CALL = "/api/sessions/migrate-provider"


@pytest.fixture
def program(db: None) -> Client:
    _row, key = create_api_key("owner", scopes=[ApiKey.Scope.MEETINGS])
    return Client(headers={"Authorization": f"Bearer {key}"})


def ask(program: Client, **body: Any) -> tuple[int, dict[str, Any]]:
    answer = program.post(CALL, body, content_type="application/json")
    return answer.status_code, answer.json()


def hold(student: User, tutor: Tutor, hour: int) -> Booking:
    booking = make_booking(student, tutor, status=Booking.Status.PAID, during=an_hour(tomorrow(hour)))
    make_meeting(booking, status="ready", link=make_link(), reserved=booking.during, next_attempt_at=None)
    return booking


def test_all_sessions_move_in_one_call_and_again_none(program: Client, ada: Tutor, sam: User, vendor: ConsentDouble):
    connect(ada, vendor)
    for hour in (9, 11):
        hold(sam, ada, hour)
    done = {"success": True, "message": "All sessions have moved", "provider": "zoom", "remaining": 0, "errors": []}

    assert ask(program, tutor="ada", provider="zoom") == (200, done | {"migratedCount": 2})
    assert ask(program, tutor="ada", provider="zoom") == (200, done | {"migratedCount": 0})


@pytest.mark.defect("IT-15")
def test_call_says_which_sessions_did_not_move_and_goes_on_later(
    program: Client, ada: Tutor, sam: User, vendor: ConsentDouble, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("meetings.connections.SILENCE", timedelta(0))
    connect(ada, vendor, lives=timedelta(0))
    for hour in (9, 11):
        hold(sam, ada, hour)
    vendor.fail_next(Fault.RESET_BEFORE)

    status, answer = ask(program, tutor="ada", provider="zoom")

    assert (status, answer["success"], answer["migratedCount"], answer["remaining"]) == (207, True, 1, 1)
    switch = ProviderSwitch.objects.get()
    switch.sessions.update(next_attempt_at=switch.asked_at)
    status, answer = ask(program, tutor="ada", provider="zoom")
    assert (status, answer["migratedCount"], ProviderSwitch.objects.count()) == (200, 2, 1)


def test_session_that_cannot_move_is_named_with_the_reason(program: Client, ada: Tutor, sam: User, vendor: ConsentDouble):
    connect(ada, vendor, lives=timedelta(0))
    vendor.grants.clear()
    booking = hold(sam, ada, 9)

    status, answer = ask(program, tutor="ada", provider="zoom")

    assert (status, answer["success"], answer["migratedCount"]) == (207, False, 0)
    assert answer["errors"] == [{"session_id": booking.reference, "error": "The account must be connected again first."}]


def test_sessions_that_keep_their_place_until_a_person_gives_an_address_are_named(
    program: Client, ada: Tutor, sam: User, vendor: ConsentDouble
):
    manual = {"manual": {"BACKEND": "meetings.providers.manual.ManualProvider", "OPTIONS": {}}}
    booking = hold(sam, ada, 9)

    with override_settings(MEETING_PROVIDERS=providers(vendor) | manual):
        status, answer = ask(program, tutor="ada", provider="manual")

    why = "It keeps its place until you give it an address."
    assert (status, answer["success"], answer["migratedCount"], answer["remaining"]) == (207, False, 0, 0)
    assert answer["errors"] == [{"session_id": booking.reference, "error": why}]


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        ({}, 400, "Missing required field: tutor"),
        ({"tutor": "ada"}, 400, "Missing required field: provider"),
        ({"tutor": "nobody", "provider": "pool"}, 404, "Tutor not found"),
        ({"tutor": "a\0b", "provider": "pool"}, 404, "Tutor not found"),
        ({"tutor": ["ada"], "provider": "pool"}, 400, "Missing required field: tutor"),
        ({"tutor": "ada", "provider": "teams"}, 400, "Sessions cannot be held there."),
        ({"tutor": "ada", "provider": "zoom"}, 400, "Sessions cannot be held there."),
        ({"tutor": "ada", "provider": "x" * 20_000}, 400, "Sessions cannot be held there."),
        ({"tutor": "ada", "provider": "\0"}, 400, "Sessions cannot be held there."),
        ({"tutor": "ada", "provider": "\ud800"}, 400, "Sessions cannot be held there."),
    ],
)
def test_what_cannot_be_done_is_refused_and_changes_nothing(
    program: Client, ada: Tutor, vendor: ConsentDouble, body: dict[str, Any], status: int, error: str
):
    said, answer = ask(program, **body)

    assert (said, answer["success"]) == (status, False)
    assert answer["error"].startswith(error)
    ada.refresh_from_db()
    assert ada.meeting_provider == "pool"
    assert not ProviderSwitch.objects.exists()
