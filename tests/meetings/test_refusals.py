"""What a provider refuses because of how the site is set up is told to those who run it, until it works again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.test import Client
from django.utils import timezone

from bookings.models import Booking
from meetings import alarms, closing
from meetings.errors import ProviderMisconfigured
from meetings.models import Alert, Meeting, ProviderCall, VendorRoom
from meetings.planning import plan_meeting
from meetings.provisioning import provision_meeting
from meetings.refusals import WITHIN, refusals_of_set_up
from meetings.rooms import release_rooms
from tests.factories import an_hour, make_booking, make_link, make_tutor, make_user, tomorrow
from tests.meetings.acme import Acme
from tests.meetings.making import make_call, make_connection

pytestmark = pytest.mark.django_db
MISCONFIGURED = ProviderCall.Outcome.MISCONFIGURED
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _staff(settings: Any, acme: Acme) -> None:
    settings.ADMINS = [("Root", "root@example.com")]
    settings.ALERT_QUIET_MINUTES = 60


def look_around() -> list[str]:
    """Make the minute's round; return the subjects of the mails that left."""
    mail.outbox.clear()
    alarms.watch(timezone.now())
    return [str(letter.subject) for letter in mail.outbox]


def going_on() -> list[bool]:
    return [one.goes_on for one in refusals_of_set_up(timezone.now())]


def planned() -> Meeting:
    tutor = make_tutor(meeting_provider="acme")
    booking = make_booking(make_user(), tutor, during=an_hour(tomorrow(12, days=9)), status=Booking.Status.PAID)
    meeting = plan_meeting(booking)
    assert meeting is not None
    return meeting


def test_operator_is_told_once_of_a_set_up_that_one_session_could_not_use(acme: Acme):
    links, meeting = [make_link() for _number in range(3)], planned()
    acme.plan = [ProviderMisconfigured(code="invalid_client", detail="POST: 401 invalid_client", status=401)]

    assert provision_meeting(meeting).link in links  # so nobody else would notice

    assert look_around() == ["[Linkpool] Refused because of the set-up: Acme"]
    body = mail.outbox[0].body
    assert "Acme, making a room: invalid_client (POST: 401 invalid_client)" in body
    assert "The provider does not take the keys of this site" in body
    assert look_around() == []


def test_it_is_over_when_the_same_works_there_again(acme: Acme):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        make_call("acme", MISCONFIGURED, code="300")
        look_around()
        clock.shift(MINUTE)
        make_call("acme", what="list")
        assert look_around() == []
        make_call("zoom")
        assert look_around() == []
        make_call("acme")

        assert look_around() == ["[Linkpool] All well again: calls refused because of the set-up"]
        assert "What was refused works again" in mail.outbox[0].body
        assert "acme:create" not in mail.outbox[0].body
    assert not Alert.objects.get(kind=Alert.Kind.SET_UP).is_on


def test_fault_that_shows_in_some_calls_only_is_told_of_as_well():
    with time_machine.travel(timezone.now(), tick=False) as clock:
        make_call("acme", MISCONFIGURED, code="300")
        clock.shift(timedelta(seconds=10))
        make_call("acme")

        assert look_around() == ["[Linkpool] Refused because of the set-up: Acme"]
        assert "Nothing: it has worked since" in mail.outbox[0].body
        clock.shift(timedelta(days=2))
        assert look_around() == []


def test_another_fault_waits_for_the_end_of_the_quiet_period():
    with time_machine.travel(timezone.now(), tick=False) as clock:
        make_call("acme", MISCONFIGURED, code="300")
        look_around()
        clock.shift(MINUTE)
        make_call("acme", MISCONFIGURED, what="connect", code="redirect_uri_mismatch")
        assert look_around() == []
        clock.shift(60 * MINUTE)
        assert look_around() == ["[Linkpool] Refused because of the set-up: Acme"]
        body = mail.outbox[0].body
        assert body.index("connecting an account: redirect_uri_mismatch") < body.index("making a room: 300")


