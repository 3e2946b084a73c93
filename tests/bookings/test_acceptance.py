from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from bookings.acceptance import accept_booking, accept_proposal, decline_booking, decline_proposal, propose_time
from bookings.errors import (
    DomainError,
    InvalidInput,
    OrderNotPayable,
    RequestAnswered,
    SlotNotOffered,
    SlotsGone,
    SlotTaken,
    StudentBusy,
)
from bookings.models import Booking, Change, DateOverride, Notice, Order, SessionType, Tutor, User
from bookings.orders import mark_order_paid
from bookings.signals import accepting_booking
from tests.factories import an_hour, make_booking, make_tutor, tomorrow
from tests.pages import text_of
from tests.requests_made import OTHER_TIME, STATES, ask, proposed

Status = Booking.Status
OPEN = {"asked", "proposed"}


@pytest.fixture(autouse=True)
def _ada_approves_first(ada: Tutor) -> None:
    ada.approves_first = True
    ada.save()


def told(fact: Notice.Fact) -> set[str]:
    return set(Notice.objects.filter(fact=fact).values_list("to__email", flat=True))


def as_kept(booking: Booking) -> tuple[object, ...]:
    """What the database says of a booking and its order."""
    found = Booking.objects.select_related("order").get(pk=booking.pk)
    order = found.order
    return (found.status, found.time, found.held_until, found.sequence, order.status, order.expires_at, order.placed_at)


# What each verb makes of each state: the state afterwards, "same" where it was done already, "no" where it is refused.
TABLE: dict[str, tuple[Callable[[Booking, Tutor, User], Booking], dict[str, str]]] = {
    "accept_booking": (
        lambda booking, tutor, _student: accept_booking(booking, who=tutor.user),
        {"asked": Status.ACCEPTED, "accepted": "same", "agreed": "same", "paid": "same"},
    ),
    "accept_proposal": (
        lambda booking, _tutor, student: accept_proposal(booking, who=student),
        {"proposed": Status.ACCEPTED, "accepted": "same", "agreed": "same", "paid": "same"},
    ),
    "decline_booking": (
        lambda booking, tutor, _student: decline_booking(booking, who=tutor.user, why="I am ill."),
        {"asked": Status.DECLINED, "proposed": Status.DECLINED, "declined": "same"},
    ),
    "decline_proposal": (
        lambda booking, _tutor, student: decline_proposal(booking, who=student),
        {"proposed": Status.CANCELLED, "refused": "same", "withdrawn": "same"},
    ),
    "propose_time": (
        lambda booking, tutor, _student: propose_time(booking, starts_at=tomorrow(18), who=tutor.user),
        {"asked": Status.REQUESTED, "proposed": Status.REQUESTED},
    ),
}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("verb", TABLE)
def test_verb_does_what_the_table_says(ada: Tutor, maths: SessionType, sam: User, verb: str, state: str):
    booking = STATES[state](maths, sam)
    before, history = as_kept(booking), Change.objects.count()
    answer, results = TABLE[verb]
    expected = results.get(state, "no")
    if expected == "no":
        with pytest.raises(RequestAnswered):
            answer(booking, ada, sam)
        assert (as_kept(booking), Change.objects.count()) == (before, history)
        return
    found = answer(booking, ada, sam)
    if expected == "same":
        assert (as_kept(booking), Change.objects.count(), found.pk) == (before, history, booking.pk)
    else:
        assert (found.status, as_kept(booking)[0]) == (expected, expected)
        assert Change.objects.count() > history


def test_accepted_request_can_be_paid_for_a_day(maths: SessionType, sam: User):
    with time_machine.travel(timezone.now(), tick=False):
        booking = accept_booking(ask(maths, sam, starts_at=tomorrow(days=5)), who=maths.tutor.user)
        deadline = timezone.now() + timedelta(hours=24)
    order = booking.order
    assert (booking.held_until, order.expires_at, order.waits_for_answer) == (deadline, deadline, False)
    assert told(Notice.Fact.ACCEPTED) == {"sam@example.com"}
    assert mark_order_paid(order).is_paid
    assert Booking.objects.get().status == Status.PAID
    assert [(line.was, line.became) for line in booking.changes.order_by("pk")][-1] == (Status.ACCEPTED, Status.PAID)


def test_accepted_request_is_to_be_paid_before_it_begins(maths: SessionType, sam: User):
    starts_at = tomorrow()
    with time_machine.travel(starts_at - timedelta(hours=2), tick=False):
        booking = accept_booking(ask(maths, sam, starts_at=starts_at), who=maths.tutor.user)
    assert booking.held_until == booking.order.expires_at == starts_at


