"""Nobody has two entries for one session, or none: where another party invites from now on ours leaves or comes back."""

from __future__ import annotations

from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.core import mail
from django.utils import timezone
from icalendar import Calendar

from bookings.cancellation import cancel_booking
from bookings.models import Booking, Notice, Tutor, User
from bookings.notice_mails import mail_notice, send_again
from bookings.notices import tell
from bookings.rescheduling import move_booking
from meetings.by_hand import give_address
from meetings.errors import ProviderCannot
from meetings.models import Meeting
from meetings.planning import move_meeting, plan_meeting
from meetings.provisioning import provision_meeting
from meetings.switching import carry_on, leave_account, start_switch
from tests.conftest import Drain
from tests.factories import an_hour, make_booking, make_link, tomorrow
from tests.meetings.acme import Acme
from tests.meetings.conftest import connect

pytestmark = pytest.mark.django_db
Fact = Notice.Fact
START = tomorrow(12, days=3)
COME, GONE = "CONFIRMED", "CANCELLED"


@pytest.fixture(autouse=True)
def acme_invites(acme: Acme, settings: Any) -> Acme:
    """Acme invites both sides by itself, whoever's account makes the room; the pool does not."""
    invites = {name: {**settings.MEETING_PROVIDERS[name], "INVITES": True} for name in ("acme", "zoom")}
    settings.MEETING_PROVIDERS = {**settings.MEETING_PROVIDERS, **invites}
    settings.EMAIL_BACKEND = "config.mail.QueuedBackend"
    make_link()
    return acme


def booked(student: User, tutor: Tutor, provider: str) -> Meeting:
    """A session that is paid for, its confirmations not mailed yet; it waits for its room."""
    tutor.meeting_provider = provider
    tutor.save()
    booking = make_booking(student, tutor, during=an_hour(START), status=Booking.Status.PAID)
    tell(Fact.PAID, to=[student, tutor.user], booking=booking)
    meeting = plan_meeting(booking)
    assert meeting is not None
    return meeting


def held(student: User, tutor: Tutor, provider: str, drain: Drain) -> Meeting:
    meeting = booked(student, tutor, provider)
    drain()
    meeting.refresh_from_db()
    assert (meeting.is_ready, meeting.provider) == (True, provider)
    return meeting


def held_at_fallback(student: User, tutor: Tutor, drain: Drain) -> Meeting:
    meeting = booked(student, tutor, "acme")
    drain()
    meeting.refresh_from_db()
    assert meeting.provider == "pool"
    return meeting


def entries(person: User) -> list[tuple[str, int, str]]:
    """What the mails to a person tell their calendar, in order: method, version and status of the one entry."""
    told: list[tuple[str, int, str]] = []
    names = set()
    for letter in mail.outbox:
        for text, kind in getattr(letter, "alternatives", []) if letter.to == [person.email] else []:
            if kind.startswith("text/calendar"):
                event: Any
                [event] = Calendar.from_ical(text).walk("VEVENT")
                names.add(event["UID"])
                told.append((kind.partition("method=")[2], event["SEQUENCE"], event["STATUS"]))
    assert len(names) <= 1
    return told


def last_to(person: User) -> str:
    return str([letter for letter in mail.outbox if letter.to == [person.email]][-1].body)


def test_switch_to_who_invites_takes_our_entry_out_of_both_calendars(sam: User, ada: Tutor, drain: Drain):
    held(sam, ada, "pool", drain)
    start_switch(ada, "acme", asked_by=ada.user)
    drain()

    assert entries(sam) == entries(ada.user) == [("REQUEST", 0, COME), ("CANCEL", 1, GONE)]
    assert "is now held at Acme" in last_to(sam)
    assert "It takes place as booked. Its new place invites you by itself" in last_to(sam)
    assert "follows whatever changes" not in last_to(sam)
    assert not [letter for letter in mail.outbox if "Your sessions with" in str(letter.subject)]  # told once


def test_switch_away_from_who_invites_brings_ours_and_back_takes_it_out_again(sam: User, ada: Tutor, drain: Drain):
    meeting = held(sam, ada, "acme", drain)
    assert entries(sam) == []

    start_switch(ada, "pool", asked_by=ada.user)
    drain()
    assert entries(sam) == entries(ada.user) == [("REQUEST", 1, COME)]
    assert "takes the place of any other invitation" in last_to(ada.user)

    start_switch(ada, "acme", asked_by=ada.user)
    drain()
    assert entries(sam) == entries(ada.user) == [("REQUEST", 1, COME), ("CANCEL", 2, GONE)]
    meeting.refresh_from_db()
    assert (meeting.provider, meeting.told_provider) == ("acme", "acme")


def test_fallback_brings_our_entry_to_both(sam: User, ada: Tutor, acme: Acme, drain: Drain):
    acme.plan = [ProviderCannot()]
    held_at_pool = booked(sam, ada, "acme")
    for notice in Notice.objects.all():
        mail_notice(notice.pk)  # before the vendor has refused: plain
    provision_meeting(held_at_pool)
    drain()

    assert entries(sam)[-1] == entries(ada.user)[-1] == ("REQUEST", 1, COME)


