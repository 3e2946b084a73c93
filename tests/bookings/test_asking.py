from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bookings.asking import request_booking, withdraw_request
from bookings.errors import (
    ApprovalNeeded,
    ApprovalNotNeeded,
    InvalidInput,
    OrderNotPayable,
    OwnSession,
    PromoCodeRefused,
    RequestAnswered,
    SlotNotOffered,
    SlotTaken,
    StudentBusy,
    TooManyHolds,
)
from bookings.holds import Wanted, place_hold
from bookings.models import Booking, Change, Notice, Order, PromoCode, SessionType, Tutor, User
from bookings.orders import expire_unpaid, mark_order_paid, order_at_once
from tests.factories import an_hour, make_booking, make_session_type, make_tutor, make_user, tomorrow
from tests.race import race
from tests.requests_made import STATES, ask

Status = Booking.Status


@pytest.fixture(autouse=True)
def _ada_approves_first(ada: Tutor) -> None:
    ada.approves_first = True
    ada.save()


def told(fact: Notice.Fact) -> set[str]:
    return set(Notice.objects.filter(fact=fact).values_list("to__email", flat=True))


def test_request_keeps_the_time_for_a_day_in_an_order_of_its_own(maths: SessionType, sam: User):
    starts_at = tomorrow(days=3)
    with time_machine.travel(timezone.now(), tick=False):
        booking = ask(maths, sam, starts_at=starts_at, message="  Fractions, please.  ")
        assert booking.held_until == booking.order.expires_at == timezone.now() + timedelta(hours=24)
    order = booking.order
    assert (booking.status, booking.time, booking.message) == (Status.REQUESTED, an_hour(starts_at), "Fractions, please.")
    assert (order.status, order.money, order.placed_at, order.waits_for_answer) == (
        Order.Status.AWAITING_PAYMENT,
        maths.money,
        None,
        True,
    )
    assert booking.waits_for_tutor
    assert told(Notice.Fact.REQUESTED) == {"ada@example.com"}
    assert [change.became for change in Change.objects.filter(booking=booking)] == [Status.REQUESTED]


def test_request_waits_at_most_until_its_session_begins(maths: SessionType, sam: User):
    starts_at = tomorrow()
    with time_machine.travel(starts_at - timedelta(hours=3), tick=False):
        assert ask(maths, sam, starts_at=starts_at).held_until == starts_at


def test_parent_asks_for_a_child_who_is_told(maths: SessionType, sam: User, kim: User, leave_to_book):
    leave_to_book(kim, sam)
    booking = ask(maths, sam, payer=kim)
    assert (booking.order.payer, booking.student) == (kim, sam)
    assert told(Notice.Fact.REQUESTED) == {"ada@example.com", "sam@example.com"}


def test_first_session_is_free_and_a_code_is_taken_off(ada: Tutor, maths: SessionType, sam: User):
    code = PromoCode.objects.create(code="HALF", kind="percent", percent=50)
    half = ask(maths, sam, code=code)
    assert (half.order.total, half.discount, half.order.promo_code) == (75_000, 75_000, code)
    trial = make_session_type(make_tutor(approves_first=True), first_one_free=True)
    free = ask(trial, sam, starts_at=tomorrow(15))
    assert (free.order.total, free.discount, free.status) == (0, 150_000, Status.REQUESTED)


def test_code_that_takes_nothing_off_leaves_no_request(maths: SessionType, sam: User):
    code = PromoCode.objects.create(code="OLD", kind="free", valid_until=timezone.now())
    with pytest.raises(PromoCodeRefused):
        ask(maths, sam, code=code)
    assert not Booking.objects.exists()


def test_asked_twice_is_one_request(maths: SessionType, sam: User):
    assert ask(maths, sam) == ask(maths, sam)
    assert (Booking.objects.count(), Notice.objects.count()) == (1, 1)


