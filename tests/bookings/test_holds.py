from datetime import timedelta

import pytest
import time_machine
from django.db import IntegrityError
from django.utils import timezone

from bookings.errors import (
    CurrencyMixed,
    NotFound,
    OwnSession,
    SlotNotOffered,
    SlotTaken,
    StudentBusy,
    TooManyHolds,
)
from bookings.holds import Wanted, place_hold, release_hold
from bookings.models import Booking, Order, SessionType, Tutor, User
from bookings.orders import order_at_once
from bookings.signals import holding_slot
from tests.factories import an_hour, give_leave, make_booking, make_session_type, make_tutor, make_user, tomorrow
from tests.race import Outcome, race

Status = Booking.Status


def test_hold_keeps_a_slot_in_the_cart_for_fifteen_minutes(maths: SessionType, sam: User):
    with time_machine.travel(timezone.now(), tick=False):
        booking = place_hold(maths, starts_at=tomorrow(), student=sam)
        assert booking.held_until == timezone.now() + timedelta(minutes=15)
    assert (booking.status, booking.time, booking.money) == (Status.HELD, an_hour(), maths.money)
    assert (booking.order.status, booking.order.payer) == (Order.Status.CART, sam)


def test_hold_placed_again_is_the_same_hold(maths: SessionType, sam: User):
    first = place_hold(maths, starts_at=tomorrow(), student=sam)
    again = place_hold(maths, starts_at=tomorrow(), student=sam)
    assert again == first
    assert Booking.objects.count() == 1


def test_hold_of_a_held_slot_is_refused(maths: SessionType, sam: User, kim: User):
    place_hold(maths, starts_at=tomorrow(), student=sam)
    with pytest.raises(SlotTaken):
        place_hold(maths, starts_at=tomorrow(12, 30), student=kim)
    assert Booking.objects.get().student == sam


@pytest.mark.defect("CE-17")
@pytest.mark.django_db(transaction=True)
def test_slot_wanted_by_fifty_students_at_once_is_held_once(maths: SessionType):
    students = [make_user() for _ in range(50)]

    outcomes = race(lambda n: place_hold(maths, starts_at=tomorrow(), student=students[n]), threads=50)

    assert [type(one.error) for one in outcomes if one.error] == [SlotTaken] * 49
    held = Booking.objects.get(status=Status.HELD)
    assert [one.value for one in outcomes if one.value] == [held]


@pytest.mark.django_db(transaction=True)
def test_student_who_wants_two_tutors_at_once_gets_one(sam: User):
    types = [make_session_type(make_tutor()) for _ in range(8)]

    outcomes = race(lambda n: place_hold(types[n], starts_at=tomorrow(12, n), student=sam), threads=8)

    assert len([one for one in outcomes if one.value]) == 1
    assert {type(one.error) for one in outcomes if one.error} <= {StudentBusy, SlotNotOffered}


def order_both_at_once(*wishes: list[Wanted], student: User) -> list[Outcome]:
    return race(lambda n: order_at_once(wishes[n], student=student), threads=2)


@pytest.mark.django_db(transaction=True)
def test_crossing_wishes_of_one_student_never_lock_each_other_out(sam: User):
    for day in range(2, 5):
        starts = [tomorrow(hour, days=day) for hour in range(6)]
        forth = [Wanted(make_session_type(make_tutor()), start) for start in starts]
        back = [Wanted(make_session_type(make_tutor()), start) for start in reversed(starts)]
        outcomes = order_both_at_once(forth, back, student=sam)
        assert [type(outcome.error) for outcome in outcomes if outcome.error] == [StudentBusy]


@pytest.mark.defect("CE-17")
def test_database_refuses_two_active_bookings_of_one_tutor(ada: Tutor, sam: User, kim: User):
    make_booking(sam, ada, status=Status.PAID)
    with pytest.raises(IntegrityError, match="booking_tutor_time_taken_once"):
        make_booking(kim, ada, during=an_hour(tomorrow(12, 59)))


@pytest.mark.defect("IT-34")
def test_database_counts_buffers_and_students_too(sam: User, kim: User):
    tutor = make_tutor(buffer_before_minutes=10, buffer_after_minutes=5)
    make_booking(sam, tutor, status=Status.PAID)
    make_booking(kim, tutor, during=an_hour(tomorrow(13, 15)))
    with pytest.raises(IntegrityError, match="booking_student_time_taken_once"):
        make_booking(sam, make_tutor(), during=an_hour(tomorrow(11, 30)))


def test_touching_sessions_do_not_overlap(maths: SessionType, sam: User, kim: User):
    place_hold(maths, starts_at=tomorrow(12), student=sam)
    assert place_hold(maths, starts_at=tomorrow(13), student=kim).status == Status.HELD


