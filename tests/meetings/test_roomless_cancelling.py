"""Who cannot get in is not let give the session, and the money, up: the staff hear of it at its end."""

from __future__ import annotations

import pytest

from bookings.cancellation import cancel_booking, preview_cancellation
from bookings.errors import NotCancellable
from bookings.models import Booking, Tutor, User
from bookings.money import Money
from bookings.times import During
from meetings.errors import NoRoomYet
from tests.factories import make_booking, make_held
from tests.meetings.no_room import END, START, at, end, fresh, make_roomless

pytestmark = pytest.mark.django_db


@pytest.fixture
def booking(ada: Tutor, sam: User) -> Booking:
    return make_roomless(sam, ada)


def test_running_session_without_a_room_is_not_cancelled_by_its_student_or_payer(booking: Booking, sam: User):
    for person in (sam, booking.order.payer):
        with at(20):
            assert preview_cancellation(fresh(booking), person).refusal == str(NoRoomYet.message)
            with pytest.raises(NotCancellable):
                cancel_booking(fresh(booking), who=person, seen=Money(0, "IDR"))
    assert end(booking).is_of_room


def test_tutor_may_call_it_off_and_all_goes_back(booking: Booking, ada: Tutor):
    with at(20):
        cancelled = cancel_booking(fresh(booking), who=ada.user, seen=booking.net, why="No room came.")
    assert cancelled.refund == booking.net.amount


def test_student_cancels_before_the_start_and_where_there_is_a_room(booking: Booking, ada: Tutor, sam: User):
    with at(-20):
        assert preview_cancellation(fresh(booking), sam).may_be
    Booking.objects.all().update(status="cancelled")
    with_room = make_booking(sam, ada, during=During(START, END), status="paid")
    make_held(with_room)
    with at(20):
        assert preview_cancellation(fresh(with_room), sam).may_be
