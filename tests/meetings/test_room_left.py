"""POOL_FULL = refuse: what would have no link is neither offered nor held. POOL_FULL = accept: it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import transaction
from django.utils import timezone
from hypothesis import example, given
from hypothesis import settings as effort
from hypothesis import strategies as st

from bookings.acceptance import propose_time
from bookings.availability import first_slots, open_slots, why_not
from bookings.errors import NoRoomLeft
from bookings.explanations import explain
from bookings.holds import place_hold
from bookings.models import Booking, Order, SessionType, Tutor, User
from bookings.orders import mark_order_paid
from bookings.rescheduling import move_booking
from bookings.slots import Reason
from bookings.times import During
from meetings.links import cordon_link
from meetings.models import Meeting, MeetingLink
from meetings.pool import assign_link, choose_link
from tests.factories import (
    an_hour,
    make_booking,
    make_link,
    make_meeting,
    make_session_type,
    make_tutor,
    make_user,
    tomorrow,
)
from tests.meetings.making import lesson, paid_booking, waiting_meeting

pytestmark = pytest.mark.django_db
NOON = {11, 12, 13}  # what a session at noon takes of the hours around it, as its link rests after it


@pytest.fixture(autouse=True)
def refuse(settings: LazySettings) -> None:
    settings.POOL_FULL = "refuse"


@pytest.fixture
def hourly(db: None) -> SessionType:
    """Sessions on the hour of a tutor who meets in the pool."""
    return make_session_type(make_tutor(slot_step_minutes=60))


def whole_day() -> During:
    """Tomorrow (UTC), whatever day it was when the tests began."""
    return During(tomorrow(0), tomorrow(0, days=2))


def hidden(session_type: SessionType, **asked: Any) -> set[int]:
    """The hours of tomorrow (UTC) that are not offered."""
    return set(range(24)) - {slot.start.hour for slot in open_slots(session_type, within=whole_day(), **asked)}


@pytest.mark.defect("CE-15")
def test_time_at_which_every_link_is_taken_is_not_offered_rest_included(hourly: SessionType):
    make_link(), make_link()
    assign_link(waiting_meeting())
    assert hidden(hourly) == set()
    assign_link(waiting_meeting())
    assert hidden(hourly) == NOON
    assert why_not(hourly, starts_at=tomorrow()) is Reason.NO_ROOM
    assert first_slots([hourly])[hourly.pk].start < tomorrow(11)


def test_site_that_accepts_offers_and_holds_it(hourly: SessionType, settings: LazySettings, django_assert_num_queries):
    settings.POOL_FULL = "accept"
    assign_link_of(make_link())
    with django_assert_num_queries(1):
        assert hidden(hourly) == set()
    assert place_hold(hourly, starts_at=tomorrow(), student=make_user()).status == Booking.Status.HELD


def test_refusing_takes_one_query_more_however_many_are_booked(hourly: SessionType, django_assert_num_queries):
    assign_link_of(make_link())
    for number in range(2):
        with django_assert_num_queries(2):
            assert hidden(hourly) == NOON
        for _ in range(25 * (1 - number)):
            waiting_meeting()


@pytest.mark.parametrize("status", Booking.Status)
def test_whatever_keeps_its_time_counts_also_before_it_is_paid(hourly: SessionType, status: str):
    make_link()
    make_booking(make_user(), make_tutor(), status=status)
    assert hidden(hourly) == (NOON if status in Booking.ACTIVE else set())


def test_hold_that_has_run_out_counts_nothing_swept_or_not(hourly: SessionType):
    make_link()
    make_booking(make_user(), make_tutor(), held_until=timezone.now() - timedelta(seconds=1))
    assert hidden(hourly) == set()


def test_sessions_held_elsewhere_count_nothing_and_are_never_refused(hourly: SessionType, settings: LazySettings):
    settings.MEETING_PROVIDERS = {
        **settings.MEETING_PROVIDERS,
        "sandbox": {"BACKEND": "meetings.providers.sandbox.SandboxProvider", "OPTIONS": {"site_url": "http://localhost"}},
    }
    make_link()
    elsewhere = make_tutor(meeting_provider="sandbox")
    make_booking(make_user(), elsewhere)  # not paid yet: no meeting
    waiting_meeting(provider="sandbox")  # a tutor of the pool, whose session is held elsewhere
    assert hidden(hourly) == set()
    assign_link(waiting_meeting())
    place_hold(make_session_type(elsewhere), starts_at=tomorrow(14), student=make_user())
    assert hidden(make_session_type(make_tutor(meeting_provider="sandbox", slot_step_minutes=60))) == set()
    assert hidden(hourly) == NOON


def test_session_on_a_cordoned_link_takes_none_of_the_others(hourly: SessionType):
    cordoned, _other = make_link(), make_link()
    choose_link(waiting_meeting(), cordoned)
    cordon_link(cordoned)
    assert hidden(hourly) == set()


def test_session_that_has_moved_counts_where_it_is_now(hourly: SessionType):
    make_link()
    meeting = waiting_meeting()
    assign_link(meeting)
    evening = (tomorrow(18), tomorrow(19))
    Booking.objects.filter(pk=meeting.booking_id).update(during=evening, blocks=evening)
    assert hidden(hourly) >= {17, 18, 19}


def test_without_any_link_nothing_is_offered(hourly: SessionType):
    assert hidden(hourly) == set(range(24))
    with pytest.raises(NoRoomLeft, match=r"^Every meeting room is taken at that time. Please choose another time.$"):
        place_hold(hourly, starts_at=tomorrow(), student=make_user())


def test_time_without_a_link_is_not_held_and_nothing_is_left_of_it(hourly: SessionType, sam: User):
    assign_link_of(make_link())
    with pytest.raises(NoRoomLeft):
        place_hold(hourly, starts_at=tomorrow(), student=sam)
    assert not Booking.objects.filter(student=sam).exists()


def test_session_may_move_within_its_own_time_and_not_into_another_one(sam: User):
    make_link()
    booking = make_booking(sam, make_tutor(), status=Booking.Status.PAID)
    assign_link(make_meeting(booking))
    paid_booking(an_hour(tomorrow(18)))
    with pytest.raises(NoRoomLeft):
        move_booking(booking, starts_at=tomorrow(17, 30), who=booking.tutor.user, why="ill")
    moved = move_booking(booking, starts_at=tomorrow(12, 30), who=booking.tutor.user, why="ill")
    assert moved.starts_at == tomorrow(12, 30)


def test_tutor_cannot_propose_a_time_without_a_link(sam: User):
    make_link()
    tutor = make_tutor(approves_first=True)
    request = make_booking(sam, tutor, status=Booking.Status.REQUESTED)
    paid_booking(an_hour(tomorrow(18)))
    with pytest.raises(NoRoomLeft):
        propose_time(request, starts_at=tomorrow(17, 30), who=tutor.user)
    assert propose_time(request, starts_at=tomorrow(12, 30), who=tutor.user).starts_at == tomorrow(12, 30)


def test_late_payment_is_never_refused_for_want_of_a_link(sam: User, ada: Tutor):
    assign_link_of(make_link())
    late = make_booking(sam, ada, status=Booking.Status.EXPIRED)
    mark_order_paid(late.order)
    late.refresh_from_db()
    assert (late.status, late.order.status) == (Booking.Status.PAID, Order.Status.PAID)


def test_links_that_must_stay_are_reckoned_with(hourly: SessionType):
    """Two links, one used before one o'clock and one after: there is a link at every instant, none for both hours."""
    make_link(), make_link()
    for start in (0, 70):
        assign_link(waiting_meeting(lesson(start)))
    first, second = Meeting.objects.order_by("during")
    one, two = MeetingLink.objects.order_by("pk")
    put(first, one)
    put(second, two)
    long = make_session_type(make_tutor(), minutes=120)
    assert place_hold(long, starts_at=tomorrow(), student=make_user()).status == Booking.Status.HELD
    Booking.objects.filter(status=Booking.Status.HELD).delete()

    Meeting.objects.update(seen_at=timezone.now())

    with pytest.raises(NoRoomLeft):
        place_hold(long, starts_at=tomorrow(), student=make_user())


