"""How long people waited for an address: from the payment to the first one, from the wish to each later one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.utils import timezone

from bookings.models import Booking, Order
from bookings.rescheduling import move_booking
from meetings.by_hand import give_address
from meetings.models import Meeting
from meetings.planning import move_meeting, plan_meeting
from meetings.provisioning import provision_meeting
from meetings.reconciliation import reconcile
from meetings.relocation import switch_provider
from meetings.watching import meetings_by_day
from payments.settlement import record_payment_succeeded
from tests.factories import make_booking, make_link, make_payment, make_tutor, make_user, tomorrow
from tests.meetings.acme import ACME, Acme
from tests.meetings.making import lesson, paid_booking
from tests.payments.test_settlement import report_of

pytestmark = pytest.mark.django_db
AN_HOUR, A_DAY = timedelta(hours=1), timedelta(days=1)
SOON = timezone.now() + AN_HOUR


def waited() -> dict[str, float | None]:
    return {day.provider: day.seconds for day in meetings_by_day(timezone.now(), zone=ZoneInfo("UTC"))}


def ready_at(provider: str) -> Meeting:
    """A meeting that is ready the moment it is planned, an hour after its payment."""
    booking = paid_booking(lesson(3 * 24 * 60), tutor=make_tutor(meeting_provider=provider))
    Order.objects.filter(pk=booking.order_id).update(charged_at=timezone.now() - AN_HOUR)
    meeting = plan_meeting(booking)
    assert meeting is not None
    return provision_meeting(meeting)


def test_news_of_a_payment_that_comes_late_hides_no_waiting():
    make_link()
    booking = make_booking(make_user(), make_tutor())
    payment = make_payment(booking.order)
    with time_machine.travel(SOON, tick=False):
        record_payment_succeeded(payment, report_of(payment, paid_at=SOON - timedelta(minutes=40)))
        meeting = plan_meeting(booking)
        assert meeting is not None
        provision_meeting(meeting)
        assert waited() == {"pool": 40 * 60}
    order = Order.objects.get()
    assert (order.paid_at, order.charged_at) == (SOON, SOON - timedelta(minutes=40))


def test_session_that_nobody_paid_for_counts_from_when_it_was_given():
    make_link()
    booking = paid_booking()
    Order.objects.update(paid_at=SOON - timedelta(minutes=5))  # its news was lost, the round of every minute found it
    with time_machine.travel(SOON, tick=False):
        meeting = plan_meeting(booking)
        assert meeting is not None
        provision_meeting(meeting)
        assert waited() == {"pool": 5 * 60}


def test_address_that_a_person_gives_counts_from_the_payment_as_well():
    booking = paid_booking(tutor=make_tutor(meeting_provider="manual"))
    Order.objects.update(charged_at=SOON - timedelta(hours=1))
    with time_machine.travel(SOON, tick=False):
        plan_meeting(booking)
    with time_machine.travel(SOON + AN_HOUR, tick=False):
        give_address(booking, "https://zoom.us/j/1", who=booking.tutor.user)
        assert waited() == {"manual": 2 * 60 * 60}


def move(meeting: Meeting) -> None:
    booking = Booking.objects.get(pk=meeting.booking_id)
    move_meeting(move_booking(booking, starts_at=tomorrow(15, days=4), who=booking.student))
    provision_meeting(meeting)


def switch_to_vendor(meeting: Meeting) -> None:
    switch_provider(meeting, "acme")


def switch_to_pool(meeting: Meeting) -> None:
    switch_provider(meeting, "pool")


def lose_the_room(meeting: Meeting) -> None:
    ACME.rooms.clear()
    reconcile(timezone.now())
    provision_meeting(meeting)


def give_by_hand(meeting: Meeting) -> None:
    give_address(meeting.booking, "https://zoom.us/j/1", who=meeting.booking.tutor.user)


@pytest.mark.parametrize(
    ("first", "again", "then"),
    [
        ("acme", move, "acme"),
        ("pool", switch_to_vendor, "acme"),
        ("acme", switch_to_pool, "pool"),
        ("acme", lose_the_room, "acme"),
        ("acme", give_by_hand, "manual"),
    ],
)
def test_later_address_counts_from_its_own_wish(acme: Acme, first: str, again: Callable[[Meeting], None], then: str):
    make_link()
    with time_machine.travel(SOON, tick=False):
        meeting = ready_at(first)
        assert waited() == {first: 60 * 60}
    with time_machine.travel(SOON + A_DAY, tick=False):
        again(meeting)
        assert waited() == {then: 0}
