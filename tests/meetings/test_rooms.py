"""Rooms at vendors: made once, moved, closed, whatever happens while the vendor is asked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.utils import timezone

from bookings.cancellation import cancel_booking
from bookings.errors import BookingNotPaid
from bookings.models import Booking, Notice, Tutor, User
from bookings.rescheduling import move_booking
from meetings.chain import place_at
from meetings.errors import MeetingInTheMaking, MeetingNotWaiting, ProviderUnavailable
from meetings.models import Meeting, ProviderCall, VendorRoom
from meetings.planning import plan_meeting
from meetings.provisioning import provision_meeting
from meetings.rooms import ask_for_room, call_vendor
from meetings.upkeep import make_round
from tests.conftest import Drain
from tests.factories import an_hour, make_booking, make_link, make_tutor, tomorrow
from tests.meetings.acme import Acme
from tests.meetings.conftest import connect
from tests.race import race

pytestmark = pytest.mark.django_db
OLD, NEW = tomorrow(12, days=3), tomorrow(15, days=4)
Status = Meeting.Status


@pytest.fixture
def booking(acme: Acme, sam: User) -> Booking:
    """A paid session of a tutor who teaches at Acme, or with links of the pool."""
    tutor = make_tutor(meeting_provider="acme")
    return make_booking(sam, tutor, during=an_hour(OLD), status=Booking.Status.PAID)


@pytest.fixture
def meeting(booking: Booking) -> Meeting:
    planned = plan_meeting(booking)
    assert planned is not None
    return planned


def rooms() -> list[tuple[str, str, str]]:
    return list(VendorRoom.objects.order_by("pk").values_list("key", "state", "external_id"))


def later(seconds: float) -> time_machine.travel:
    return time_machine.travel(timezone.now() + timedelta(seconds=seconds), tick=False)


def test_room_is_made_written_down_and_every_call_noted(acme: Acme, meeting: Meeting):
    ready = provision_meeting(meeting)

    assert (ready.status, ready.provider, ready.trouble, ready.attempts) == (Status.READY, "acme", "", 1)
    assert ready.join_url_tutor == "https://acme.test/room-1/tutor"
    assert ready.join_url_student == "https://acme.test/room-1/student"
    key = f"{meeting.booking.reference}-0"
    assert rooms() == [(key, "made", "room-1")]
    [call] = ProviderCall.objects.all()
    assert (call.what, call.outcome, call.provider, call.meeting, call.attempt) == ("create", "done", "acme", meeting, 1)
    assert call.seconds < 5
    assert not Notice.objects.filter(fact=Notice.Fact.LINK_CHANGED).exists()


@pytest.mark.defect("IT-03", "CE-24")
@pytest.mark.django_db(transaction=True)
def test_eight_clicks_at_once_make_one_room(acme: Acme, booking: Booking):
    meeting = plan_meeting(booking)
    assert meeting is not None

    outcomes = race(lambda _number: provision_meeting(Meeting.objects.get(pk=meeting.pk)), threads=8)

    assert {type(outcome.error) for outcome in outcomes} <= {type(None), MeetingInTheMaking}
    assert (acme.calls, len(acme.rooms)) == (["create"], 1)
    assert Meeting.objects.get().is_ready


@pytest.mark.defect("IT-03")
def test_answer_that_was_lost_leads_to_the_same_room(acme: Acme, meeting: Meeting, drain: Drain):
    acme.plan = ["lost"]
    with pytest.raises(ProviderUnavailable):
        provision_meeting(meeting)
    meeting.refresh_from_db()
    assert (meeting.status, meeting.trouble) == (Status.WAITING, Meeting.Trouble.UNREACHABLE)
    assert rooms() == [(f"{meeting.booking.reference}-0", "asked", "")]

    with later(4):
        drain()

    meeting.refresh_from_db()
    assert (meeting.is_ready, acme.calls, len(acme.rooms)) == (True, ["create", "create"], 1)


def test_worker_that_died_after_the_vendor_answered_leaves_the_room_to_the_next(acme: Acme, meeting: Meeting):
    """Between the vendor's answer and the write there is only the row of the intent."""
    meeting = Meeting.objects.select_related("booking__tutor__user", "booking__student").get()
    place = place_at("acme", meeting.booking.tutor, now=timezone.now())
    assert place is not None
    call_vendor(ask_for_room(meeting, place))  # and then the worker is killed
    with pytest.raises(MeetingInTheMaking):
        provision_meeting(meeting)

    with later(200):
        assert provision_meeting(meeting).is_ready

    assert (acme.calls, len(acme.rooms)) == (["create", "create"], 1)


def test_room_that_takes_long_is_looked_at_soon_and_then_less_often(acme: Acme, meeting: Meeting):
    acme.pending = 7
    waits = []
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for _number in range(7):
            with pytest.raises(MeetingInTheMaking):
                provision_meeting(meeting)
            meeting.refresh_from_db()
            assert meeting.next_attempt_at is not None
            waits.append((meeting.next_attempt_at - timezone.now()).total_seconds())
            clock.move_to(meeting.next_attempt_at)
        assert provision_meeting(meeting).is_ready

    assert waits == [1, 2, 4, 8, 15, 60, 60]
    assert acme.calls == ["create"] + ["check"] * 7
    assert list(ProviderCall.objects.order_by("pk").values_list("outcome", flat=True)) == ["pending"] * 7 + ["done"]


