"""Changing the provider moves sessions one by one: none loses its address, none moves twice, students hear once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from bookings.doubles.server import Fault
from bookings.models import Booking, Tutor, User
from meetings import switching
from meetings.account_tasks import carry_on_switches
from meetings.errors import ProviderNotForYou
from meetings.models import Meeting, ProviderSwitch, SessionSwitch, VendorRoom
from meetings.relocation import switch_provider
from meetings.switch_mails import tell_of_switch
from meetings.switch_plans import UNDER_WAY, plan_switch
from meetings.switching import (
    carry_on,
    choose_provider,
    leave_account,
    start_switch,
    take_up_switch,
    tally_of,
    unfinished,
)
from tests.conftest import Drain
from tests.factories import an_hour, make_booking, make_link, make_meeting, tomorrow
from tests.meetings.consenting import ConsentDouble, connect, stored
from tests.race import race

Outcome = SessionSwitch.Outcome


def hold(student: User, tutor: Tutor, hour: int, *, days: int = 1) -> Meeting:
    """A paid session in a pool link of its own."""
    booking = make_booking(student, tutor, status=Booking.Status.PAID, during=an_hour(tomorrow(hour, days=days)))
    return make_meeting(booking, status="ready", link=make_link(), reserved=booking.during, next_attempt_at=None)


def outcomes(switch: ProviderSwitch) -> list[str]:
    return list(switch.sessions.order_by("meeting__during").values_list("outcome", flat=True))


def test_sessions_move_and_each_student_hears_once_of_all(
    ada: Tutor, sam: User, kim: User, vendor: ConsentDouble, drain: Drain
):
    connect(ada, vendor)
    meetings = [hold(sam, ada, 9), hold(sam, ada, 11), hold(kim, ada, 13)]

    switch = start_switch(ada, "zoom", asked_by=ada.user)
    drain()

    assert outcomes(switch) == [Outcome.MOVED] * 3
    for meeting in meetings:
        meeting.refresh_from_db()
        assert (meeting.status, meeting.provider, meeting.link) == (Meeting.Status.READY, "zoom", None)
        assert meeting.join_url_student.startswith("https://vendor.test/")
    letters = {message.to[0]: message for message in mail.outbox}
    assert set(letters) == {sam.email, kim.email}
    assert len(mail.outbox) == 2
    assert letters[sam.email].subject == "Your sessions with Ada Tutor: now at Consent rooms"
    assert all(meeting.booking.reference in letters[sam.email].body for meeting in meetings[:2])
    assert "vendor.test" not in letters[sam.email].body
    ada.refresh_from_db()
    assert ada.meeting_provider == "zoom"


def test_switch_is_done_once_however_often_its_job_runs(ada: Tutor, sam: User, vendor: ConsentDouble, drain: Drain):
    connect(ada, vendor)
    meeting = hold(sam, ada, 9)
    switch = start_switch(ada, "zoom", asked_by=ada.user)

    for _run in range(3):
        assert carry_on(switch, seconds=10)
    drain()
    assert tell_of_switch(switch.pk) == 0

    meeting.refresh_from_db()
    assert (meeting.rooms.count(), len(mail.outbox)) == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_switch_carried_on_by_four_at_once_moves_each_session_once(ada: Tutor, sam: User, vendor: ConsentDouble):
    connect(ada, vendor)
    meetings = [hold(sam, ada, hour) for hour in range(8, 16)]
    switch = start_switch(ada, "zoom", asked_by=ada.user)

    results = race(lambda number: carry_on(switch, seconds=20), threads=4)

    assert [one.error for one in results] == [None] * 4
    assert outcomes(switch) == [Outcome.MOVED] * 8
    assert VendorRoom.objects.filter(meeting__in=meetings).count() == 8
    assert set(switch.sessions.values_list("attempts", flat=True)) == {1}


@pytest.mark.defect("IT-15")
def test_session_that_cannot_move_keeps_its_address_and_says_why(ada: Tutor, sam: User, vendor: ConsentDouble, drain: Drain):
    connection = connect(ada, vendor, lives=timedelta(0))
    meeting = hold(sam, ada, 9)
    vendor.grants.clear()

    switch = start_switch(ada, "zoom", asked_by=ada.user)
    drain()

    (session,) = switch.sessions.all()
    meeting.refresh_from_db()
    assert (session.outcome, session.why) == (Outcome.FAILED, switching.BROKEN())
    assert (meeting.status, meeting.provider, meeting.link is not None) == (Meeting.Status.READY, "pool", True)
    assert not stored(connection).is_usable
    assert "now at" not in "".join(str(message.subject) for message in mail.outbox)


@pytest.mark.defect("IT-15")
def test_vendor_that_is_away_is_asked_again_and_the_session_keeps_its_address_meanwhile(
    ada: Tutor, sam: User, vendor: ConsentDouble, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("meetings.connections.SILENCE", timedelta(0))
    connect(ada, vendor, lives=timedelta(0))
    meeting = hold(sam, ada, 9)
    vendor.fail_next(Fault.RESET_BEFORE)
    switch = start_switch(ada, "zoom", asked_by=ada.user)

    assert not carry_on(switch, seconds=10)
    meeting.refresh_from_db()
    assert (meeting.provider, meeting.is_ready, outcomes(switch)) == ("pool", True, [Outcome.WAITING])

    SessionSwitch.objects.update(next_attempt_at=timezone.now())
    assert unfinished(timezone.now()) == [switch]
    assert carry_on(switch, seconds=10)
    meeting.refresh_from_db()
    assert (meeting.provider, meeting.is_ready, outcomes(switch)) == ("zoom", True, [Outcome.MOVED])


@pytest.mark.defect("IT-15")
def test_move_to_a_full_pool_leaves_the_room_that_there_is(ada: Tutor, sam: User, vendor: ConsentDouble, drain: Drain):
    ada.meeting_provider = "zoom"
    ada.save()
    connect(ada, vendor)
    booking = make_booking(sam, ada, status=Booking.Status.PAID)
    meeting = make_meeting(booking, provider="zoom")
    from_vendor = switch_provider(meeting, "zoom")
    assert from_vendor.is_ready

    switch = start_switch(ada, "pool", asked_by=ada.user)
    drain()

    meeting.refresh_from_db()
    assert outcomes(switch) == [Outcome.FAILED]
    assert (meeting.provider, meeting.is_ready, meeting.join_url_student) == ("zoom", True, from_vendor.join_url_student)
    assert meeting.rooms.get().state == VendorRoom.State.MADE


@pytest.mark.defect("IT-15")
def test_old_room_is_closed_with_the_account_that_made_it(ada: Tutor, sam: User, vendor: ConsentDouble, drain: Drain):
    ada.meeting_provider = "zoom"
    ada.save()
    connection = connect(ada, vendor)
    meeting = make_meeting(make_booking(sam, ada, status=Booking.Status.PAID), provider="zoom")
    switch_provider(meeting, "zoom")
    make_link()

    start_switch(ada, "pool", asked_by=ada.user)
    drain()

    meeting.refresh_from_db()
    room = meeting.rooms.get()
    assert (meeting.provider, meeting.link is not None) == ("pool", True)
    assert (room.state, room.connection) == (VendorRoom.State.CLOSED, connection)


def test_session_whose_door_is_open_stays(ada: Tutor, sam: User, vendor: ConsentDouble):
    connect(ada, vendor)
    soon = timezone.now() + timedelta(minutes=10)
    booking = make_booking(sam, ada, status=Booking.Status.PAID, during=an_hour(soon))
    under_way = make_meeting(booking, status="ready", link=make_link(), reserved=booking.during)
    later = hold(sam, ada, 9, days=2)

    plan = plan_switch(ada, "zoom", now=timezone.now())

    assert (plan.moving, plan.staying) == ([later], [(under_way, UNDER_WAY)])


def test_second_choice_ends_the_first_where_it_is(ada: Tutor, sam: User, vendor: ConsentDouble, drain: Drain):
    connect(ada, vendor)
    hold(sam, ada, 9)
    first = start_switch(ada, "zoom", asked_by=ada.user)

    second = start_switch(ada, "pool", asked_by=ada.user)
    drain()

    first.refresh_from_db()
    assert (outcomes(first), first.finished_at is not None) == ([Outcome.STAYED], True)
    assert (outcomes(second), mail.outbox) == ([], [])


def test_choice_for_new_sessions_alone_ends_the_move_of_those_that_are_booked(
    ada: Tutor, sam: User, vendor: ConsentDouble, drain: Drain
):
    connect(ada, vendor)
    meeting = hold(sam, ada, 9)
    moving = start_switch(ada, "zoom", asked_by=ada.user)

    choose_provider(ada, "zoom")
    drain()

    moving.refresh_from_db()
    meeting.refresh_from_db()
    ada.refresh_from_db()
    assert (outcomes(moving), moving.finished_at is not None) == ([Outcome.STAYED], True)
    assert (meeting.provider, ada.meeting_provider, mail.outbox) == ("pool", "zoom", [])
    assert tally_of(moving).errors == [(meeting.booking.reference, switching.LEFT())]


def test_session_that_was_to_go_elsewhere_meanwhile_does_not_count_as_moved(ada: Tutor, sam: User, vendor: ConsentDouble):
    connect(ada, vendor)
    meeting = hold(sam, ada, 9)
    first = start_switch(ada, "zoom", asked_by=ada.user)
    start_switch(ada, "pool", asked_by=ada.user)

    tally = tally_of(first)

    assert (tally.moved, tally.left) == (0, 0)
    assert tally.errors == [(meeting.booking.reference, switching.SUPERSEDED())]


@pytest.mark.django_db(transaction=True)
def test_switch_asked_for_by_four_at_once_is_one(ada: Tutor, sam: User, vendor: ConsentDouble):
    connect(ada, vendor)
    hold(sam, ada, 9)

    asked = race(lambda _number: take_up_switch(ada, "zoom").pk, threads=4)

    switch = ProviderSwitch.objects.get()
    assert [(one.value, one.error) for one in asked] == [(switch.pk, None)] * 4
    assert outcomes(switch) == [Outcome.WAITING]


def test_place_that_does_not_work_for_the_tutor_is_refused(ada: Tutor, vendor: ConsentDouble):
    for provider in ("zoom", "google", "nobody", ""):
        with pytest.raises(ProviderNotForYou):
            start_switch(ada, provider, asked_by=None)
    ada.refresh_from_db()
    assert ada.meeting_provider == "pool"
    assert not ProviderSwitch.objects.exists()


def test_disconnecting_moves_the_sessions_that_were_there(ada: Tutor, sam: User, vendor: ConsentDouble, drain: Drain):
    ada.meeting_provider = "zoom"
    ada.save()
    connection = connect(ada, vendor)
    meeting = make_meeting(make_booking(sam, ada, status=Booking.Status.PAID), provider="zoom")
    switch_provider(meeting, "zoom")
    make_link()

    leave_account(connection, asked_by=ada.user)
    drain()

    meeting.refresh_from_db()
    ada.refresh_from_db()
    assert (meeting.provider, ada.meeting_provider) == ("pool", "pool")
    assert meeting.rooms.get().state == VendorRoom.State.CLOSED
    ProcrastinateJob.objects.filter(task_name="meetings.give_back", status="todo").update(scheduled_at=None)
    drain()
    assert (vendor.revocations, stored(connection).refresh_token) == (1, "")


def test_switch_whose_job_waits_gets_no_second_one_by_the_minute(ada: Tutor, sam: User, vendor: ConsentDouble):
    connect(ada, vendor)
    hold(sam, ada, 9)
    start_switch(ada, "zoom", asked_by=ada.user)
    for minute in range(3):
        carry_on_switches(minute)
    jobs = ProcrastinateJob.objects.filter(task_name="meetings.carry_on_switch")
    assert jobs.count() == 2  # its own, and one of the rounds
