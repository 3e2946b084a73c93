"""A tutor chooses otherwise while sessions are being moved: what the list says is what happened, and students hear of it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone

from bookings.models import Booking, Tutor, User
from meetings import switching
from meetings.by_hand import give_address
from meetings.errors import ProviderCannot
from meetings.models import Meeting, ProviderCall, ProviderSwitch, SessionSwitch
from meetings.switch_plans import BY_HAND
from meetings.switching import carry_on, choose_provider, start_switch
from tests.conftest import Drain
from tests.factories import an_hour, make_booking, make_link, make_meeting, tomorrow
from tests.meetings.acme import Acme
from tests.race import race

pytestmark = pytest.mark.django_db
Outcome = SessionSwitch.Outcome


def hold(student: User, tutor: Tutor, hour: int) -> Meeting:
    """A paid session in a pool link of its own."""
    booking = make_booking(student, tutor, status=Booking.Status.PAID, during=an_hour(tomorrow(hour)))
    return make_meeting(booking, status="ready", link=make_link(), reserved=booking.during, next_attempt_at=None)


def line_of(switch: ProviderSwitch) -> tuple[str, str]:
    session = switch.sessions.get()
    return session.outcome, session.why


@pytest.mark.parametrize(
    ("choose", "why"),
    [
        (lambda tutor: choose_provider(tutor, "acme"), switching.LEFT),
        (lambda tutor: start_switch(tutor, "pool", asked_by=None), switching.SUPERSEDED),
    ],
    ids=["leave them", "move them elsewhere"],
)
def test_choice_made_while_the_vendor_is_asked_is_in_time(
    ada: Tutor, sam: User, acme: Acme, drain: Drain, choose: Callable[[Tutor], object], why: Callable[[], str]
):
    meeting = hold(sam, ada, 9)
    switch = start_switch(ada, "acme", asked_by=None)

    acme.plan = [lambda: choose(ada)]
    carry_on(switch, seconds=10)
    drain()

    meeting.refresh_from_db()
    assert (line_of(switch), meeting.provider, meeting.is_ready) == ((Outcome.STAYED, why()), "pool", True)
    assert (acme.calls, acme.open_rooms(), mail.outbox) == (["create", "cancel"], [], [])


def test_choice_made_while_the_pool_is_looked_through_is_in_time(ada: Tutor, sam: User, acme: Acme):
    """The other way: out of a vendor's room, into a link."""
    ada.meeting_provider = "acme"
    ada.save()
    meeting = hold(sam, ada, 9)
    carry_on(start_switch(ada, "acme", asked_by=None), seconds=10)
    switch = start_switch(ada, "pool", asked_by=None)
    claimed = switching._claim(switch)
    assert claimed is not None

    choose_provider(ada, "acme")
    switching._move(claimed, switch)

    meeting.refresh_from_db()
    assert (line_of(switch), meeting.provider) == ((Outcome.STAYED, switching.LEFT()), "acme")


def test_address_that_a_person_gave_while_the_move_waited_stays(ada: Tutor, sam: User, acme: Acme):
    meeting = hold(sam, ada, 9)
    switch = start_switch(ada, "acme", asked_by=None)
    acme.plan = [ProviderCannot(after=timedelta(hours=2))]  # such as a full day
    assert not carry_on(switch, seconds=10)

    give_address(meeting.booking, "https://whereby.com/ada", who=ada.user)
    SessionSwitch.objects.update(next_attempt_at=timezone.now())
    ProviderCall.objects.all().delete()
    assert carry_on(switch, seconds=10)

    meeting.refresh_from_db()
    assert (line_of(switch), meeting.address_for(is_tutor=False)) == (
        (Outcome.STAYED, BY_HAND()),
        "https://whereby.com/ada",
    )
    assert acme.open_rooms() == []


def test_room_that_the_vendor_loses_on_the_way_is_made_anew(ada: Tutor, sam: User, acme: Acme):
    meeting = hold(sam, ada, 9)
    switch = start_switch(ada, "acme", asked_by=None)
    acme.pending = 1
    assert not carry_on(switch, seconds=10)
    acme.rooms["room-1"].is_open = False  # somebody deletes the strange event in their calendar
    for _again in range(2):
        SessionSwitch.objects.update(next_attempt_at=timezone.now())
        carry_on(switch, seconds=10)
        acme.pending = 0

    meeting.refresh_from_db()
    assert (line_of(switch), meeting.provider, meeting.external_id) == ((Outcome.MOVED, ""), "acme", "room-2")


@pytest.mark.django_db(transaction=True)
def test_whatever_comes_first_the_list_is_true_and_the_moved_are_told(ada: Tutor, sam: User, acme: Acme, drain: Drain):
    """Three move eight sessions; as the third room is made, their tutor chooses to leave them."""
    for hour in range(8, 16):
        hold(sam, ada, hour)
    switch = start_switch(ada, "acme", asked_by=ada.user)
    third = threading.Event()
    acme.plan = [lambda: None, lambda: None, third.set]

    def work(number: int) -> None:
        if number:
            carry_on(switch, seconds=20)
            return
        assert third.wait(timeout=20)
        choose_provider(ada, "acme")

    outcomes = race(work, threads=4)
    drain()

    assert [one.error for one in outcomes] == [None] * 4
    moved = set(switch.sessions.filter(outcome=Outcome.MOVED).values_list("meeting", flat=True))
    assert moved == set(Meeting.objects.filter(provider="acme").values_list("pk", flat=True))
    assert switch.sessions.filter(outcome=Outcome.STAYED).count() == 8 - len(moved)
    assert len(acme.open_rooms()) == len(moved)
    told = [one for one in Booking.objects.all() for letter in mail.outbox if one.reference in letter.body]
    assert sorted(one.meeting.pk for one in told) == sorted(moved)
