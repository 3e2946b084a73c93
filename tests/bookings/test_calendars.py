"""Entries of calendars, as mail programs get them: the bytes of the mail, read back."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from email import message_from_bytes
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone
from icalendar import Calendar

from bookings.calendars import invite, withdraw
from bookings.models import Booking, Notice, Tutor, User
from bookings.notices import tell
from config.mail import pack, unpack
from tests.conftest import Drain
from tests.factories import an_hour, make_booking, make_link, make_meeting, make_order, make_user

pytestmark = pytest.mark.django_db
Fact, Status = Notice.Fact, Booking.Status
NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)


@pytest.fixture
def lesson(sam: User, ada: Tutor, settings: Any) -> Booking:
    settings.EMAIL_BACKEND = "config.mail.QueuedBackend"
    settings.DEFAULT_FROM_EMAIL = '"Lessons, Ltd" <lessons@example.org>'
    return make_booking(sam, ada, during=an_hour(NOON), status=Status.PAID)


def event_of(text: str) -> Any:
    [event] = Calendar.from_ical(text).walk("VEVENT")
    return event


def sent_to(address: str) -> Any:
    """Return the last mail to that address, as its bytes are read at the other end."""
    return message_from_bytes([one for one in mail.outbox if one.to == [address]][-1].message().as_bytes())


def entry_in(message: Any) -> tuple[Any, Any]:
    part = message.get_payload()[-1]
    return part, event_of(part.get_payload(decode=True).decode())


def test_mail_is_what_gmail_and_outlook_take_as_an_invitation(lesson: Booking, drain: Drain):
    tell(Fact.PAID, to=[lesson.student], booking=lesson)
    drain()

    message = sent_to("sam@example.com")
    assert message.get_content_type() == "multipart/alternative"
    assert [one.get_content_type() for one in message.get_payload()] == ["text/plain", "text/html", "text/calendar"]
    part, event = entry_in(message)
    assert (part.get_param("method"), part.get_param("charset")) == ("REQUEST", "utf-8")
    assert part.get("Content-Disposition") is None
    calendar = Calendar.from_ical(part.get_payload(decode=True))
    assert (calendar["METHOD"], calendar["VERSION"]) == ("REQUEST", "2.0")
    assert event["ORGANIZER"] == "mailto:lessons@example.org"
    assert event["ORGANIZER"].params["CN"] == "Lessons, Ltd"
    assert "lessons@example.org" in message["From"]
    assert event["ATTENDEE"] == "mailto:sam@example.com"
    assert dict(event["ATTENDEE"].params) == {
        "CN": "Sam Student",
        "ROLE": "REQ-PARTICIPANT",
        "PARTSTAT": "NEEDS-ACTION",
        "RSVP": "TRUE",
    }


def test_mail_survives_the_queue_with_its_method(lesson: Booking):
    entry = invite(lesson, to=lesson.student, at=timezone.now())
    message = mail.EmailMultiAlternatives("Subject", "Text", "a@example.com", ["b@example.com"])
    message.attach_alternative(entry.text, entry.content_type)

    copy = message_from_bytes(unpack(json.loads(json.dumps(pack(message)))).message().as_bytes())

    part, event = entry_in(copy)
    assert part.get_param("method") == "REQUEST"
    assert part.get_payload(decode=True).decode().replace("\r\n", "\n") == entry.text.replace("\r\n", "\n")
    assert event["UID"] == f"booking-{lesson.reference}@testserver"


def test_times_are_utc_and_the_address_is_the_sites_own(lesson: Booking):
    make_meeting(lesson, status="ready", link=make_link(), reserved=lesson.during)

    text = invite(lesson, to=lesson.student, at=timezone.now()).text

    assert "DTSTART:20261201T120000Z\r\n" in text
    assert "DTEND:20261201T130000Z\r\n" in text
    assert "meet.google.com" not in text
    event = event_of(text)
    assert event["LOCATION"] == f"http://testserver/join/{lesson.reference}"
    assert f"http://testserver/join/{lesson.reference}" in event["DESCRIPTION"]
    assert (event["STATUS"], event["SEQUENCE"], event["SUMMARY"]) == ("CONFIRMED", 0, "Maths lesson with Ada Tutor")


def test_move_updates_the_entry_and_cancellation_takes_it_back(lesson: Booking, drain: Drain):
    tell(Fact.PAID, to=[lesson.student], booking=lesson)
    drain()
    later = an_hour(NOON.replace(hour=15))
    Booking.objects.filter(pk=lesson.pk).update(during=(later.start, later.end), blocks=(later.start, later.end), sequence=1)
    lesson.refresh_from_db()
    tell(Fact.MOVED, to=[lesson.student], booking=lesson)
    drain()
    Booking.objects.filter(pk=lesson.pk).update(status=Status.CANCELLED, sequence=2)
    lesson.refresh_from_db()
    tell(Fact.CANCELLED, to=[lesson.student, lesson.tutor.user], booking=lesson)
    drain()

    entries = [entry_in(message_from_bytes(one.message().as_bytes())) for one in mail.outbox[:3]]

    methods = [part.get_param("method") for part, _event in entries]
    seen = [(event["SEQUENCE"], event["STATUS"], event.start.hour) for _part, event in entries]
    assert methods == ["REQUEST", "REQUEST", "CANCEL"]
    assert seen == [(0, "CONFIRMED", 12), (1, "CONFIRMED", 15), (2, "CANCELLED", 15)]
    assert len({event["UID"] for _part, event in entries}) == 1
    assert len({event["ORGANIZER"] for _part, event in entries}) == 1


def test_nothing_is_taken_back_from_who_never_got_an_entry(lesson: Booking, drain: Drain):
    Booking.objects.filter(pk=lesson.pk).update(status=Status.CANCELLED)
    tell(Fact.CANCELLED, to=[lesson.student], booking=lesson)
    drain()

    assert [one.get_content_type() for one in sent_to("sam@example.com").get_payload()] == ["text/plain", "text/html"]


def test_entry_is_taken_back_though_a_mail_without_one_came_between(lesson: Booking, drain: Drain):
    for fact in (Fact.PAID, Fact.LINK_CHANGED):
        tell(fact, to=[lesson.student], booking=lesson)
        drain()
    Booking.objects.filter(pk=lesson.pk).update(status=Status.CANCELLED, sequence=1)
    lesson.refresh_from_db()
    tell(Fact.CANCELLED, to=[lesson.student], booking=lesson)
    drain()

    part, event = entry_in(sent_to("sam@example.com"))
    assert (part.get_param("method"), event["SEQUENCE"]) == ("CANCEL", 1)


def test_only_those_who_sit_in_the_session_get_an_entry(sam: User, ada: Tutor, lesson: Booking, drain: Drain):
    parent = make_user("parent@example.com")
    other = make_booking(
        sam, ada, during=an_hour(NOON.replace(hour=18)), order=make_order(parent, status="paid"), status="paid"
    )
    tell(Fact.MOVED, to=[parent], booking=other)
    drain()

    assert [one.get_content_type() for one in sent_to("parent@example.com").get_payload()] == ["text/plain", "text/html"]


@pytest.mark.parametrize("has_meeting", [True, False])
def test_where_a_provider_invites_our_mail_is_plain(lesson: Booking, drain: Drain, settings: Any, has_meeting: bool):
    settings.MEETING_PROVIDERS = {"pool": {**settings.MEETING_PROVIDERS["pool"], "INVITES": True}}
    if has_meeting:
        make_meeting(lesson)
    tell(Fact.PAID, to=[lesson.student], booking=lesson)
    drain()

    assert len(sent_to("sam@example.com").get_payload()) == 2
    assert "calendar entry" not in str(mail.outbox[-1].body)


@pytest.mark.parametrize(
    "name", ["Zoë, Ünal; “Örs”\nATTENDEE:mailto:x@example.com", 'Eve "the\r\nBEGIN:VEVENT" Q', "名" * 100]
)
def test_names_are_escaped_and_lines_folded(lesson: Booking, sam: User, ada: Tutor, name: str):
    sam.full_name = name
    sam.save()
    Booking.objects.filter(pk=lesson.pk).update(name="Maths; algebra, " + "ü" * 80)
    lesson = Booking.objects.with_people().get(pk=lesson.pk)

    text = invite(lesson, to=sam, at=timezone.now()).text
    of_tutor = invite(lesson, to=ada.user, at=timezone.now()).text

    for one in (text, of_tutor):
        assert all(len(line.encode()) <= 75 for line in one.split("\r\n"))
        assert one.replace("\r\n", "").count("\n") == 0
        assert len(Calendar.from_ical(one).walk("VEVENT")) == 1
        assert event_of(one)["ATTENDEE"].startswith("mailto:")
        assert isinstance(event_of(one)["ATTENDEE"], str)  # one guest, not a list of two
    assert event_of(of_tutor)["SUMMARY"].startswith("Maths; algebra, ü")


def test_withdrawal_names_the_same_people(lesson: Booking):
    Booking.objects.filter(pk=lesson.pk).update(status=Status.CANCELLED, sequence=1)
    lesson.refresh_from_db()

    entry = withdraw(lesson, to=lesson.student, at=timezone.now())

    event = event_of(entry.text)
    assert entry.content_type == "text/calendar; method=CANCEL"
    assert (event["STATUS"], event["ATTENDEE"], event["ORGANIZER"]) == (
        "CANCELLED",
        "mailto:sam@example.com",
        "mailto:lessons@example.org",
    )
