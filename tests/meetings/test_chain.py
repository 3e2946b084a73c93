"""The chain: the tutor's wish, what they named in its place, a person; nobody is asked who cannot be."""

from __future__ import annotations

from datetime import UTC, timedelta

import pytest
import time_machine
from django.utils import timezone

from bookings.models import Booking, Notice, Tutor, User
from bookings.rescheduling import move_booking
from meetings import upkeep
from meetings.errors import (
    ConnectionBroken,
    MeetingInTheMaking,
    NoLinkLeft,
    NoPlaceLeft,
    ProviderCannot,
    ProviderMisconfigured,
    ProviderUnavailable,
    RoomGone,
)
from meetings.links import add_link
from meetings.models import Meeting, ProviderCall, VendorRoom, VideoConnection
from meetings.planning import plan_meeting
from meetings.provisioning import provision_meeting, retry_meeting, try_again_for
from tests.conftest import Drain
from tests.factories import an_hour, make_booking, make_link, make_tutor, make_user, tomorrow
from tests.meetings.acme import Acme
from tests.meetings.conftest import connect

pytestmark = pytest.mark.django_db
START = tomorrow(12, days=3)
Trouble = Meeting.Trouble


def planned(tutor: Tutor, *, student: User | None = None, start=START) -> Meeting:
    booking = make_booking(student or make_user(), tutor, during=an_hour(start), status=Booking.Status.PAID)
    meeting = plan_meeting(booking)
    assert meeting is not None
    return meeting


def told(meeting: Meeting) -> list[tuple[str, str]]:
    notices = Notice.objects.filter(booking=meeting.booking, fact=Notice.Fact.LINK_CHANGED).order_by("pk")
    return [(notice.to.email, notice.details["provider"]) for notice in notices]


@pytest.mark.parametrize(
    ("error", "trouble"),
    [
        (ProviderCannot(), Trouble.CANNOT),
        (ProviderMisconfigured(), Trouble.SET_UP),
        (ConnectionBroken(), Trouble.RECONNECT),
    ],
)
def test_next_provider_is_taken_at_once_and_both_are_told(acme: Acme, error: Exception, trouble: str, drain: Drain):
    link, meeting = make_link(), planned(make_tutor(meeting_provider="acme"))
    acme.plan = [error]

    ready = provision_meeting(meeting)
    drain()

    assert (ready.link, ready.provider, ready.passed_over, ready.trouble) == (link, "pool", ["acme"], "")
    assert acme.calls == ["create"]
    booking = meeting.booking
    assert told(meeting) == [(booking.student.email, "pool"), (booking.tutor.user.email, "pool")]


def test_provider_that_does_not_answer_is_asked_six_times_and_then_passed_over(acme: Acme):
    link, meeting = make_link(), planned(make_tutor(meeting_provider="acme"))
    acme.plan = [ProviderUnavailable() for _try in range(6)]
    waits = []
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for _try in range(5):
            with pytest.raises(ProviderUnavailable):
                provision_meeting(meeting)
            meeting.refresh_from_db()
            assert meeting.next_attempt_at is not None
            waits.append((meeting.next_attempt_at - timezone.now()).total_seconds())
            assert (meeting.trouble, meeting.link) == (Trouble.UNREACHABLE, None)
            clock.move_to(meeting.next_attempt_at)
        assert provision_meeting(meeting).link == link

    assert [int(wait) for wait in waits] == [1, 2, 4, 8, 16]
    assert acme.calls == ["create"] * 6
    outcomes = ProviderCall.objects.order_by("pk").values_list("outcome", "attempt")
    assert list(outcomes) == [("unavailable", number) for number in range(1, 7)]
    assert VendorRoom.objects.get().state == "closing"  # nobody knows whether one of them made a room


def test_vendor_says_how_long_to_wait(acme: Acme):
    meeting = planned(make_tutor(meeting_provider="acme"))
    acme.plan = [ProviderUnavailable(after=timedelta(seconds=90))]
    with time_machine.travel(timezone.now(), tick=False):
        with pytest.raises(ProviderUnavailable):
            provision_meeting(meeting)
        meeting.refresh_from_db()
        assert meeting.next_attempt_at == timezone.now() + timedelta(seconds=90)