def test_tutor_reads_why_the_time_is_not_offered(hourly: SessionType):
    assign_link_of(make_link())
    answer = explain(hourly, starts_at=tomorrow())
    assert (answer.is_offered, answer.sentence) == (
        False,
        "Every meeting room of the site is taken at this time, so there would be nowhere to meet.",
    )


STARTS = st.integers(0, 24).map(lambda quarter: 15 * quarter)
LENGTHS = st.sampled_from([15, 30, 50, 60, 90, 120])


@effort(max_examples=30, deadline=None)
@given(st.integers(1, 3), st.lists(st.tuples(STARTS, LENGTHS), max_size=10))
@example(2, [(0, 120), (90, 90), (180, 50), (210, 120)])  # one of them has to change links
def test_a_time_is_refused_only_where_more_would_overlap_than_links_are_there(number: int, wishes: list[tuple[int, int]]):
    """And whoever held a time gets a link, whatever the order in which all of them came and are given theirs."""
    with undone():
        _hold_and_assign(number, wishes)


@contextmanager
def undone() -> Iterator[None]:
    """Leave nothing for the next example: a Change, such as of a session that changed links, cannot be deleted."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def _hold_and_assign(number: int, wishes: list[tuple[int, int]]) -> None:
    for _ in range(number):
        make_link()
    kept: list[During] = []
    for start, minutes in wishes:
        during = lesson(start, minutes)
        session_type = make_session_type(make_tutor(slot_step_minutes=5), minutes=minutes)
        offered = during.start in {slot.start for slot in open_slots(session_type, within=whole_day())}
        try:
            place_hold(session_type, starts_at=during.start, student=make_user())
        except NoRoomLeft:
            assert _at_once(during, kept) > number
            assert not offered
        else:
            kept.append(during)
            assert _at_once(during, kept[:-1]) <= number
            assert offered
    Booking.objects.update(status=Booking.Status.PAID)
    for booking in Booking.objects.order_by("-minutes", "pk"):
        assign_link(make_meeting(booking))


def _at_once(during: During, others: list[During]) -> int:
    """How many links are needed during this session, itself included."""

    def uses(one: During, instant: datetime) -> bool:
        return one.start <= instant < one.end + timedelta(minutes=10)

    instants = [during.start, *(one.start for one in others if uses(during, one.start))]
    return 1 + max(sum(uses(one, instant) for one in others) for instant in instants)


def assign_link_of(link: MeetingLink) -> None:
    choose_link(waiting_meeting(), link)


def put(meeting: Meeting, link: MeetingLink) -> None:
    Meeting.objects.filter(pk=meeting.pk).update(link=link)
