"""A paid session takes another time: who may, when, and what never changes with it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from bookings.cancellation import preview_cancellation
from bookings.errors import DomainError, NotFound, NotMovable, ReasonMissing, SlotNotOffered, SlotTaken, StudentBusy
from bookings.models import Booking, Change, Notice, Order, Tutor, User
from bookings.policies import Rule
from bookings.rescheduling import move_booking, preview_move
from bookings.signals import booking_moved
from bookings.times import During
from tests.factories import an_hour, make_booking, make_order, make_session_type, make_tutor, make_user, tomorrow

pytestmark = pytest.mark.django_db
Status = Booking.Status
OLD, NEW = tomorrow(12, days=3), tomorrow(15, days=4)


@pytest.fixture
def news() -> Iterator[list[str]]:
    heard: list[str] = []

    def hear(booking: Booking, **_news: Any) -> None:
        heard.append(booking.reference)

    booking_moved.connect(hear)
    yield heard
    booking_moved.disconnect(hear)


@pytest.fixture
def parent(db: None) -> User:
    return make_user("parent@example.com")


@pytest.fixture
def paid(ada: Tutor, sam: User, parent: User) -> Booking:
    """Sam's session with Ada in three days, which a parent paid."""
    order = make_order(parent, status=Order.Status.PAID)
    return make_booking(sam, ada, during=an_hour(OLD), status=Status.PAID, order=order)


def facts(booking: Booking) -> tuple[Any, ...]:
    booking.refresh_from_db()
    return booking.starts_at, booking.moves, booking.sequence


@pytest.mark.defect("TB-18")
@pytest.mark.parametrize(("who", "counted"), [("sam", 1), ("parent", 1), ("ada", 0), ("root", 0)])
def test_session_is_moved_by_those_whom_it_concerns(
    paid, sam, parent, ada, root, news, django_capture_on_commit_callbacks, who, counted
):
    person = {"sam": sam, "parent": parent, "ada": ada.user, "root": root}[who]
    with django_capture_on_commit_callbacks(execute=True):
        moved = move_booking(paid, starts_at=NEW, who=person, why="A meeting came up")

    assert moved.time == an_hour(NEW)
    assert facts(paid) == (NEW, counted, 1)
    assert news == [paid.reference]
    line = Change.objects.get(booking=paid)
    assert (line.what, line.was, line.became) == ("time", OLD.isoformat(), NEW.isoformat())
    assert (line.who, line.why) == (person, "A meeting came up")
    told = Notice.objects.filter(fact=Notice.Fact.MOVED)
    assert {notice.to for notice in told} == {sam, parent, ada.user}
    was = {"was_start": OLD.isoformat(), "was_end": (OLD + timedelta(hours=1)).isoformat(), "why": "A meeting came up"}
    assert all(was.items() <= notice.details.items() for notice in told)


@pytest.mark.defect("IT-14", "IT-31")
def test_length_and_price_stay_as_sold_whatever_is_sold_today(paid, sam):
    paid.session_type.minutes, paid.session_type.price = 180, 999
    paid.session_type.save()
    was = (paid.minutes, paid.price, paid.net, paid.status)

    moved = move_booking(paid, starts_at=NEW, who=sam)

    assert moved.time.minutes == 60
    assert (moved.minutes, moved.price, moved.net, moved.status) == was