def test_accepted_request_that_costs_nothing_is_booked_at_once(maths: SessionType, sam: User):
    maths.price = 0
    maths.save()
    booking = accept_booking(ask(maths, sam), who=maths.tutor.user)
    assert (booking.status, booking.order.status, booking.held_until) == (Status.PAID, Order.Status.PAID, None)
    assert told(Notice.Fact.ACCEPTED) == set()  # being booked is the news


def test_nobody_agrees_after_the_deadline(maths: SessionType, sam: User):
    booking = ask(maths, sam)
    assert booking.held_until is not None
    with time_machine.travel(booking.held_until, tick=False):
        for answer in (accept_booking, lambda one, who: decline_booking(one, who=who, why="No.")):
            with pytest.raises(RequestAnswered):
                answer(booking, who=maths.tutor.user)
    assert Booking.objects.get().status == Status.REQUESTED


def test_whoever_refuses_the_question_stops_the_acceptance(maths: SessionType, sam: User):
    def refuse(booking: Booking, **_: object) -> None:
        raise DomainError("No link is left for that time.")

    booking = ask(maths, sam)
    accepting_booking.connect(refuse)
    try:
        with pytest.raises(DomainError, match="No link"):
            accept_booking(booking, who=maths.tutor.user)
    finally:
        accepting_booking.disconnect(refuse)
    assert as_kept(booking)[0] == Status.REQUESTED
    assert told(Notice.Fact.ACCEPTED) == set()


@pytest.mark.defect("TB-16", "TB-25")
def test_declined_request_frees_the_time_and_says_why(maths: SessionType, sam: User, kim: User):
    booking = decline_booking(ask(maths, sam), who=maths.tutor.user, why=" I am ill. ")
    assert (booking.status, booking.cancel_reason, booking.cancelled_by) == (Status.DECLINED, "I am ill.", maths.tutor.user)
    assert (booking.order.status, booking.refund, told(Notice.Fact.DECLINED)) == ("cancelled", None, {"sam@example.com"})
    with pytest.raises(OrderNotPayable):
        mark_order_paid(booking.order)
    assert ask(maths, kim).status == Status.REQUESTED


@pytest.mark.parametrize("why", ["", "   ", "x" * 501, "no\0"])
def test_declining_takes_a_reason_that_can_be_read(maths: SessionType, sam: User, why: str):
    booking = ask(maths, sam)
    with pytest.raises(InvalidInput):
        decline_booking(booking, who=maths.tutor.user, why=why)
    assert as_kept(booking)[0] == Status.REQUESTED


def test_proposed_time_is_kept_and_the_first_one_remembered(maths: SessionType, sam: User, kim: User):
    booking = proposed(maths, sam)
    assert (booking.time, booking.status, booking.sequence) == (an_hour(tomorrow(OTHER_TIME)), Status.REQUESTED, 1)
    assert booking.asked_for is not None
    assert (booking.asked_for.lower, booking.waits_for_student, booking.waits_for_tutor) == (tomorrow(), True, False)
    assert told(Notice.Fact.PROPOSED) == {"sam@example.com"}
    with pytest.raises(SlotTaken):
        ask(maths, kim, starts_at=tomorrow(OTHER_TIME))
    assert ask(maths, kim).starts_at == tomorrow()  # the first time is free again


def test_second_proposal_takes_the_place_of_the_first(maths: SessionType, sam: User):
    booking = propose_time(proposed(maths, sam), starts_at=tomorrow(18), who=maths.tutor.user)
    assert (booking.starts_at, booking.sequence) == (tomorrow(18), 2)
    assert booking.asked_for is not None
    assert booking.asked_for.lower == tomorrow()
    assert Notice.objects.filter(fact=Notice.Fact.PROPOSED).count() == 2


def test_proposal_starts_the_clock_anew(maths: SessionType, sam: User):
    booking = ask(maths, sam, starts_at=tomorrow(days=5))
    later = timezone.now() + timedelta(hours=20)
    with time_machine.travel(later, tick=False):
        booking = propose_time(booking, starts_at=booking.starts_at + timedelta(hours=2), who=maths.tutor.user)
        assert booking.held_until == booking.order.expires_at == later + timedelta(hours=24)


def test_tutor_may_propose_within_their_own_notice(maths: SessionType, sam: User):
    booking = ask(maths, sam, starts_at=tomorrow(days=5))
    Tutor.objects.update(notice_minutes=3 * 24 * 60)
    moved = propose_time(booking, starts_at=tomorrow(), who=maths.tutor.user)
    assert moved.starts_at == tomorrow()


