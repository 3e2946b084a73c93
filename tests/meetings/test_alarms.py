"""The staff hear of trouble once, again after a quiet period only, and once when it is over."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.utils import timezone
from procrastinate.contrib.django import app

from bookings.models import Booking, User
from meetings import alarms, findings
from meetings.many import share_out
from meetings.models import Alert, Meeting, ProviderCall, VideoConnection
from meetings.models.connections import UNREADABLE
from meetings.pool import assign_link
from meetings.provisioning import provision_meeting
from meetings.troubles import tell_admins
from meetings.upkeep import give_up_over
from tests.factories import an_hour, make_link
from tests.meetings.making import lesson, make_call, make_connection, waiting_meeting
from tests.race import race

pytestmark = pytest.mark.django_db
Kind = Alert.Kind
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _staff(settings) -> None:
    settings.ADMINS = [("Root", "root@example.com")]
    settings.ALERT_QUIET_MINUTES = 60


def look_around() -> list[str]:
    """Make the minute's round; return the subjects of the mails that left."""
    mail.outbox.clear()
    alarms.watch(timezone.now())
    return [str(letter.subject) for letter in mail.outbox]


def in_days(days: int) -> Meeting:
    """A meeting so far ahead that nobody is told of it before provisioning asks for a person."""
    return waiting_meeting(an_hour(timezone.now() + timedelta(days=days)))


@pytest.mark.defect("CE-15")
def test_hundred_meetings_that_fail_at_once_are_one_mail_with_a_list():
    meetings = [waiting_meeting(lesson(number)) for number in range(100)]
    assert share_out(timezone.now()).ready == 0

    assert look_around() == ["[Linkpool] 100 paid sessions have no meeting link"]
    [letter] = mail.outbox
    assert sum(meeting.booking.reference in letter.body for meeting in meetings) == 50
    assert "…and 50 more." in letter.body
    assert look_around() == []