def test_account_that_is_let_go_leaves_nobody_without_an_entry(sam: User, ada: Tutor, drain: Drain):
    connection = connect(ada)
    held(sam, ada, "zoom", drain)
    leave_account(connection, asked_by=ada.user)
    drain()

    assert entries(sam) == entries(ada.user) == [("REQUEST", 1, COME)]


def test_session_that_moves_away_from_a_fallback_has_one_entry_all_the_time(sam: User, ada: Tutor, acme: Acme, drain: Drain):
    acme.plan = [ProviderCannot()]
    meeting = held_at_fallback(sam, ada, drain)
    booking = Booking.objects.get(pk=meeting.booking_id)
    move_booking(booking, starts_at=START + timedelta(days=1), who=sam)
    move_meeting(booking)
    notice = Notice.objects.get(to=sam, fact=Fact.MOVED)
    mail_notice(notice.pk)

    notice.refresh_from_db()
    assert notice.entry == "REQUEST"  # ours takes the new time while the vendor is asked,
    drain()
    assert entries(sam)[-1] == ("CANCEL", 3, GONE)  # and leaves when the vendor has invited


def test_tutor_who_gives_an_address_gets_the_entry_as_well(sam: User, ada: Tutor, drain: Drain):
    meeting = held(sam, ada, "acme", drain)
    give_address(meeting.booking, "https://whereby.com/ada", who=ada.user)
    drain()

    assert entries(sam) == entries(ada.user) == [("REQUEST", 1, COME)]


def test_what_is_cancelled_before_the_news_was_mailed_leaves_the_calendar(sam: User, ada: Tutor, drain: Drain):
    meeting = held(sam, ada, "pool", drain)
    carry_on(start_switch(ada, "acme", asked_by=ada.user), seconds=10)
    booking = Booking.objects.get(pk=meeting.booking_id)
    cancel_booking(booking, who=ada.user, seen=booking.net, why="ill")
    drain()

    assert entries(sam) == [("REQUEST", 0, COME), ("CANCEL", 2, GONE)]


def test_confirmation_in_the_queue_is_made_anew_when_another_party_has_begun_to_invite(sam: User, ada: Tutor, drain: Drain):
    meeting = booked(sam, ada, "pool")
    provision_meeting(meeting)
    for notice in Notice.objects.all():
        mail_notice(notice.pk)
    carry_on(start_switch(ada, "acme", asked_by=ada.user), seconds=10)
    drain()

    assert "REQUEST" not in [method for method, _version, _status in entries(sam)]
    assert any("is confirmed" in str(letter.body) for letter in mail.outbox)


def test_entry_comes_though_a_second_switch_has_moved_the_session_on(sam: User, ada: Tutor, drain: Drain, settings: Any):
    settings.MEETING_PROVIDERS["zoom"]["INVITES"] = False
    connect(ada)
    held(sam, ada, "acme", drain)
    for provider in ("pool", "zoom"):
        carry_on(start_switch(ada, provider, asked_by=ada.user), seconds=10)
    drain()

    assert entries(sam) == entries(ada.user) == [("REQUEST", 1, COME)]
    assert "now at Acme" in str(mail.outbox[-1].subject)


def test_mail_that_is_sent_again_carries_its_entry_again(sam: User, ada: Tutor, drain: Drain):
    held(sam, ada, "pool", drain)
    start_switch(ada, "acme", asked_by=ada.user)
    drain()
    send_again(Notice.objects.get(to=sam, fact=Fact.LINK_CHANGED))
    drain()

    assert entries(sam)[1:] == [("CANCEL", 1, GONE)] * 2


def test_where_nobody_else_invites_news_of_a_room_carry_no_entry(sam: User, ada: Tutor, drain: Drain, settings: Any):
    settings.MEETING_PROVIDERS = {
        name: {key: value for key, value in entry.items() if key != "INVITES"}
        for name, entry in settings.MEETING_PROVIDERS.items()
    }
    meeting = held(sam, ada, "acme", drain)
    Notice.objects.update(entry="")  # not even to those of whom nobody knows what they have
    give_address(meeting.booking, "https://whereby.com/ada", who=ada.user)
    drain()

    assert entries(sam) == [("REQUEST", 0, COME)]
    assert Booking.objects.get(pk=meeting.booking_id).handovers == 0


def test_mails_from_before_are_known_by_who_invited(sam: User, kim: User, ada: Tutor):
    now = timezone.now()
    bookings = [
        make_booking(person, ada, during=an_hour(START + timedelta(days=n)), status=Booking.Status.PAID)
        for n, person in enumerate([sam, kim])
    ]
    for booking, provider in zip(bookings, ["pool", "acme"], strict=True):
        ada.meeting_provider = provider
        ada.save()
        plan_meeting(booking)
        tell(Fact.PAID, to=[booking.student], booking=booking)
    Notice.objects.update(mailed_at=now)

    import_module("meetings.migrations.0020_entries_that_people_have").note_entries(apps, None)

    assert dict(Notice.objects.values_list("to__email", "entry")) == {sam.email: "REQUEST", kim.email: ""}