def test_expired_hold_blocks_nothing_though_nobody_swept_it(maths: SessionType, sam: User, kim: User):
    start = tomorrow()
    old = place_hold(maths, starts_at=start, student=sam)
    with time_machine.travel(timezone.now() + timedelta(minutes=15, seconds=1)):
        new = place_hold(maths, starts_at=start, student=kim)
    old.refresh_from_db()
    assert (old.status, new.status) == (Status.EXPIRED, Status.HELD)


def test_own_expired_hold_can_be_taken_again(maths: SessionType, sam: User):
    start = tomorrow()
    place_hold(maths, starts_at=start, student=sam)
    with time_machine.travel(timezone.now() + timedelta(hours=1)):
        assert place_hold(maths, starts_at=start, student=sam).is_hold_open


@pytest.mark.parametrize("minute", [1, 29])
def test_start_off_the_grid_is_not_offered(maths: SessionType, sam: User, minute: int):
    with pytest.raises(SlotNotOffered):
        place_hold(maths, starts_at=tomorrow(12, minute), student=sam)


@pytest.mark.defect("IT-24")
def test_start_in_the_past_is_not_offered(maths: SessionType, sam: User):
    with pytest.raises(SlotNotOffered):
        place_hold(maths, starts_at=tomorrow(days=-1), student=sam)


def test_tutor_cannot_book_herself(maths: SessionType, ada: Tutor):
    with pytest.raises(OwnSession):
        place_hold(maths, starts_at=tomorrow(), student=ada.user)


def test_tutor_cannot_pay_for_a_session_of_hers(maths: SessionType, ada: Tutor, sam: User):
    """Whoever teaches it gets all back whenever they cancel, and could sell to themselves with codes."""
    give_leave(payer=ada.user, student=sam)
    with pytest.raises(OwnSession, match="somebody else has to pay"):
        place_hold(maths, starts_at=tomorrow(), student=sam, payer=ada.user)


def test_student_with_a_session_then_is_busy(maths: SessionType, sam: User):
    make_booking(sam, make_tutor(), status=Status.PAID)
    with pytest.raises(StudentBusy):
        place_hold(maths, starts_at=tomorrow(12, 30), student=sam)


def test_cart_holds_ten_slots_at_most(maths: SessionType, sam: User):
    for hour in range(10):
        place_hold(maths, starts_at=tomorrow(hour), student=sam)
    with pytest.raises(TooManyHolds):
        place_hold(maths, starts_at=tomorrow(20), student=sam)


def test_cart_has_one_currency(maths: SessionType, ada: Tutor, sam: User):
    dollars = make_session_type(ada, currency="USD", price=2500)
    place_hold(maths, starts_at=tomorrow(12), student=sam)
    with pytest.raises(CurrencyMixed):
        place_hold(dollars, starts_at=tomorrow(14), student=sam)


def test_cart_takes_another_currency_once_nothing_in_it_is_kept(maths: SessionType, ada: Tutor, sam: User):
    dollars = make_session_type(ada, currency="USD", price=2500)
    place_hold(maths, starts_at=tomorrow(12), student=sam)
    with time_machine.travel(timezone.now() + timedelta(minutes=16)):  # run out, and not swept yet
        assert place_hold(dollars, starts_at=tomorrow(14), student=sam).order.currency == "USD"


def test_cart_emptied_of_rupiah_takes_dollars(maths: SessionType, ada: Tutor, sam: User):
    dollars = make_session_type(ada, currency="USD", price=2500)
    held = place_hold(maths, starts_at=tomorrow(12), student=sam)
    release_hold(held.reference, payer=sam)
    assert place_hold(dollars, starts_at=tomorrow(14), student=sam).order.currency == "USD"


def test_released_hold_frees_the_slot_and_may_be_released_again(maths: SessionType, sam: User, kim: User):
    held = place_hold(maths, starts_at=tomorrow(), student=sam)
    release_hold(held.reference, payer=sam)
    release_hold(held.reference, payer=sam)
    assert place_hold(maths, starts_at=tomorrow(), student=kim).student == kim


def test_hold_of_somebody_else_cannot_be_released(maths: SessionType, sam: User, kim: User):
    held = place_hold(maths, starts_at=tomorrow(), student=sam)
    with pytest.raises(NotFound):
        release_hold(held.reference, payer=kim)
    held.refresh_from_db()
    assert held.status == Status.HELD


def test_receiver_of_the_question_may_refuse_a_hold(maths: SessionType, sam: User):
    def refuse(**_question: object) -> None:
        raise SlotNotOffered

    holding_slot.connect(refuse)
    try:
        with pytest.raises(SlotNotOffered):
            place_hold(maths, starts_at=tomorrow(), student=sam)
    finally:
        holding_slot.disconnect(refuse)
    assert not Booking.objects.exists()
