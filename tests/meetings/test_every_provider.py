"""What a paid session needs of a provider, whichever it is: one contract for all six, from the payment to the closed room.

The providers' own contract (providers/contract.py) is about rooms; this one about sessions, and so about the pool and
addresses by hand as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.conf import settings as site
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from bookings.cancellation import cancel_booking
from bookings.models import Booking, Notice, Tutor, User
from bookings.orders import mark_order_paid
from bookings.rescheduling import move_booking
from meetings.by_hand import give_address
from meetings.errors import AddressWanted
from meetings.models import Meeting, ProviderCall, VendorRoom
from meetings.planning import plan_meeting
from meetings.provisioning import provision_meeting
from meetings.upkeep import make_round
from tests.conftest import Drain
from tests.factories import an_hour, make_booking, tomorrow
from tests.meetings.every_way import OWN, WAYS, Way
from tests.race import race

START, LATER = tomorrow(12, days=3), tomorrow(15, days=4)
Committed = Callable[..., AbstractContextManager[Any]]


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, settings: Any, ada: Tutor) -> Iterator[Way]:
    """Ada teaches this way, and no other."""
    ada.meeting_provider, ada.fallback_providers = request.param, []
    ada.save()
    with WAYS[request.param](ada, settings) as made:
        yield made


class Site:
    """The site at work: what it does when news comes, what its worker does then, and what the two people do."""

    def __init__(self, way: Way, student: User, committed: Committed, drain: Drain) -> None:
        self.way, self.student, self._committed, self._drain = way, student, committed, drain

    def tell(self, verb: Callable[..., Any], *arguments: Any, **options: Any) -> None:
        with self._committed(execute=True):
            verb(*arguments, **options)
        assert {outcome for _task, outcome in self._drain()} <= {"succeeded"}

    def pay(self) -> Booking:
        booking = make_booking(self.student, self.way.tutor, during=an_hour(START))
        self.tell(mark_order_paid, booking.order)
        self.way.help(booking)
        return Booking.objects.get(pk=booking.pk)

    def doors(self, booking: Booking, *, at: datetime) -> list[str]:
        """Where the tutor and the student are led who come then; empty for who is not let in.

        Without what 100ms is told of who comes (tests/meetings/test_entering.py).
        """
        return [self._come(person, booking, at) for person in (self.way.tutor.user, self.student)]

    def _come(self, person: User, booking: Booking, at: datetime) -> str:
        client = Client()
        client.force_login(person)
        with time_machine.travel(at, tick=False):
            answer = client.get(reverse("meetings:join", args=[booking.reference]))
        return answer.headers["Location"].partition("?userId=")[0] if answer.status_code == 302 else ""


@pytest.fixture
def at_work(way: Way, sam: User, django_capture_on_commit_callbacks: Committed, drain: Drain) -> Site:
    return Site(way, sam, django_capture_on_commit_callbacks, drain)


def meeting_of(booking: Booking) -> Meeting:
    return Meeting.objects.select_related("link").get(booking=booking)


def addresses(booking: Booking) -> list[str]:
    return [meeting_of(booking).address_for(is_tutor=is_tutor) for is_tutor in (True, False)]


def facts(booking: Booking) -> tuple[Any, ...]:
    meeting = meeting_of(booking)
    return meeting.status, meeting.provider, meeting.generation, meeting.ready_at, *addresses(booking)


@pytest.mark.django_db
def test_paid_session_is_ready_with_an_address_for_each_side(way: Way, at_work: Site):
    booking = at_work.pay()
    assert facts(booking)[:2] == (Meeting.Status.READY, way.name)
    tutors, students = at_work.doors(booking, at=START)
    assert [tutors, students] == addresses(booking)
    assert "" not in (tutors, students)
    assert (tutors != students) is way.has_two_addresses
    assert way.held() == way.one_room(START)


@pytest.mark.django_db
def test_session_asked_for_twice_is_as_before(way: Way, at_work: Site):
    booking = at_work.pay()
    before, calls = facts(booking), ProviderCall.objects.count()
    at_work.tell(mark_order_paid, booking.order)
    at_work.tell(plan_meeting, booking)
    at_work.tell(make_round, timezone.now())
    provision_meeting(meeting_of(booking))
    way.help(booking)
    assert (facts(booking), ProviderCall.objects.count()) == (before, calls)
    assert way.held() == way.one_room(START)


@pytest.mark.django_db
def test_moved_session_is_ready_at_its_new_time_in_one_room(way: Way, at_work: Site):
    booking = at_work.pay()
    at_work.tell(move_booking, booking, starts_at=LATER, who=at_work.student)
    way.help(booking)
    booking.refresh_from_db()
    assert (meeting_of(booking).status, meeting_of(booking).time.start) == (Meeting.Status.READY, LATER)
    assert at_work.doors(booking, at=START) == ["", ""]
    assert at_work.doors(booking, at=LATER) == addresses(booking)
    assert way.held() == way.one_room(LATER)
    assert VendorRoom.objects.standing().count() <= 1


@pytest.mark.django_db
def test_cancelled_session_leaves_nothing_behind_and_opens_no_door(way: Way, at_work: Site):
    booking = at_work.pay()
    at_work.tell(cancel_booking, booking, who=at_work.student, seen=booking.net)
    assert meeting_of(booking).status == Meeting.Status.CANCELLED
    assert at_work.doors(booking, at=START) == ["", ""]
    assert (list(way.held()), VendorRoom.objects.standing().exists()) == ([], False)


@pytest.mark.django_db
def test_address_is_told_to_nobody_before_the_door_opens(way: Way, at_work: Site):
    booking = at_work.pay()
    opens_at = START - timedelta(minutes=site.JOIN_OPENS_MINUTES)
    assert at_work.doors(booking, at=opens_at - timedelta(seconds=1)) == ["", ""]
    client = Client()
    client.force_login(at_work.student)
    for page in ("bookings:booking_detail", "meetings:booking_status", "meetings:join"):
        shown = client.get(reverse(page, args=[booking.reference]), follow=True)
        assert shown.status_code == 200
        assert not [address for address in addresses(booking) if address in shown.text]
    assert meeting_of(booking).seen_at is None
    assert at_work.doors(booking, at=opens_at) == addresses(booking)


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_one_session_make_one_room(way: Way, sam: User):
    booking = make_booking(sam, way.tutor, during=an_hour(START), status=Booking.Status.PAID)
    planned = plan_meeting(booking)
    assert planned is not None
    if way.vendor is not None:
        way.vendor.take_time(0.1)  # long enough for the other to come while it is asked

    outcomes = race(lambda _number: provision_meeting(Meeting.objects.get(pk=planned.pk)), threads=2)

    if way.name == "manual":
        assert [type(outcome.error) for outcome in outcomes] == [AddressWanted, AddressWanted]
        assert Notice.objects.filter(fact=Notice.Fact.ADDRESS_WANTED).count() == 1
        race(lambda _number: give_address(booking, OWN, who=way.tutor.user), threads=2)
        assert booking.changes.filter(what="meeting link").count() == 1
    assert facts(booking)[:2] == (Meeting.Status.READY, way.name)
    assert all(addresses(booking))
    assert way.held() == way.one_room(START)
    assert (VendorRoom.objects.count() <= 1, ProviderCall.objects.count() <= 1) == (True, True)