def test_lesson_about_to_begin_does_not_wait_for_six_tries(acme: Acme):
    link = make_link()
    meeting = planned(make_tutor(meeting_provider="acme"), start=timezone.now() + timedelta(minutes=16))
    acme.plan = [ProviderUnavailable(), ProviderUnavailable()]
    with pytest.raises(ProviderUnavailable):
        provision_meeting(meeting)
    assert provision_meeting(meeting).link == link


def test_chain_is_followed_to_its_end_and_then_a_person_is_told(acme: Acme):
    meeting = planned(make_tutor(meeting_provider="acme", fallback_providers=[]))
    acme.plan = [ProviderCannot()]
    with pytest.raises(NoPlaceLeft):
        provision_meeting(meeting)
    meeting.refresh_from_db()
    assert (meeting.status, meeting.trouble, meeting.passed_over) == ("waiting", Trouble.BY_HAND, ["acme"])
    assert meeting.alerted_at is not None
    assert meeting.last_error == str(ProviderCannot.message)

    upkeep.try_vendors_again(timezone.now())  # an hour later
    assert provision_meeting(meeting).provider == "acme"


@pytest.mark.defect("CE-15")
def test_at_the_end_of_the_chain_a_link_that_comes_free_is_taken(
    acme: Acme, drain: Drain, django_capture_on_commit_callbacks
):
    meeting = planned(make_tutor(meeting_provider="acme"))
    acme.plan = [ProviderCannot()]
    with pytest.raises(NoLinkLeft):
        provision_meeting(meeting)
    meeting.refresh_from_db()
    assert (meeting.trouble, meeting.provider) == (Trouble.BY_HAND, "pool")

    with django_capture_on_commit_callbacks(execute=True):
        link = add_link("https://meet.google.com/abc-defg-hij")
    drain()

    meeting.refresh_from_db()
    assert (meeting.link, meeting.trouble, acme.calls) == (link, "", ["create"])
    assert len(told(meeting)) == 2


@pytest.mark.defect("IT-05")
@pytest.mark.parametrize(
    "fields", [None, {"status": "broken", "broken_at": START}, {"can_host": False}, {"disconnected_at": START}]
)
def test_provider_without_a_connection_that_works_is_never_asked(acme: Acme, fields):
    link, tutor = make_link(), make_tutor(meeting_provider="zoom")
    if fields is not None:
        connect(tutor, **fields)
    assert provision_meeting(planned(tutor)).link == link
    assert acme.calls == []


@pytest.mark.defect("IT-05")
def test_provider_that_this_site_does_not_offer_is_never_asked(acme: Acme):
    link = make_link()
    assert provision_meeting(planned(make_tutor(meeting_provider="hundredms", fallback_providers=["google"]))).link == link


def test_consent_that_is_gone_breaks_the_connection_and_reconnecting_ends_the_wait(acme: Acme, ada: Tutor, drain: Drain):
    ada.meeting_provider = "zoom"
    ada.save()
    connection = connect(ada)
    meeting = planned(ada)
    acme.plan = [ConnectionBroken()]
    with pytest.raises(ConnectionBroken):
        retry_meeting(meeting)  # the pool is empty as well, but this is what helps
    connection.refresh_from_db()
    meeting.refresh_from_db()
    assert (connection.status, meeting.trouble) == (VideoConnection.Status.BROKEN, Trouble.RECONNECT)

    VideoConnection.objects.update(status="active", broken_at=None)
    assert try_again_for(ada) == 1
    drain()

    meeting.refresh_from_db()
    assert (meeting.is_ready, meeting.provider, meeting.trouble) == (True, "zoom", "")
    assert told(meeting) == []


def test_days_limit_is_counted_and_nobody_asked_beyond_it(acme: Acme, ada: Tutor):
    ada.meeting_provider = "zoom"
    ada.save()
    connect(ada)
    links = [make_link(), make_link()]
    noon = timezone.now().astimezone(UTC).replace(hour=12) + timedelta(days=1)
    with time_machine.travel(noon, tick=False) as clock:
        places = [provision_meeting(planned(ada, start=START + timedelta(hours=number * 2))).provider for number in range(5)]
        assert places == ["zoom", "zoom", "zoom", "pool", "pool"]
        clock.shift(timedelta(hours=12))
        assert provision_meeting(planned(ada, start=START + timedelta(hours=12))).provider == "zoom"
    assert acme.calls == ["create"] * 4
    assert len(links) == 2