@pytest.mark.defect("IT-34")
def test_requested_time_is_closed_to_everybody_else(maths: SessionType, sam: User, kim: User):
    ask(maths, sam)
    with pytest.raises(SlotTaken):
        ask(maths, kim)
    Tutor.objects.update(approves_first=False)
    maths.refresh_from_db()
    with pytest.raises(SlotTaken):
        place_hold(maths, starts_at=tomorrow(12, 30), student=kim)


@pytest.mark.defect("IT-34")
def test_buffers_of_a_request_are_kept_too(maths: SessionType, sam: User, kim: User):
    Tutor.objects.update(buffer_after_minutes=30)
    maths.refresh_from_db()
    ask(maths, sam)
    with pytest.raises(SlotTaken):
        ask(maths, kim, starts_at=tomorrow(13))
    assert ask(maths, kim, starts_at=tomorrow(13, 30)).status == Status.REQUESTED


def test_student_cannot_ask_two_tutors_for_one_hour(maths: SessionType, sam: User):
    ask(maths, sam)
    with pytest.raises(StudentBusy):
        ask(make_session_type(make_tutor(approves_first=True)), sam)


def test_tutor_who_approves_first_cannot_be_held_or_ordered_at_once(maths: SessionType, sam: User):
    with pytest.raises(ApprovalNeeded):
        place_hold(maths, starts_at=tomorrow(), student=sam)
    with pytest.raises(ApprovalNeeded):
        order_at_once([Wanted(maths, tomorrow())], student=sam)
    assert (Booking.objects.count(), Order.objects.exclude(status=Order.Status.CART).count()) == (0, 0)


def test_tutor_who_takes_bookings_as_they_come_is_not_asked(maths: SessionType, sam: User):
    Tutor.objects.update(approves_first=False)
    maths.refresh_from_db()
    with pytest.raises(ApprovalNotNeeded):
        ask(maths, sam)


def test_time_off_the_grid_and_own_time_cannot_be_asked_for(ada: Tutor, maths: SessionType, sam: User):
    with pytest.raises(SlotNotOffered):
        ask(maths, sam, starts_at=tomorrow(12, 7))
    with pytest.raises(OwnSession):
        ask(maths, ada.user)
    assert not Order.objects.exclude(status=Order.Status.CART).exists()


@pytest.mark.parametrize("message", ["x" * 501, "a\0b"])
def test_message_that_cannot_be_kept_is_refused(maths: SessionType, sam: User, message: str):
    with pytest.raises(InvalidInput):
        ask(maths, sam, message=message)
    assert not Booking.objects.exists()


def test_ten_requests_and_holds_are_enough(maths: SessionType, sam: User):
    other = make_session_type(make_tutor())
    for hour in range(5):
        place_hold(other, starts_at=tomorrow(hour), student=sam)
        ask(maths, sam, starts_at=tomorrow(hour + 8))
    with pytest.raises(TooManyHolds):
        ask(maths, sam, starts_at=tomorrow(18))
    with pytest.raises(TooManyHolds):
        place_hold(other, starts_at=tomorrow(18), student=sam)


@pytest.mark.django_db(transaction=True)
def test_twelve_requests_at_once_end_at_ten(sam: User):
    types = [make_session_type(make_tutor(approves_first=True)) for _ in range(12)]
    outcomes = race(lambda n: request_booking(types[n], starts_at=tomorrow(n), student=sam), threads=12)
    assert [type(one.error) for one in outcomes if one.error] == [TooManyHolds] * 2


@pytest.mark.django_db(transaction=True)
def test_slot_asked_for_by_twenty_at_once_goes_to_one(maths: SessionType):
    students = [make_user() for _ in range(20)]
    outcomes = race(lambda n: request_booking(maths, starts_at=tomorrow(), student=students[n]), threads=20)
    assert [type(one.error) for one in outcomes if one.error] == [SlotTaken] * 19
    assert Order.objects.exclude(status=Order.Status.CART).count() == 1


