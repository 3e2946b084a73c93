from datetime import timedelta

import pytest

from bookings.models import Booking
from bookings.orders import mark_order_paid
from bookings.signals import booking_cancelled, booking_paid, send_after_commit
from meetings.models import Meeting
from meetings.planning import drop_meeting, move_meeting, plan_meeting
from meetings.pool import assign_link
from tests.conftest import Drain
from tests.factories import make_booking, make_link, make_tutor, make_user
from tests.meetings.making import lesson, paid_booking, waiting_meeting
from tests.race import race

pytestmark = pytest.mark.django_db
Status = Meeting.Status


def test_paid_order_gets_its_meetings_by_itself(django_capture_on_commit_callbacks, drain: Drain):
    link = make_link()
    booking = make_booking(make_user(), make_tutor())
    with django_capture_on_commit_callbacks(execute=True):
        mark_order_paid(booking.order)
    assert ("meetings.provision_meeting", "succeeded") in drain()
    meeting = Meeting.objects.get()
    assert (meeting.booking, meeting.link, meeting.status, meeting.time) == (booking, link, Status.READY, booking.time)


def test_meeting_planned_twice_is_planned_once(drain: Drain):
    make_link()
    booking = paid_booking()
    assert plan_meeting(booking) == plan_meeting(booking)
    assert len(drain()) == 1


def test_unpaid_booking_is_not_planned():
    assert plan_meeting(make_booking(make_user(), make_tutor())) is None
    assert not Meeting.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_meeting_planned_by_eight_at_once_is_planned_once(drain: Drain):
    make_link()
    booking = paid_booking()
    outcomes = race(lambda _number: plan_meeting(booking), threads=8)
    assert {outcome.value for outcome in outcomes} == {Meeting.objects.get()}
    assert len(drain()) == 1


@pytest.mark.defect("IT-05")
@pytest.mark.parametrize(("chosen", "planned"), [("pool", "pool"), ("sandbox", "sandbox"), ("zoom", "pool"), ("", "pool")])
def test_provider_that_this_site_does_not_offer_is_never_planned(chosen: str, planned: str):
    booking = make_booking(make_user(), make_tutor(meeting_provider=chosen), status=Booking.Status.PAID)
    plan_meeting(booking)
    assert Meeting.objects.get().provider == planned


@pytest.mark.defect("CE-12")
def test_cancelled_booking_gives_its_link_to_who_waits(django_capture_on_commit_callbacks, drain: Drain):
    link = make_link()
    leaving, waiting = waiting_meeting(), waiting_meeting(next_attempt_at=lesson().end)
    assign_link(leaving)
    Booking.objects.filter(pk=leaving.booking_id).update(status=Booking.Status.CANCELLED)
    with django_capture_on_commit_callbacks(execute=True):
        send_after_commit(booking_cancelled, Booking, booking=leaving.booking)
    assert ("meetings.provision_waiting", "succeeded") in drain()
    leaving.refresh_from_db()
    waiting.refresh_from_db()
    assert (leaving.status, leaving.link) == (Status.CANCELLED, link)  # which one it was stays to be read
    assert (waiting.status, waiting.link) == (Status.READY, link)


def test_meeting_dropped_twice_is_dropped_once(django_capture_on_commit_callbacks):
    meeting = waiting_meeting()
    with django_capture_on_commit_callbacks() as callbacks:
        drop_meeting(meeting.booking)
        drop_meeting(meeting.booking)
    assert len(callbacks) == 1


def test_booking_without_meeting_is_dropped_quietly():
    drop_meeting(paid_booking())


def test_links_that_come_free_are_told_once_however_many(django_capture_on_commit_callbacks, drain: Drain):
    with django_capture_on_commit_callbacks(execute=True):
        for _ in range(3):
            drop_meeting(waiting_meeting().booking)
    assert drain() == [("meetings.provision_waiting", "succeeded")]


def test_moved_booking_gets_a_link_for_its_new_time(drain: Drain):
    link = make_link()
    meeting = waiting_meeting()
    assign_link(meeting)
    later = lesson(24 * 60)
    Booking.objects.filter(pk=meeting.booking_id).update(during=(later.start, later.end), blocks=(later.start, later.end))
    move_meeting(meeting.booking)
    move_meeting(meeting.booking)
    assert drain() == [("meetings.provision_meeting", "succeeded")]
    meeting.refresh_from_db()
    assert (meeting.status, meeting.link, meeting.time) == (Status.READY, link, later)
    assert meeting.reserved.upper == later.end + timedelta(minutes=10)
    assert meeting.generation == 1


def test_trouble_with_a_meeting_never_undoes_a_payment(django_capture_on_commit_callbacks):
    """DESIGN 3.5: a receiver that breaks is logged; the payment stands."""

    def break_down(sender: type, **kwargs: object) -> None:
        raise RuntimeError("the receiver broke")

    booking_paid.connect(break_down)
    try:
        booking = make_booking(make_user(), make_tutor())
        with django_capture_on_commit_callbacks(execute=True):
            mark_order_paid(booking.order)
    finally:
        booking_paid.disconnect(break_down)
    booking.refresh_from_db()
    assert booking.is_paid
    assert Meeting.objects.get().booking == booking