def test_move_to_the_same_time_changes_and_costs_nothing(paid, sam, news, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        move_booking(paid, starts_at=OLD, who=sam)
    assert facts(paid) == (OLD, 0, 0)
    assert not news
    assert not Change.objects.exists()


def test_move_sent_twice_is_counted_once(paid, sam):
    Booking.objects.update(moves=1)
    for _click in range(2):
        move_booking(paid, starts_at=NEW, who=sam)
    assert facts(paid) == (NEW, 2, 1)


@pytest.mark.defect("TB-29")
def test_student_moves_as_often_as_is_allowed_and_the_tutor_still_can(paid, sam, ada):
    for hour in (13, 14):
        move_booking(paid, starts_at=NEW.replace(hour=hour), who=sam)
    with pytest.raises(NotMovable, match="2 times"):
        move_booking(paid, starts_at=NEW, who=sam)
    move_booking(paid, starts_at=NEW, who=ada.user, why="Of course")
    assert facts(paid) == (NEW, 2, 3)


@pytest.mark.parametrize(("hours_before", "may"), [(12, True), (11.9, False), (-0.1, False)])
def test_student_moves_until_the_policys_hour_and_the_tutor_until_the_start(paid, sam, ada, hours_before, may):
    with time_machine.travel(OLD - timedelta(hours=hours_before), tick=False):
        asked = preview_move(paid, sam)
        assert (asked.may_be, asked.until) == (may, OLD - timedelta(hours=settings.MOVE_UNTIL_HOURS))
        if not may:
            with pytest.raises(NotMovable):
                move_booking(paid, starts_at=NEW, who=sam)
        assert preview_move(paid, ada.user).may_be is (hours_before > 0)


@pytest.mark.defect("IT-14")
@pytest.mark.parametrize("status", [one for one in Status if one != Status.PAID])
def test_only_a_paid_session_is_moved(ada, sam, status):
    booking = make_booking(sam, ada, during=an_hour(OLD), status=status)
    for person in (sam, ada.user):
        with pytest.raises(NotMovable):
            move_booking(booking, starts_at=NEW, who=person, why="please")
    assert facts(booking) == (OLD, 0, 0)


def test_strangers_cannot_move(paid, kim):
    for stranger in (kim, make_user(is_staff=True)):
        with pytest.raises(NotFound):
            move_booking(paid, starts_at=NEW, who=stranger, why="mine")


def test_tutor_and_staff_say_why(paid, ada, root):
    for person in (ada.user, root):
        with pytest.raises(ReasonMissing):
            move_booking(paid, starts_at=NEW, who=person, why=" ")
    assert facts(paid) == (OLD, 0, 0)


@pytest.mark.defect("IT-14", "TB-19")
@pytest.mark.parametrize(
    ("starts_at", "refusal"),
    [
        (tomorrow(12, days=-1), SlotNotOffered),  # past
        (tomorrow(9, 15, days=4), SlotNotOffered),  # off the grid
        (tomorrow(17, 30, days=4), SlotNotOffered),  # begins inside the hours and ends outside
        (tomorrow(3, days=4), SlotNotOffered),  # outside the hours
        (tomorrow(12, days=90), SlotNotOffered),  # beyond the horizon
        (datetime.max.replace(year=9998, tzinfo=NEW.tzinfo), SlotNotOffered),
        (tomorrow(10, days=4), SlotTaken),  # another student's
        (tomorrow(11, days=4), SlotTaken),  # in the buffer after that
        (tomorrow(15, days=4), StudentBusy),
    ],
)
def test_session_moves_only_to_what_the_slot_rule_offers(sam, kim, starts_at, refusal):
    hours = [(day, OLD.time().replace(hour=9), OLD.time().replace(hour=18)) for day in range(7)]
    tutor = make_tutor(hours=hours, buffer_after_minutes=30)
    booking = make_booking(sam, tutor, during=an_hour(OLD), status=Status.PAID)
    make_booking(kim, tutor, during=an_hour(tomorrow(10, days=4)), status=Status.PAID)
    make_booking(sam, make_tutor(), during=an_hour(tomorrow(15, days=4)), status=Status.PAID)

    for person in (sam, tutor.user):
        with pytest.raises(DomainError) as refused:
            move_booking(booking, starts_at=starts_at, who=person, why="please")
        assert type(refused.value) is refusal
    assert facts(booking) == (OLD, 0, 0)


def test_minimum_notice_binds_the_student_but_not_the_tutor_whom_it_protects(paid, sam, ada):
    ada.notice_minutes = 60 * 24 * 2
    ada.save()
    soon = tomorrow(12)
    with pytest.raises(SlotNotOffered):
        move_booking(paid, starts_at=soon, who=sam)
    assert soon not in {slot.start for slot in preview_move(paid, sam).open_times(During(soon, soon + timedelta(days=1)))}

    move_booking(paid, starts_at=soon, who=ada.user, why="You asked me to")

    assert facts(paid)[0] == soon
    ada.refresh_from_db()
    assert ada.notice_minutes == 60 * 24 * 2


def test_buffers_are_those_of_the_day_of_the_move(paid, ada, sam):
    ada.buffer_before_minutes, ada.buffer_after_minutes = 10, 20
    ada.save()
    moved = move_booking(paid, starts_at=NEW, who=sam)
    assert (moved.blocks.lower, moved.blocks.upper) == (NEW - timedelta(minutes=10), NEW + timedelta(minutes=80))


def test_session_may_move_into_its_own_time_and_frees_the_old_one(paid, ada, sam, kim):
    overlapping = OLD + timedelta(minutes=30)
    move_booking(paid, starts_at=overlapping, who=sam)
    assert facts(paid)[0] == overlapping
    make_booking(kim, ada, during=an_hour(OLD - timedelta(minutes=30)), status=Status.PAID)


def test_hold_that_ran_out_is_not_in_the_way(paid, ada, sam, kim):
    stale = make_booking(kim, ada, during=an_hour(NEW), held_until=tomorrow(0, days=-1))
    move_booking(paid, starts_at=NEW, who=sam)
    stale.refresh_from_db()
    assert (stale.status, facts(paid)[0]) == (Status.EXPIRED, NEW)


def test_open_times_are_the_tutors_without_the_present_one(paid, sam, ada):
    asked = preview_move(paid, sam)
    around = asked.open_times(During(OLD - timedelta(hours=1), OLD + timedelta(hours=2)))
    assert [slot.start for slot in around] == [OLD + timedelta(minutes=minutes) for minutes in (-60, -30, 30, 60, 90)]
    assert OLD not in {slot.start for slot in asked.times_near(OLD)}


def test_words_of_a_refusal_follow_the_settings(paid, sam, settings):
    settings.MOVES_ALLOWED = 0
    assert preview_move(paid, sam).refusal == "Students cannot move sessions here. Please ask your tutor to move it."
    settings.MOVE_UNTIL_HOURS = 24 * 30
    assert "could move it until" in preview_move(paid, sam).refusal


def test_preview_asks_the_database_nothing_and_a_move_takes_a_fixed_number_of_queries(paid, sam, ada):
    booking = Booking.objects.with_people().get(pk=paid.pk)
    with CaptureQueriesContext(connection) as queries:
        preview_move(booking, sam)
        preview_move(booking, ada.user)
    assert len(queries) == 0

    def cost(starts_at: datetime) -> int:
        with CaptureQueriesContext(connection) as taken:
            move_booking(paid, starts_at=starts_at, who=ada.user, why="so")
        return len(taken)

    few = cost(NEW)
    lesson = make_session_type(ada)
    for hour in range(12):
        make_booking(make_user(), ada, during=an_hour(tomorrow(hour, days=5)), session_type=lesson)
    assert cost(tomorrow(20, days=5)) == few


def test_move_in_the_late_window_gives_no_free_cancellation_back(paid, sam):
    """Or else whoever cannot come moves the session to next week, and cancels it there for nothing."""
    with time_machine.travel(OLD - timedelta(hours=20), tick=False):
        moved = move_booking(paid, starts_at=NEW, who=sam)
        moved = move_booking(moved, starts_at=NEW + timedelta(days=3), who=sam)
        asked = preview_cancellation(moved, sam)
    assert (asked.rule, asked.percent, asked.was_moved_late) == (Rule.LATE, 50, True)
    assert asked.free_until == OLD - timedelta(hours=24)


def test_move_in_time_takes_its_free_days_along(paid, sam):
    with time_machine.travel(OLD - timedelta(hours=30), tick=False):
        moved = move_booking(paid, starts_at=NEW, who=sam)
    with time_machine.travel(NEW - timedelta(hours=24), tick=False):
        assert preview_cancellation(moved, sam).rule is Rule.IN_TIME


@pytest.mark.parametrize("hours_before", [20, 5])
def test_whom_the_tutor_moves_to_a_near_time_can_still_cancel_for_free(paid, sam, ada, hours_before):
    """Or else a tutor moves a session of next week to tonight, and the student who cannot come pays for it."""
    with time_machine.travel(OLD - timedelta(hours=hours_before), tick=False):
        moved = move_booking(paid, starts_at=OLD - timedelta(hours=2), who=ada.user, why="A gap tonight")
    with time_machine.travel(OLD - timedelta(hours=2), tick=False):
        asked = preview_cancellation(moved, sam)
        assert (asked.rule, asked.back) == (Rule.IN_TIME, moved.net)