@pytest.mark.django_db(transaction=True)
def test_request_against_hold_for_one_student_gives_one(maths: SessionType, sam: User):
    other = make_session_type(make_tutor())

    def take(number: int) -> Booking:
        verb, what = ((request_booking, maths), (place_hold, other))[number % 2]
        return verb(what, starts_at=tomorrow(12, 0), student=sam)

    outcomes = race(take, threads=2)
    assert len([one for one in outcomes if one.value]) == 1
    assert [type(one.error) for one in outcomes if one.error] == [StudentBusy]


@pytest.mark.defect("CE-29", "IT-04", "TB-25")
def test_request_nobody_answers_expires_and_both_sides_are_told(maths: SessionType, sam: User):
    booking = ask(maths, sam)
    later = tomorrow() + timedelta(seconds=1)
    with time_machine.travel(later, tick=False):
        assert expire_unpaid(now=later) == 1
        assert expire_unpaid(now=later) == 0
    booking.refresh_from_db()
    booking.order.refresh_from_db()
    assert (booking.status, booking.order.status, booking.sequence) == (Status.EXPIRED, Order.Status.EXPIRED, 1)
    assert told(Notice.Fact.UNANSWERED) == {"ada@example.com", "sam@example.com"}
    assert [(change.was, change.became) for change in booking.changes.order_by("pk")] == [
        ("", Status.REQUESTED),
        (Status.REQUESTED, Status.EXPIRED),
    ]


def test_request_swept_by_the_next_one_is_told_of_once(maths: SessionType, sam: User, kim: User):
    with time_machine.travel(timezone.now() - timedelta(hours=30), tick=False):
        booking = ask(maths, sam, starts_at=tomorrow(days=3))
    newer = ask(maths, kim, starts_at=booking.starts_at)  # before any job has run
    expire_unpaid(now=timezone.now())
    booking.refresh_from_db()
    assert (booking.status, newer.status) == (Status.EXPIRED, Status.REQUESTED)
    assert told(Notice.Fact.UNANSWERED) == {"ada@example.com", "sam@example.com"}


@pytest.mark.parametrize("state", ["asked", "proposed", "unanswered", "declined", "withdrawn"])
def test_money_never_makes_a_session_of_what_nobody_agreed_to(maths: SessionType, sam: User, state: str):
    booking = STATES[state](maths, sam)
    with pytest.raises(OrderNotPayable):
        mark_order_paid(booking.order)
    assert Booking.objects.get().status == booking.status


WITHDRAWN = {"asked", "proposed", "accepted", "agreed"}


@pytest.mark.parametrize("state", STATES)
def test_request_is_withdrawn_while_it_stands_unpaid(maths: SessionType, sam: User, state: str):
    booking = STATES[state](maths, sam)
    if state in WITHDRAWN:
        withdraw_request(booking, who=sam, why="Found another time.")
        assert withdraw_request(booking, who=sam).cancel_reason == "Found another time."
        booking = Booking.objects.select_related("order").get()
        assert (booking.status, booking.order.status, booking.cancelled_by) == (Status.CANCELLED, "cancelled", sam)
        assert told(Notice.Fact.CANCELLED) == {"ada@example.com"}
    elif state in ("withdrawn", "refused"):
        assert withdraw_request(booking, who=sam).cancelled_at == booking.cancelled_at
    else:
        with pytest.raises(RequestAnswered):
            withdraw_request(booking, who=sam)
        assert Booking.objects.get().status == booking.status


def test_asking_takes_a_fixed_number_of_queries(maths: SessionType, sam: User):
    def queries(hour: int) -> int:
        with CaptureQueriesContext(connection) as captured:
            ask(maths, sam, starts_at=tomorrow(hour))
        return len(captured)

    queries(1)
    few = queries(2)
    for hour in range(50):
        make_booking(make_user(), maths.tutor, during=an_hour(tomorrow(0, days=5) + timedelta(hours=hour)))
    assert queries(3) == few