def test_room_that_was_made_waits_for_midnight_with_its_new_time(acme: Acme, ada: Tutor):
    """A vendor counts moves too; the room is there, so nobody is sent elsewhere for a lesson of another day."""
    ada.meeting_provider = "zoom"
    ada.save()
    connect(ada)
    make_link()
    noon = timezone.now().astimezone(UTC).replace(hour=12, minute=0, second=0, microsecond=0) + timedelta(days=1)
    with time_machine.travel(noon, tick=False) as clock:
        meetings = [provision_meeting(planned(ada, start=START + timedelta(hours=number * 2))) for number in range(3)]
        booking = meetings[0].booking
        move_booking(booking, starts_at=START + timedelta(hours=20), who=booking.student)
        upkeep.follow_moved()
        with pytest.raises(ProviderCannot):
            provision_meeting(meetings[0])
        meetings[0].refresh_from_db()
        assert (meetings[0].trouble, meetings[0].next_attempt_at) == (Trouble.CANNOT, noon + timedelta(hours=12))
        clock.move_to(noon + timedelta(hours=12))
        assert provision_meeting(meetings[0]).provider == "zoom"
    assert acme.calls == ["create"] * 3 + ["move"]


def test_account_that_is_better_left_alone_is_left_alone(acme: Acme, ada: Tutor):
    ada.meeting_provider = "zoom"
    ada.save()
    connection = connect(ada)
    links = [make_link(), make_link()]
    acme.plan = [ProviderCannot(after=timedelta(hours=6))]
    now = timezone.now()
    with time_machine.travel(now, tick=False):
        assert {provision_meeting(planned(ada, start=START + timedelta(hours=n))).link for n in (0, 2)} <= set(links)
    connection.refresh_from_db()
    assert connection.paused_until == now + timedelta(hours=6)
    assert acme.calls == ["create"]


def test_fallback_is_not_kept_when_the_session_moves(acme: Acme, drain: Drain):
    make_link()
    meeting = planned(make_tutor(meeting_provider="acme"))
    acme.plan = [ProviderCannot()]
    assert provision_meeting(meeting).provider == "pool"

    move_booking(meeting.booking, starts_at=START + timedelta(days=1), who=meeting.booking.student)
    upkeep.make_round(timezone.now())
    drain()

    meeting.refresh_from_db()
    assert (meeting.is_ready, meeting.provider, meeting.link, meeting.passed_over) == (True, "acme", None, [])
    assert [provider for _person, provider in told(meeting)] == ["pool", "pool", "acme", "acme"]


def test_vendor_that_loses_every_room_is_given_up(acme: Acme, drain: Drain):
    link, meeting = make_link(), planned(make_tutor(meeting_provider="acme"))
    acme.plan = [RoomGone(), RoomGone()]
    assert provision_meeting(meeting).link == link
    assert acme.calls == ["create", "create"]


def test_last_place_of_a_long_chain_holds_it(acme: Acme, ada: Tutor):
    ada.meeting_provider, ada.fallback_providers = "pool", ["zoom", "acme"]
    ada.save()
    meeting = planned(ada)
    ready = provision_meeting(meeting)
    assert (ready.provider, ready.passed_over) == ("acme", [])
    assert len(told(meeting)) == 2


def test_trouble_of_one_provider_is_not_told_while_the_next_one_is_at_it(acme: Acme, ada: Tutor):
    ada.meeting_provider, ada.fallback_providers = "acme", ["zoom"]
    ada.save()
    connect(ada)
    meeting, seen = planned(ada), []

    def look() -> None:
        seen.append(Meeting.objects.values_list("provider", "trouble", "last_error").get())

    acme.plan, acme.pending = [ProviderCannot(), look], 1
    with pytest.raises(MeetingInTheMaking):
        provision_meeting(meeting)
    look()
    assert seen == [("zoom", "", "")] * 2


def test_trouble_of_a_provider_stays_to_be_read_while_it_is_asked_again(acme: Acme):
    meeting, seen = planned(make_tutor(meeting_provider="acme")), []
    acme.plan = [ProviderUnavailable(), lambda: seen.append(Meeting.objects.get().trouble)]
    with pytest.raises(ProviderUnavailable):
        provision_meeting(meeting)
    provision_meeting(meeting)
    assert seen == [Trouble.UNREACHABLE]
