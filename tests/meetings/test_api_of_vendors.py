"""The calls of other programs where a vendor makes the meeting."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from meetings.errors import ProviderUnavailable
from tests.factories import make_link, make_tutor
from tests.meetings.acme import Acme
from tests.meetings.conftest import connect
from tests.meetings.making import lesson, paid_booking, waiting_meeting

pytestmark = pytest.mark.django_db
CREATE = "/api/create-meeting-link"
MISSING = "/api/sessions/create-missing-meetings"
RETRY = "/api/sessions/retry-meeting-link"


@pytest.mark.defect("IT-03", "CE-24")
def test_create_makes_the_meeting_at_the_tutors_provider_once(call, acme: Acme):
    booking = paid_booking(tutor=make_tutor(meeting_provider="acme"))
    answer = {"success": True, "meetingLink": "https://acme.test/room-1/student", "eventId": "room-1"}
    assert call(CREATE, {"bookingId": booking.reference}) == (200, answer)
    assert call(CREATE, {"bookingId": booking.reference}) == (200, answer)
    assert acme.calls == ["create"]


@pytest.mark.defect("TB-07", "TB-22", "IT-19")
def test_create_answers_without_an_address_while_the_vendor_has_none(call, acme: Acme):
    booking = paid_booking(tutor=make_tutor(meeting_provider="acme"))
    acme.plan = [ProviderUnavailable()]
    status, answer = call(CREATE, {"bookingId": booking.reference})
    assert (status, set(answer)) == (502, {"success", "error"})
    acme.pending = 1
    status, answer = call(CREATE, {"bookingId": booking.reference})
    assert (status, set(answer)) == (409, {"success", "error"})
    assert call(CREATE, {"bookingId": booking.reference})[0] == 200


def test_retry_says_that_the_tutor_must_reconnect(call, acme: Acme):
    tutor = make_tutor(meeting_provider="zoom")
    connect(tutor, status="broken", broken_at=timezone.now())
    booking = paid_booking(tutor=tutor)
    error = "The connection to the meeting provider no longer works. Please connect the account again."
    told = {"success": False, "error": error, "details": error, "action": "disconnect_reconnect"}
    assert call(RETRY, {"sessionId": booking.reference}) == (401, told)

    link = make_link()  # the next of the chain gives an address, so nobody has to do anything first
    made = {"success": True, "message": "Meeting link created successfully", "join_url": link.url}
    assert call(RETRY, {"sessionId": booking.reference}) == (200, made)


def test_retry_begins_with_what_was_given_up(call, acme: Acme):
    meeting = waiting_meeting(provider="acme", passed_over=["acme"], trouble="by_hand")
    status, answer = call(RETRY, {"sessionId": meeting.booking.reference})
    assert (status, answer["join_url"]) == (200, "https://acme.test/room-1/student")


@pytest.mark.django_db(transaction=True)
@pytest.mark.defect("IT-02")
def test_missing_meetings_that_one_call_has_no_time_for_are_made_by_the_next(call, acme: Acme, monkeypatch):
    for number in range(4):
        paid_booking(lesson(number), tutor=make_tutor(meeting_provider="acme"))
    monkeypatch.setattr("meetings.api.CALL_LASTS", timedelta())
    status, answer = call(MISSING)
    assert (status, answer["total"], answer["remaining"]) == (200, 0, 4)
    monkeypatch.undo()
    status, answer = call(MISSING)
    assert (status, answer["success"], "remaining" in answer) == (200, 4, False)