def test_same_trouble_is_not_mailed_again_within_a_day():
    with time_machine.travel(timezone.now(), tick=False) as clock:
        began = timezone.now()
        tell_admins(in_days(10), now=began)
        mailed = []
        for _ in range(2 * 17):
            if look_around():
                mailed.append((timezone.now() - began) // MINUTE)
            clock.shift(90 * MINUTE)

    assert mailed == [0, 24 * 60, 48 * 60]


def test_news_waits_for_the_end_of_the_quiet_period_and_is_mailed_with_what_was_known():
    with time_machine.travel(timezone.now(), tick=False) as clock:
        first = in_days(10)
        tell_admins(first, now=timezone.now())
        assert len(look_around()) == 1
        clock.shift(MINUTE)
        second = in_days(11)
        tell_admins(second, now=timezone.now())
        clock.shift(58 * MINUTE)
        assert look_around() == []
        clock.shift(MINUTE)
        assert look_around() == ["[Linkpool] 2 paid sessions have no meeting link"]

    body = mail.outbox[0].body
    assert body.index(second.booking.reference) < body.index(first.booking.reference)


def test_session_that_begins_within_the_quiet_period_does_not_wait_for_its_end():
    with time_machine.travel(timezone.now(), tick=False) as clock:
        tell_admins(in_days(10), now=timezone.now())
        look_around()
        clock.shift(MINUTE)
        tell_admins(waiting_meeting(an_hour(timezone.now() + 30 * MINUTE)), now=timezone.now())
        clock.shift(3 * MINUTE)
        assert look_around() == []
        clock.shift(MINUTE)
        assert len(look_around()) == 1


def test_last_call_comes_two_hours_before_the_start():
    with time_machine.travel(timezone.now(), tick=False) as clock:
        tell_admins(waiting_meeting(an_hour(timezone.now() + 150 * MINUTE)), now=timezone.now())
        mailed = []
        for minute in range(0, 150, 5):
            if look_around():
                mailed.append(minute)
            clock.shift(5 * MINUTE)

    assert mailed == [0, 60]


def test_all_well_again_is_said_once_and_only_if_somebody_had_been_told():
    with time_machine.travel(timezone.now(), tick=False) as clock:
        meeting = in_days(10)
        tell_admins(meeting, now=timezone.now())
        look_around()
        make_link()
        provision_meeting(meeting)
        clock.shift(MINUTE)
        assert look_around() == ["[Linkpool] All well again: sessions without an address"]
        assert look_around() == []

        second = waiting_meeting(meeting.booking.time)  # within the quiet period: nobody is told, nor that it is over
        tell_admins(second, now=timezone.now())
        assert look_around() == []
        make_link()
        provision_meeting(second)
        assert look_around() == []

    assert not Alert.objects.get(kind=Kind.MISSING).is_on


def test_trouble_that_begins_anew_within_the_quiet_period_is_mailed_when_it_ends():
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for _ in range(5):
            make_call("zoom", ProviderCall.Outcome.UNAVAILABLE)
        assert look_around() == ["[Linkpool] Calls fail at Zoom"]
        for _ in range(5):
            make_call("zoom")
        clock.shift(MINUTE)
        assert len(look_around()) == 1  # over
        for _ in range(6):
            make_call("zoom", ProviderCall.Outcome.UNAVAILABLE)
        clock.shift(30 * MINUTE)
        assert look_around() == []
        clock.shift(29 * MINUTE)
        assert look_around() == ["[Linkpool] Calls fail at Zoom"]
        assert "Zoom: 31 of 100" in mail.outbox[0].body


def test_session_that_was_never_given_an_address_is_told_of_though_it_is_over():
    with time_machine.travel(timezone.now(), tick=False) as clock:
        meeting = waiting_meeting(an_hour(timezone.now() + 10 * MINUTE))
        clock.shift(80 * MINUTE)
        give_up_over(timezone.now())

        assert look_around() == [f"[Linkpool] No meeting link for {meeting.booking.reference}"]
        assert look_around() == []
        assert not Alert.objects.get(kind=Kind.MISSING).is_on


def test_who_is_told_that_it_is_over_learns_which_sessions_it_came_too_late_for():
    with time_machine.travel(timezone.now(), tick=False) as clock:
        meeting = waiting_meeting(an_hour(timezone.now() + 10 * MINUTE))
        clock.shift(6 * MINUTE)
        look_around()
        clock.shift(80 * MINUTE)
        give_up_over(timezone.now())

        assert look_around() == ["[Linkpool] All well again: sessions without an address"]
        assert meeting.booking.reference in mail.outbox[0].body


def test_cancelled_session_needs_nobody():
    meeting = in_days(10)
    tell_admins(meeting, now=timezone.now())
    Booking.objects.filter(pk=meeting.booking_id).update(status=Booking.Status.CANCELLED)

    assert look_around() == []


@pytest.mark.defect("IT-18")
def test_broken_connection_is_told_with_its_owner_and_a_second_one_after_the_quiet_period():
    with time_machine.travel(timezone.now(), tick=False) as clock:
        broken = {"status": VideoConnection.Status.BROKEN, "broken_why": "The consent was taken back."}
        first = make_connection(broken_at=timezone.now(), **broken)
        assert look_around() == ["[Linkpool] 1 account must be connected again"]
        assert str(first.tutor) in mail.outbox[0].body
        assert "The consent was taken back." in mail.outbox[0].body
        make_connection(broken_at=timezone.now(), **broken)
        clock.shift(59 * MINUTE)
        assert look_around() == []
        clock.shift(MINUTE)
        assert look_around() == ["[Linkpool] 2 accounts must be connected again"]


def test_mail_about_broken_connections_says_of_each_who_has_to_mend_it():
    broken = {"status": VideoConnection.Status.BROKEN, "broken_at": timezone.now()}
    make_connection(**broken)
    make_connection(broken_why=UNREADABLE(), **broken)
    VideoConnection.objects.create(provider="google", connected_at=timezone.now(), **broken)
    look_around()
    body = str(mail.outbox[0].body)
    for sentence in ("The tutor is told, and has to connect it again.", "It is for you to mend", "nobody else was mailed"):
        assert body.count(sentence) == 1
    assert "have been told" not in body


def test_late_background_work_is_told_of(settings):
    settings.ALERT_QUEUE_MINUTES = 5
    app.configure_task("linkpool.unknown", schedule_at=timezone.now() - 4 * MINUTE).defer()
    assert look_around() == []
    app.configure_task("linkpool.unknown", schedule_at=timezone.now() - 7 * MINUTE).defer()
    assert look_around() == ["[Linkpool] Background work is 7 minutes late"]


def test_pool_that_will_be_nearly_full_is_told_of():
    make_link()
    assert look_around() == []
    assign_link(waiting_meeting(an_hour(timezone.now() + timedelta(hours=2))))
    assert look_around() == ["[Linkpool] The link pool is nearly full: 1 of 1"]


def test_nobody_to_tell_is_written_to_the_log(settings, caplog):
    settings.ADMINS = []
    tell_admins(in_days(10), now=timezone.now())
    assert look_around() == []
    assert "nobody can be told" in caplog.text


def test_mail_that_cannot_be_stored_leaves_the_alert_to_the_next_round(monkeypatch):
    tell_admins(in_days(10), now=timezone.now())
    with monkeypatch.context() as broken:
        broken.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", _fail)
        with pytest.raises(OSError):
            look_around()

    assert Alert.objects.filter(kind=Kind.MISSING, mailed_at__isnull=False).count() == 0
    assert len(look_around()) == 1


def _fail(*_: object) -> int:
    raise OSError


def test_trouble_with_one_kind_keeps_no_other_from_being_told(monkeypatch):
    monkeypatch.setitem(findings.FINDERS, Kind.MISSING, _fail)
    make_connection(status=VideoConnection.Status.BROKEN, broken_at=timezone.now())
    with pytest.raises(OSError):
        look_around()

    assert [letter.subject for letter in mail.outbox] == ["[Linkpool] 1 account must be connected again"]


@pytest.mark.django_db(transaction=True)
def test_two_workers_tell_of_the_same_trouble_once():
    tell_admins(in_days(10), now=timezone.now())
    make_connection(status=VideoConnection.Status.BROKEN, broken_at=timezone.now())

    for kind in Kind:  # else making the rows would keep the workers apart
        Alert.objects.create(kind=kind)

    outcomes = race(lambda _number: alarms.watch(timezone.now()), threads=4)

    assert [outcome.error for outcome in outcomes if outcome.error] == []
    assert sum(outcome.value for outcome in outcomes) == 2
    assert len(mail.outbox) == 2


def test_each_reader_is_told_in_their_language(settings):
    settings.ADMINS = []
    User.objects.create_superuser("root@example.com", "secret-words", language="id")
    User.objects.create_superuser("rita@example.com", "secret-words", language="en")
    tell_admins(in_days(10), now=timezone.now())

    assert len(look_around()) == 2


@pytest.mark.parametrize("rows", [1, 50])
def test_round_takes_as_many_statements_for_fifty_rows_as_for_one(rows: int, django_assert_num_queries):
    for number in range(rows):
        tell_admins(waiting_meeting(lesson(number)), now=timezone.now())
        make_connection(status=VideoConnection.Status.BROKEN, broken_at=timezone.now())
    alarms.watch(timezone.now())
    Alert.objects.update(mailed_at=None)

    with django_assert_num_queries(46):
        alarms.watch(timezone.now())