def test_room_that_never_gets_done_is_given_up_for_the_pool(acme: Acme, meeting: Meeting, drain: Drain):
    link, acme.pending = make_link(), 1000
    with pytest.raises(MeetingInTheMaking):
        provision_meeting(meeting)

    with later(16 * 60):
        assert provision_meeting(meeting).link == link
        drain()

    assert acme.open_rooms() == []


@pytest.mark.defect("IT-14")
def test_move_gives_the_same_room_its_new_time(
    acme: Acme, meeting: Meeting, django_capture_on_commit_callbacks, drain: Drain
):
    before = provision_meeting(meeting)
    with django_capture_on_commit_callbacks(execute=True):
        move_booking(before.booking, starts_at=NEW, who=before.booking.student)
    drain()

    meeting.refresh_from_db()
    assert (meeting.status, meeting.time, meeting.generation) == (Status.READY, an_hour(NEW), 0)
    assert meeting.join_url_student == before.join_url_student
    assert acme.calls == ["create", "move"]
    assert [held.during for held in acme.open_rooms()] == [an_hour(NEW)]


def test_move_of_a_room_that_the_vendor_lost_makes_another(acme: Acme, meeting: Meeting, drain: Drain):
    ready = provision_meeting(meeting)
    acme.rooms.clear()
    move_booking(ready.booking, starts_at=NEW, who=ready.booking.student)
    make_round(timezone.now())
    drain()

    meeting.refresh_from_db()
    assert (meeting.is_ready, meeting.generation, meeting.external_id) == (True, 1, "room-2")
    assert [held.during for held in acme.open_rooms()] == [an_hour(NEW)]
    assert [state for _key, state, _number in rooms()] == ["closed", "made"]


@pytest.mark.defect("IT-15")
def test_room_is_moved_and_closed_with_the_account_that_made_it(acme: Acme, ada: Tutor, sam: User, drain: Drain):
    Tutor.objects.filter(pk=ada.pk).update(meeting_provider="zoom")
    first = connect(ada)
    booking = make_booking(sam, Tutor.objects.get(pk=ada.pk), during=an_hour(OLD), status=Booking.Status.PAID)
    planned = plan_meeting(booking)
    assert planned is not None
    provision_meeting(planned)
    first.disconnected_at = timezone.now()
    first.save()
    connect(ada, account="other@zoom.test")

    move_booking(booking, starts_at=NEW, who=sam)
    make_round(timezone.now())
    drain()
    cancel_booking(Booking.objects.get(), who=sam, seen=booking.net)
    make_round(timezone.now())
    drain()

    assert list(ProviderCall.objects.order_by("pk").values_list("what", "connection")) == [
        ("create", first.pk),
        ("move", first.pk),
        ("cancel", first.pk),
    ]
    assert acme.open_rooms() == []


def test_session_cancelled_while_the_room_is_made_leaves_no_room(acme: Acme, meeting: Meeting, drain: Drain):
    def cancel() -> None:
        cancel_booking(Booking.objects.get(), who=meeting.booking.student, seen=meeting.booking.net)
        make_round(timezone.now())

    acme.plan = [cancel]
    with pytest.raises(BookingNotPaid):
        provision_meeting(meeting)
    drain()

    meeting.refresh_from_db()
    assert (meeting.status, meeting.join_url_student) == (Status.CANCELLED, "")
    assert (acme.calls, acme.open_rooms()) == (["create", "cancel"], [])


def test_session_moved_while_the_room_is_made_gets_one_for_its_new_time(acme: Acme, meeting: Meeting, drain: Drain):
    def move() -> None:
        move_booking(Booking.objects.get(), starts_at=NEW, who=meeting.booking.student)
        make_round(timezone.now())

    acme.plan = [move]
    with pytest.raises(MeetingNotWaiting):
        provision_meeting(meeting)
    with later(1):
        make_round(timezone.now())
        drain()

    meeting.refresh_from_db()
    assert (meeting.status, meeting.time) == (Status.READY, an_hour(NEW))
    assert [(held.key, held.during) for held in acme.open_rooms()] == [(f"{meeting.booking.reference}-1", an_hour(NEW))]


@pytest.mark.defect("TB-08")
@pytest.mark.parametrize("day", [datetime(2027, 3, 28, tzinfo=UTC), datetime(2027, 10, 31, tzinfo=UTC)])
def test_lesson_across_a_change_of_clocks_keeps_its_instants(acme: Acme, sam: User, day: datetime):
    """01:00 UTC is when Berlin's clocks change: an hour is an hour, and the vendor gets instants and a zone."""
    tutor = make_tutor(meeting_provider="acme", time_zone="Europe/Berlin")
    during = an_hour(day + timedelta(minutes=30))
    with time_machine.travel(day - timedelta(days=2), tick=False):
        planned = plan_meeting(make_booking(sam, tutor, during=during, status=Booking.Status.PAID))
        assert planned is not None
        ready = provision_meeting(planned)
    assert (ready.is_ready, [held.during for held in acme.open_rooms()]) == (True, [during])
