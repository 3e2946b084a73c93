"""The calls of other programs, word by word."""

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from bookings.api_keys import create_api_key
from bookings.completion import complete_over
from bookings.models import Booking
from meetings.alarms import watch
from meetings.models import Meeting, MeetingLink
from meetings.pool import choose_link
from tests.factories import make_booking, make_link, make_tutor, make_user
from tests.meetings.making import lesson, paid_booking, waiting_meeting
from tests.race import race

pytestmark = pytest.mark.django_db
ASSIGN = "/api/assign-meeting-link"
CREATE = "/api/create-meeting-link"
MISSING = "/api/sessions/create-missing-meetings"
RETRY = "/api/sessions/retry-meeting-link"
NO_LINK = "No available meeting links at this time. Please contact support."


def test_link_of_a_session_that_is_over_is_still_told(call):
    link, booking = make_link(), paid_booking()
    call(ASSIGN, {"bookingId": booking.reference})
    complete_over(now=booking.join_closes_at)
    assert call(ASSIGN, {"bookingId": booking.reference}) == (
        200,
        {"success": True, "meetingLink": link.url, "meetingLinkId": link.pk, "alreadyAssigned": True},
    )


@pytest.mark.defect("CE-14", "IT-01")
@pytest.mark.parametrize("path", [ASSIGN, CREATE, MISSING, RETRY])
@pytest.mark.parametrize("slash", ["", "/"])
def test_call_needs_a_key_with_the_right_scope(path: str, slash: str):
    _row, other = create_api_key("another program", scopes=["checkout", "slots"])
    for headers, status in [
        ({}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Authorization": f"Bearer {other}"}, 403),
    ]:
        answer = Client().post(path + slash, "{}", content_type="application/json", headers=headers)
        assert (answer.status_code, answer.json()["success"]) == (status, False)


def test_logged_in_person_is_no_key(root):
    client = Client()
    client.force_login(root)
    assert client.post(ASSIGN, {"bookingId": "BK-1"}, content_type="application/json").status_code == 401


@pytest.mark.parametrize("path", [ASSIGN, CREATE, MISSING, RETRY])
def test_call_answers_json_to_the_wrong_method_and_to_what_is_no_json(path: str, key: str):
    headers = {"Authorization": f"Bearer {key}"}
    wrong = Client().get(path, headers=headers)
    assert (wrong.status_code, wrong.json()["success"]) == (405, False)
    if path != MISSING:
        broken = Client().post(path, "{", content_type="application/json", headers=headers)
        assert (broken.status_code, broken.json()["success"]) == (400, False)


def test_assign_gives_a_link_and_gives_the_same_again(call):
    link, booking = make_link(), paid_booking()
    answer = {"success": True, "meetingLink": link.url, "meetingLinkId": link.pk}
    assert call(ASSIGN, {"bookingId": booking.reference}) == (200, answer)
    assert call(ASSIGN + "/", {"bookingId": booking.reference}) == (200, {**answer, "alreadyAssigned": True})


@pytest.mark.defect("CE-13")
@pytest.mark.parametrize("reference", ["BK-UNKNOWN222", "no such booking", "\x00", "ä" * 5, "x" * 4000, "1"])
def test_assign_for_an_unknown_booking_is_not_found(call, reference: str):
    assert call(ASSIGN, {"bookingId": reference}) == (404, {"success": False, "error": "Booking not found"})


@pytest.mark.parametrize("body", [None, {}, [], "BK-1", 7, *({"bookingId": wrong} for wrong in (None, "", "  ", 7, ["x"]))])
def test_assign_without_a_booking_says_what_is_missing(call, body):
    assert call(ASSIGN, body) == (400, {"success": False, "error": "Missing required field: bookingId"})


@pytest.mark.defect("CE-14")
@pytest.mark.parametrize("status", [one for one in Booking.Status if one != Booking.Status.PAID])
def test_assign_for_an_unpaid_booking_is_refused(call, status: str):
    make_link()
    booking = make_booking(make_user(), make_tutor(), status=status)
    error = "This booking is not paid, so it has no meeting."
    assert call(ASSIGN, {"bookingId": booking.reference}) == (409, {"success": False, "error": error})
    assert not Meeting.objects.exclude(link=None).exists()


@pytest.mark.defect("CE-15")
def test_assign_from_an_empty_pool_says_so_and_tells_the_admins(call, settings, mailoutbox):
    settings.ADMINS = [("Root", "root@example.com")]
    booking = paid_booking()
    refused = {"success": False, "error": NO_LINK, "requiresManualAssignment": True}
    for _ in range(2):
        assert call(ASSIGN, {"bookingId": booking.reference}) == (409, refused)
    watch(timezone.now())
    assert len(mailoutbox) == 1
    make_link()
    assert call(ASSIGN, {"bookingId": booking.reference})[0] == 200


@pytest.mark.django_db(transaction=True)
def test_assign_that_fails_in_the_database_is_500_with_details(call):
    booking = paid_booking()
    with connection.cursor() as cursor:
        cursor.execute("ALTER FUNCTION meetings_assign_link RENAME TO meetings_assign_link_away")
    try:
        status, answer = call(ASSIGN, {"bookingId": booking.reference})
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER FUNCTION meetings_assign_link_away RENAME TO meetings_assign_link")
    assert (status, answer["success"], answer["error"]) == (500, False, "Failed to find available meeting link")
    assert answer["details"]
    assert "meetings_" not in answer["details"]


@pytest.mark.defect("CE-08")
@pytest.mark.django_db(transaction=True)
def test_assign_called_by_twelve_at_once_gives_each_booking_one_link(call):
    for _ in range(4):
        make_link()
    bookings = [paid_booking() for _ in range(6)]

    outcomes = race(lambda number: call(ASSIGN, {"bookingId": bookings[number // 2].reference}), threads=12)

    answers = [outcome.value for outcome in outcomes]
    assert sorted(status for status, _body in answers) == [200] * 8 + [409] * 4
    given = {body["meetingLinkId"] for status, body in answers if status == 200}
    assert given == set(MeetingLink.objects.values_list("pk", flat=True))
    assert sum("alreadyAssigned" in body for _status, body in answers) == 4


def test_create_goes_to_the_tutors_provider(call):
    link = make_link()
    pooled, sandboxed = paid_booking(), make_booking(make_user(), make_tutor(meeting_provider="sandbox"), status="paid")
    assert call(CREATE, {"bookingId": pooled.reference}) == (
        200,
        {"success": True, "meetingLink": link.url, "eventId": None},
    )
    status, answer = call(CREATE, {"bookingId": sandboxed.reference})
    assert (status, answer["success"]) == (200, True)
    assert answer["meetingLink"] == f"http://testserver/sandbox/room/{answer['eventId']}"


@pytest.mark.defect("CE-24")
def test_create_again_returns_the_same_meeting(call):
    booking = make_booking(make_user(), make_tutor(meeting_provider="sandbox"), status="paid")
    assert call(CREATE, {"bookingId": booking.reference}) == call(CREATE, {"bookingId": booking.reference})


def test_create_refuses_in_the_same_words_as_assign(call):
    assert call(CREATE, {})[0] == 400
    assert call(CREATE, {"bookingId": "BK-UNKNOWN222"}) == (404, {"success": False, "error": "Booking not found"})
    assert call(CREATE, {"bookingId": paid_booking().reference}) == (
        409,
        {"success": False, "error": NO_LINK, "requiresManualAssignment": True},
    )


@pytest.mark.defect("IT-02")
def test_missing_meetings_are_made_for_paid_sessions_to_come_only(call):
    make_link()
    late, early = paid_booking(lesson(30)), paid_booking(lesson(0))
    make_booking(make_user(), make_tutor(), status=Booking.Status.CANCELLED)
    paid_booking(lesson(-3 * 24 * 60))
    assert call(MISSING) == (
        200,
        {
            "message": "Meeting creation complete",
            "total": 2,
            "success": 1,
            "failed": 1,
            "errors": [{"session_id": late.reference, "error": NO_LINK}],
        },
    )
    assert Meeting.objects.get(status="ready").booking == early


def test_missing_meetings_may_be_none(call):
    nothing = {"message": "No sessions need meeting links", "total": 0, "success": 0, "failed": 0, "errors": []}
    assert call(MISSING) == (200, nothing)


def test_retry_makes_the_link_and_then_says_it_is_there(call):
    link, meeting = make_link(), waiting_meeting(attempts=5)
    body = {"sessionId": meeting.booking.reference}
    made = {"success": True, "message": "Meeting link created successfully", "join_url": link.url}
    there = {"success": True, "message": "Session already has a meeting link", "join_url": link.url}
    assert call(RETRY, body) == (200, made)
    assert call(RETRY, body) == (200, there)


def test_retry_says_what_is_wrong(call):
    cancelled = make_booking(make_user(), make_tutor(), status=Booking.Status.CANCELLED)
    for body, status, error in [
        ({}, 400, "Session ID is required"),
        ({"sessionId": 5}, 400, "Session ID is required"),
        ({"sessionId": "BK-UNKNOWN222"}, 404, "Session not found"),
        ({"sessionId": cancelled.reference}, 400, "Can only create meeting links for scheduled sessions"),
        ({"sessionId": paid_booking().reference}, 409, NO_LINK),
    ]:
        got, answer = call(RETRY, body)
        assert (got, answer["success"], answer["error"]) == (status, False, error)


@pytest.mark.parametrize(("path", "field"), [(ASSIGN, "bookingId"), (CREATE, "bookingId"), (RETRY, "sessionId")])
def test_address_that_was_told_is_known_from_then_on(call, path: str, field: str):
    make_link()
    meeting = waiting_meeting()

    for _ in range(2):
        status, _answer = call(path, {field: meeting.booking.reference})
        assert status == 200

    known = Meeting.objects.get(pk=meeting.pk)
    assert known.ready_at is not None
    assert known.seen_at is not None
    assert known.ready_at <= known.seen_at <= timezone.now()


@pytest.mark.parametrize(("path", "field"), [(ASSIGN, "bookingId"), (CREATE, "bookingId"), (RETRY, "sessionId")])
def test_session_that_moved_a_moment_ago_is_told_no_address_of_its_old_time(call, path: str, field: str):
    """The news of the move is not heard yet: whoever has that link then must not be met by this session."""
    link, booking = make_link(), paid_booking()
    assert call(path, {field: booking.reference})[0] == 200
    later = lesson(600)
    Booking.objects.update(during=(later.start, later.end), blocks=(later.start, later.end))
    choose_link(waiting_meeting(later), link)  # at the new time it is another session's
    assert call(path, {field: booking.reference})[0] == 409
    other = make_link()
    status, answer = call(path, {field: booking.reference})
    assert (status, answer.get("meetingLink") or answer.get("join_url")) == (200, other.url)
    meeting = Meeting.objects.get(booking=booking)
    assert (meeting.link, meeting.time) == (other, later)
