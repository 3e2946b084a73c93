"""GET /api/available-slots."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from bookings.api_keys import create_api_key
from bookings.models import ApiKey, Booking, SessionType, Tutor, User
from tests.factories import an_hour, make_booking, make_session_type, make_tutor, tomorrow
from tests.pages import queries_of

pytestmark = pytest.mark.django_db
PATH = "/api/available-slots"


@pytest.fixture
def program(client: Client) -> Client:
    _row, key = create_api_key("Calendar", scopes=[ApiKey.Scope.SLOTS])
    client.defaults["HTTP_AUTHORIZATION"] = f"Bearer {key}"
    return client


@pytest.fixture
def berlin(db: None) -> SessionType:
    """An hour with a tutor in Berlin who teaches from nine to eleven, at the beginning of 2027."""
    tutor = make_tutor(slug="berta", time_zone="Europe/Berlin", hours=[(day, time(9), time(11)) for day in range(7)])
    return make_session_type(tutor, slug="hour")


def ask(program: Client, **fields: Any) -> Any:
    asked = {"tutor": "berta", "session_type": "hour", "from": "2027-01-04", "to": "2027-01-04"}
    query = {name: value for name, value in {**asked, **fields}.items() if value is not None}
    with time_machine.travel("2027-01-01T00:00:00Z"):
        return program.get(PATH, query)


def test_slots_are_told_in_utc_and_in_the_tutors_zone(program: Client, berlin: SessionType):
    answer = ask(program)

    assert answer.status_code == 200
    assert answer.json() == {
        "success": True,
        "slots": [
            {
                "start": f"2027-01-04T{utc}:00Z",
                "end": f"2027-01-04T{end}:00Z",
                "date": "2027-01-04",
                "time": clock,
                "duration": 60,
            }
            for utc, end, clock in [("08:00", "09:00", "09:00"), ("08:30", "09:30", "09:30"), ("09:00", "10:00", "10:00")]
        ],
    }


def test_slots_are_told_in_the_zone_asked_for_whose_days_are_meant(program: Client, berlin: SessionType):
    slots = ask(program, tz="Pacific/Auckland", **{"from": "2027-01-05", "to": "2027-01-05"}).json()["slots"]

    # 21:00 in Auckland is 09:00 in Berlin; nothing of the day before is shown
    assert [(slot["date"], slot["time"]) for slot in slots] == [
        ("2027-01-05", clock) for clock in ("21:00", "21:30", "22:00")
    ]


def test_slots_of_both_whole_days_are_told(program: Client, berlin: SessionType):
    slots = ask(program, to="2027-01-06").json()["slots"]

    assert {slot["date"] for slot in slots} == {"2027-01-04", "2027-01-05", "2027-01-06"}


@pytest.mark.defect("TB-14")
def test_slots_that_overlap_a_booking_are_left_out(program: Client, berlin: SessionType, sam: User):
    nine = an_hour(date_at(2027, 1, 4, 8))
    make_booking(sam, berlin.tutor, during=nine, status=Booking.Status.PAID, session_type=berlin)

    assert [slot["time"] for slot in ask(program).json()["slots"]] == ["10:00"]


def date_at(year: int, month: int, day: int, hour: int) -> datetime:
    return datetime(year, month, day, hour, tzinfo=UTC)


@pytest.mark.parametrize("missing", ["tutor", "session_type", "from", "to"])
@pytest.mark.parametrize("value", [None, "", "  "])
def test_slots_without_a_field_are_refused_by_its_name(
    program: Client, berlin: SessionType, missing: str, value: str | None
):
    answer = ask(program, **{missing: value})

    assert (answer.status_code, answer.json()) == (400, {"success": False, "error": f"Missing required field: {missing}"})


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"from": "soon"}, "“from” must be a date such as 2026-03-01."),
        ({"from": "04/01/2027"}, "“from” must be a date such as 2026-03-01."),
        ({"to": "2027-02-30"}, "“to” must be a date such as 2026-03-01."),
        ({"to": "2027-01-03"}, "“to” must not be before “from”."),
        ({"to": "2027-04-06"}, "Please ask for at most 92 days at once."),
        ({"from": "1900-01-01", "to": "1900-01-02"}, "“from” and “to” must lie in the years 2000 to 2100."),
        ({"from": "9999-12-31", "to": "9999-12-31"}, "“from” and “to” must lie in the years 2000 to 2100."),
        ({"from": "0001-01-01", "to": "0001-01-01"}, "“from” and “to” must lie in the years 2000 to 2100."),
        ({"tz": "Mars/Olympus"}, "“tz” must be the name of a time zone, such as Asia/Jakarta."),
        ({"tz": "Pacific/Apia", "from": "2011-12-30", "to": "2011-12-30"}, "That day does not exist in this time zone."),
        ({"tutor": "\0"}, "Something in this request is missing or cannot be read. Please check it and try again."),
    ],
)
def test_slots_asked_for_wrongly_are_refused_with_a_sentence(program: Client, berlin: SessionType, fields, sentence: str):
    answer = ask(program, **fields)

    assert (answer.status_code, answer.json()) == (400, {"success": False, "error": sentence})


def test_slots_of_92_days_are_allowed(program: Client, berlin: SessionType):
    assert ask(program, to="2027-04-05").status_code == 200


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [({"tutor": "nobody"}, "There is no such tutor."), ({"session_type": "chess"}, "This tutor has no such session type.")],
)
def test_slots_of_nobody_are_not_found(program: Client, berlin: SessionType, fields, sentence: str):
    answer = ask(program, **fields)

    assert (answer.status_code, answer.json()) == (404, {"success": False, "error": sentence})


def test_slots_of_a_tutor_who_is_not_listed_are_not_found(program: Client, berlin: SessionType):
    Tutor.objects.update(is_approved=False)

    assert ask(program).status_code == 404


def test_slots_are_for_keys_of_that_scope_only(client: Client, berlin: SessionType):
    _row, other = create_api_key("Payer", scopes=[ApiKey.Scope.CHECKOUT])

    without = client.get(PATH)
    wrong = client.get(PATH, headers={"Authorization": "Bearer nonsense"})
    of_another = client.get(PATH, headers={"Authorization": f"Bearer {other}"})

    assert [answer.status_code for answer in (without, wrong, of_another)] == [401, 401, 403]
    assert all(answer.json()["success"] is False for answer in (without, wrong, of_another))


@pytest.mark.parametrize("method", ["post", "put", "delete", "patch"])
def test_slots_are_only_read(program: Client, method: str):
    answer = getattr(program, method)(PATH)

    assert (answer.status_code, answer.json()["success"]) == (405, False)


def test_slots_are_json_even_for_a_browser(program: Client, berlin: SessionType):
    answer = program.get(PATH, headers={"Accept": "text/html"})

    assert answer["Content-Type"] == "application/json"


def test_slots_take_as_many_queries_for_many_days_and_bookings(program: Client, sam: User):
    tutor = make_tutor(slug="busy")
    make_session_type(tutor, slug="hour")
    today = tomorrow().date()
    query = f"{PATH}?tutor=busy&session_type=hour&from={today}&to="
    with_one = queries_of(program, f"{query}{today}")
    for day in range(1, 30):
        make_booking(sam, tutor, during=an_hour(tomorrow(days=day + 1)))

    assert queries_of(program, f"{query}{today + timedelta(days=60)}") == with_one