def test_proposal_keeps_the_length_that_was_asked_for(maths: SessionType, sam: User):
    booking = ask(maths, sam)
    SessionType.objects.update(minutes=90, price=999_000)
    moved = propose_time(booking, starts_at=tomorrow(15), who=maths.tutor.user)
    assert (moved.time, moved.price) == (an_hour(tomorrow(15)), 150_000)


def _taken(maths: SessionType, sam: User, kim: User) -> datetime:
    make_booking(kim, maths.tutor, during=an_hour(tomorrow(16)), status=Status.PAID)
    return tomorrow(16)


def _student_busy(maths: SessionType, sam: User, kim: User) -> datetime:
    make_booking(sam, make_tutor(), during=an_hour(tomorrow(16)), status=Status.PAID)
    return tomorrow(16)


def _closed(maths: SessionType, sam: User, kim: User) -> datetime:
    DateOverride.objects.create(tutor=maths.tutor, date=tomorrow(days=3).date())
    return tomorrow(days=3)


REFUSED = {
    "taken": (_taken, SlotTaken),
    "student busy": (_student_busy, StudentBusy),
    "closed": (_closed, SlotNotOffered),
    "off the grid": (lambda *_: tomorrow(16, 7), SlotNotOffered),
    "past": (lambda *_: tomorrow(days=-2), SlotNotOffered),
    "too far away": (lambda *_: tomorrow(days=90), SlotNotOffered),
    "the time asked for": (lambda *_: tomorrow(), InvalidInput),
}


@pytest.mark.parametrize("case", REFUSED)
def test_time_that_cannot_be_proposed_changes_nothing(maths: SessionType, sam: User, kim: User, case: str):
    make_time, error = REFUSED[case]
    booking = ask(maths, sam)
    before, starts_at = as_kept(booking), make_time(maths, sam, kim)
    with pytest.raises(error):
        propose_time(booking, starts_at=starts_at, who=maths.tutor.user)
    assert as_kept(booking) == before
    assert told(Notice.Fact.PROPOSED) == set()


def test_agreed_proposal_is_paid_like_any_request(maths: SessionType, sam: User):
    booking = accept_proposal(proposed(maths, sam), who=sam)
    assert (booking.status, told(Notice.Fact.ACCEPTED)) == (Status.ACCEPTED, {"ada@example.com"})
    mark_order_paid(booking.order)
    assert as_kept(booking)[:2] == (Status.PAID, an_hour(tomorrow(OTHER_TIME)))


def test_proposal_the_student_does_not_want_ends_the_request(maths: SessionType, sam: User):
    booking = decline_proposal(proposed(maths, sam), who=sam)
    assert (booking.status, booking.order.status) == (Status.CANCELLED, Order.Status.CANCELLED)
    assert told(Notice.Fact.CANCELLED) == {"ada@example.com"}


@pytest.mark.defect("CE-29")
def test_accepted_and_never_paid_expires_and_both_sides_are_told(maths: SessionType, sam: User):
    booking = STATES["unpaid"](maths, sam)
    assert as_kept(booking)[0] == Status.EXPIRED
    assert as_kept(booking)[4] == Order.Status.EXPIRED
    assert told(Notice.Fact.UNPAID) == {"ada@example.com", "sam@example.com"}
    assert told(Notice.Fact.UNANSWERED) == set()


@pytest.mark.defect("IT-24")
def test_late_payment_of_an_accepted_request_revives_it_if_the_time_is_free(maths: SessionType, sam: User):
    booking = STATES["unpaid"](maths, sam)
    mark_order_paid(booking.order)
    assert as_kept(booking)[0] == Status.PAID


@pytest.mark.defect("IT-24")
def test_late_payment_finds_the_time_given_to_another_request(maths: SessionType, sam: User, kim: User):
    booking = STATES["unpaid"](maths, sam)
    ask(maths, kim)
    with pytest.raises(SlotsGone):
        mark_order_paid(booking.order)
    assert as_kept(booking)[0] == Status.EXPIRED


def test_admin_reads_what_was_asked_for(maths: SessionType, sam: User, desk: Client):
    booking = proposed(maths, sam)
    page = text_of(desk.get(f"/admin/bookings/booking/{booking.pk}/change/"))
    assert "Time asked for first" in page
    assert "19:00–20:00" in page  # in Jakarta, as the admin reads it
    assert "22:00–23:00" in page
