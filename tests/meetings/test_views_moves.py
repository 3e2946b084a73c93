"""After another place was chosen the page says what became of the sessions that are booked, and no more."""

from __future__ import annotations

import pytest
from django.test import Client

from bookings.models import Booking, Tutor, User
from meetings.models import ProviderSwitch
from meetings.switching import start_switch
from tests.conftest import Drain
from tests.desk import text_of
from tests.factories import an_hour, make_booking, make_link, make_meeting, tomorrow
from tests.meetings.consenting import PAGE, ConsentDouble, connect

STAY = "New sessions are held at Address by hand; those that are booked stay."
MIXED = "New sessions are held at Address by hand; below you see which of those that are booked move there."
MOVE = "Your sessions are held at Address by hand from now on."


def booked(student: User, tutor: Tutor, hour: int) -> Booking:
    return make_booking(student, tutor, status=Booking.Status.PAID, during=an_hour(tomorrow(hour)))


def in_pool(student: User, tutor: Tutor) -> None:
    booking = booked(student, tutor, 9)
    make_meeting(booking, status="ready", link=make_link(), reserved=booking.during, next_attempt_at=None)


@pytest.mark.parametrize(
    ("is_ready", "is_waiting", "told", "title"),
    [
        (True, False, STAY, "Your booked sessions stay where they are"),
        (False, True, MOVE, "Your move to Address by hand is done"),
        (True, True, MIXED, "Your move to Address by hand is done"),
    ],
)
def test_choice_of_addresses_by_hand_tells_what_becomes_of_sessions(
    desk_of_ada: Client, ada: Tutor, sam: User, drain: Drain, is_ready: bool, is_waiting: bool, told: str, title: str
):
    if is_ready:
        in_pool(sam, ada)
    if is_waiting:
        make_meeting(booked(sam, ada, 15))

    desk_of_ada.post("/teaching/meetings/manual/choose/", {"booked": "move"})
    drain()
    page = desk_of_ada.get(PAGE)

    assert [str(message) for message in page.context["messages"]] == [told]
    assert title in text_of(page)


def test_move_that_another_choice_ended_is_not_called_done(
    desk_of_ada: Client, ada: Tutor, sam: User, vendor: ConsentDouble
):
    connect(ada, vendor)
    in_pool(sam, ada)
    start_switch(ada, "zoom", asked_by=ada.user)

    desk_of_ada.post("/teaching/meetings/pool/choose/", {"booked": "stay"})

    page = text_of(desk_of_ada.get(PAGE))
    assert "Your move to Consent rooms was stopped" in page
    assert "Your move to Consent rooms is done" not in page


@pytest.mark.parametrize("is_approved", [True, False])
def test_rest_of_a_move_is_tried_again_by_those_who_may_choose(
    desk_of_ada: Client, ada: Tutor, sam: User, vendor: ConsentDouble, is_approved: bool
):
    in_pool(sam, ada)
    connect(ada, vendor)
    switch = start_switch(ada, "zoom", asked_by=ada.user)
    switch.sessions.update(outcome="failed")
    ProviderSwitch.objects.update(finished_at=switch.asked_at)
    Tutor.objects.update(is_approved=is_approved)

    for page in (PAGE, "/teaching/meetings/progress/"):
        shown = text_of(desk_of_ada.get(page))
        assert ("Try the rest again" in shown) is is_approved
        assert ("To have them tried again, please write to us." in shown) is not is_approved