@pytest.mark.defect("IT-07")
def test_room_that_its_provider_does_not_let_us_close_is_told_of_until_it_is_closed(acme: Acme):
    meeting = provision_meeting(planned())
    release_rooms(meeting)
    room = VendorRoom.objects.get()
    acme.plan = [ProviderMisconfigured(code="3003", detail="DELETE: 400/3003", status=400)]
    assert not closing.close_room(room.pk)
    make_call("acme", what="cancel")  # another room could be closed: that mends nothing

    assert look_around() == ["[Linkpool] Refused because of the set-up: Acme"]
    assert "Acme, closing a room: 3003" in mail.outbox[0].body
    assert "close it at the provider" in mail.outbox[0].body

    VendorRoom.objects.update(next_attempt_at=timezone.now())
    assert closing.close_room(room.pk)
    assert look_around() == ["[Linkpool] All well again: calls refused because of the set-up"]


def test_account_that_cannot_be_read_is_not_mended_by_another_one():
    mine, other = make_connection(), make_connection()
    make_call("acme", MISCONFIGURED, what="refresh", connection=mine, began_at=timezone.now() - MINUTE)
    make_call("acme", what="refresh", connection=other)
    assert going_on() == [True]
    make_call("acme", what="refresh", connection=mine)
    assert going_on() == [False]


def test_refusal_for_a_tutor_is_not_over_because_others_or_the_pool_are_served():
    """As an outsider is refused with the site's account, which makes rooms for its own domain and for the pool."""
    mine, other, outsider, insider = make_connection(), make_connection(), planned(), planned()
    with time_machine.travel(timezone.now(), tick=False) as clock:
        make_call("acme", MISCONFIGURED, code="forbidden", meeting=outsider, connection=mine)
        clock.shift(MINUTE)
        make_call("acme", connection=mine)
        make_call("acme", meeting=insider, connection=mine)
        make_call("acme", meeting=outsider, connection=other)
        assert going_on() == [True]
        make_call("acme", meeting=outsider, connection=mine)
        assert going_on() == [False]


def test_refusal_for_a_tutor_is_over_when_nobody_was_refused_for_a_day():
    with time_machine.travel(timezone.now(), tick=False) as clock:
        make_call("acme", MISCONFIGURED, code="forbidden", meeting=planned())
        clock.shift(timedelta(hours=20))
        make_call("acme", MISCONFIGURED, code="forbidden", meeting=planned())
        clock.shift(timedelta(hours=23))
        assert going_on() == [True]
        clock.shift(timedelta(hours=1))
        assert going_on() == [False]


def test_fault_at_a_provider_whose_keys_were_taken_away_is_over(settings: Any):
    make_call("acme", MISCONFIGURED, code="300")
    look_around()
    settings.MEETING_PROVIDERS = {"pool": settings.MEETING_PROVIDERS["pool"]}
    assert look_around() == ["[Linkpool] All well again: calls refused because of the set-up"]


def test_what_nobody_asked_for_again_within_a_week_is_not_told_of_any_more():
    make_call("acme", MISCONFIGURED, code="300", began_at=timezone.now() - WITHIN)
    assert refusals_of_set_up(timezone.now()) == []


def test_refusals_with_one_code_are_one_line_and_those_without_are_known_by_our_words():
    meeting = planned()
    for _number in range(3):
        make_call("acme", MISCONFIGURED, code="300", meeting=meeting)
    make_call("acme", MISCONFIGURED, detail="the template has no role guest")
    make_call("acme", ProviderCall.Outcome.CANNOT, code="200")

    found = refusals_of_set_up(timezone.now())

    assert [(one.reason, one.calls) for one in found] == [("300", 3), ("the template has no role guest", 1)]


def test_page_shows_what_is_refused_and_what_to_do(desk: Client):
    make_call("acme", MISCONFIGURED, code="key_file", detail="key file: no JSON")

    html = desk.get("/admin/meetings/meeting/how-it-goes/").content.decode()

    assert "Refused because of the set-up" in html
    assert "Look at GOOGLE_SERVICE_ACCOUNT_FILE: the file cannot be used." in html
    assert "provider__exact=acme" in html


@pytest.mark.parametrize("rows", [1, 50])
def test_three_statements_find_them_however_many_there_are(rows: int, django_assert_num_queries: Any):
    for _number in range(rows):
        meeting = planned()
        make_call("acme", MISCONFIGURED, what="cancel", code="3003", meeting=meeting)
        make_call("acme", MISCONFIGURED, code="300", meeting=meeting)
    with django_assert_num_queries(3):
        assert sum(one.calls for one in refusals_of_set_up(timezone.now())) == 2 * rows
