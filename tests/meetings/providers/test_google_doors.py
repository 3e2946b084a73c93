"""Rooms of the site's own account: somebody gets in, or it is no room."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bookings.doubles.server import Fault
from meetings.doubles.google_books import Space, meet_no
from meetings.errors import ProviderMisconfigured, ProviderUnavailable
from meetings.providers.base import Person, Room
from meetings.providers.google_doors import NOBODY_ADMITS, UNSEEN, kinds_entered
from meetings.providers.meet_spaces import RESTRICTED, TRUSTED
from tests.meetings.making import lesson
from tests.meetings.providers.asking import ready_room, room_request
from tests.meetings.providers.google_vendor import OFFICE, RIGHTS, GoogleVendor

COLLEAGUE = Person("Ada", "Ada@School.example.com")
EVENTS_ONLY = RIGHTS[:1]
WITHOUT_SETTINGS = [RIGHTS[0], RIGHTS[2]]


def space_of(google: GoogleVendor, room: Room) -> Space:
    found = google.double.find_space(room.join_url_student)
    assert found is not None
    return found


def kind_of(google: GoogleVendor, room: Room) -> str:
    return str(space_of(google, room).config["accessType"])


def asked_of_meet(google: GoogleVendor) -> list[str]:
    return [one.method for one in google.double.requests if one.path.startswith("/v2/")]


def test_room_of_the_site_opens_to_whoever_has_its_address(google: GoogleVendor):
    site = google.site()
    room = ready_room(google.maker(), room_request(), site)
    assert kind_of(google, room) == "OPEN"
    assert asked_of_meet(google) == ["GET", "PATCH"]
    patch = google.double.requests[-1]
    assert (patch.path, patch.query) == (f"/v2/{space_of(google, room).name}", {"updateMask": ["config.accessType"]})
    assert json.loads(patch.body) == {"config": {"accessType": "OPEN"}}


def test_open_room_is_not_opened_again(google: GoogleVendor):
    site = google.site()
    room = ready_room(google.maker(), room_request(), site)
    google.maker().create(room_request(), site)
    google.maker().check(room.external_id, site)
    google.maker().move(room.external_id, room_request(during=lesson(600)), site)
    assert asked_of_meet(google).count("PATCH") == 1


def test_account_whose_rooms_are_open_is_only_looked_at(google: GoogleVendor):
    google.double.set_access(OFFICE, "OPEN")
    ready_room(google.maker(), room_request(), google.site())
    assert asked_of_meet(google) == ["GET"]


def test_room_that_somebody_shut_is_opened_when_its_session_moves(google: GoogleVendor):
    site = google.site()
    room = ready_room(google.maker(), room_request(), site)
    space_of(google, room).config["accessType"] = "RESTRICTED"
    google.maker().move(room.external_id, room_request(during=lesson(600)), site)
    assert kind_of(google, room) == "OPEN"


def test_settings_of_a_tutors_own_room_are_the_tutors(google: GoogleVendor):
    room = ready_room(google.maker(), room_request(), google.access)
    google.maker().move(room.external_id, room_request(during=lesson(600)), google.access)
    assert (kind_of(google, room), "PATCH" in asked_of_meet(google)) == ("TRUSTED", False)


@pytest.mark.parametrize("rights", [EVENTS_ONLY, WITHOUT_SETTINGS], ids=["calendar", "created"])
@pytest.mark.parametrize("invites", [False, True])
def test_room_in_which_nobody_could_admit_is_none(google: GoogleVendor, rights: list[str], invites: bool):
    for _time in range(2):
        with pytest.raises(ProviderMisconfigured) as caught:
            ready_room(google.maker(invites=invites), room_request(), google.site(*rights))
        assert (caught.value.message, caught.value.status) == (NOBODY_ADMITS, 403)
    assert len(google.double.accounts[OFFICE].events) == 1


@pytest.mark.parametrize("rights", [EVENTS_ONLY, WITHOUT_SETTINGS], ids=["calendar", "created"])
@pytest.mark.parametrize("reads", [0, 2], ids=["at once", "later"])
def test_tutor_of_the_accounts_domain_lets_the_student_in(google: GoogleVendor, rights: list[str], reads: int):
    google.double.hold_conferences(reads=reads)
    site, request = google.site(*rights), room_request(tutor=COLLEAGUE)
    room = ready_room(google.maker(), request, site)
    assert room.join_url_student
    assert google.maker().move(room.external_id, request, site).join_url_student == room.join_url_student
    assert kind_of(google, room) == "TRUSTED"


@pytest.mark.parametrize("invites", [False, True])
def test_room_for_guests_only_lets_in_a_colleague_who_is_a_guest(google: GoogleVendor, invites: bool):
    google.double.set_access(OFFICE, "RESTRICTED")
    maker, site = google.maker(invites=invites), google.site(*WITHOUT_SETTINGS)
    if invites:
        assert ready_room(maker, room_request(tutor=COLLEAGUE), site).join_url_student
        return
    with pytest.raises(ProviderMisconfigured):
        ready_room(maker, room_request(tutor=COLLEAGUE), site)


def test_domain_whose_policy_keeps_rooms_shut_is_an_operators_matter(google: GoogleVendor):
    site = google.site()
    room = ready_room(google.maker(), room_request(), site)
    space = space_of(google, room)
    space.config["accessType"] = "TRUSTED"
    shut = {"name": space.name, "meetingUri": space.uri, "meetingCode": space.code, "config": space.config}
    google.double.refuse_next("PATCH /v2/", 200, shut)
    with pytest.raises(ProviderMisconfigured) as caught:
        google.maker().check(room.external_id, site)
    assert (caught.value.message, caught.value.detail) == (NOBODY_ADMITS, "door: it stays shut")


@pytest.mark.parametrize("fault", [Fault.LOST, Fault.RESET, Fault.ERROR, Fault.ERROR_AFTER, Fault.BUSY])
@pytest.mark.parametrize("asked", ["GET /v2/", "PATCH /v2/"])
def test_silent_meet_is_asked_again_and_the_event_stays(google: GoogleVendor, asked: str, fault: Fault):
    google.double.hold_conferences(reads=0)
    site = google.site()
    google.double.fail_next(fault, asked)
    with pytest.raises(ProviderUnavailable):
        google.hasty().create(room_request(), site)
    room = google.maker().create(room_request(), site)
    assert kind_of(google, room) == "OPEN"
    assert len(google.double.accounts[OFFICE].events) == 1


def test_room_that_meet_does_not_know_yet_is_asked_for_again(google: GoogleVendor):
    google.double.hold_conferences(reads=0)
    google.double.refuse_next("GET /v2/", 404, meet_no(404, "NOT_FOUND").body)
    with pytest.raises(ProviderUnavailable):
        google.maker().create(room_request(), google.site())
    assert google.maker().create(room_request(), google.site()).join_url_student


def test_people_in_a_room_of_the_site_are_seen(google: GoogleVendor):
    site = google.site()
    room = ready_room(google.maker(), room_request(), site)
    assert not google.maker().check(room.external_id, site).is_in_use
    google.double.start_call(room.join_url_student)
    assert google.maker().check(room.external_id, site).is_in_use


@pytest.mark.parametrize(
    ("tutor", "account", "guests", "kinds"),
    [
        ("ada@school.example.com", OFFICE, (), {UNSEEN, TRUSTED}),
        ("ADA@School.Example.com", OFFICE, ("ada",), {UNSEEN, TRUSTED, RESTRICTED}),
        ("ada@example.com", OFFICE, ("ada",), set()),
        ("ada@my.school.example.com", OFFICE, (), set()),
        ("ada@gmail.com", "office@gmail.com", (), set()),
        ("", "", (), set()),
        ("ada", "office", (), set()),
    ],
)
def test_only_the_accounts_own_domain_gets_in_by_itself(tutor: str, account: str, guests: Any, kinds: set[str]):
    assert kinds_entered(tutor, account, guests=guests) == kinds
