"""A session that never gets a room, and how it goes by."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import time_machine
from django.test import Client
from django.urls import reverse

from bookings.completion import complete_over
from bookings.models import Booking, Notice, Tutor, User
from bookings.times import During
from meetings.models import NoShowReport
from meetings.upkeep import catch_up
from tests.factories import make_booking, make_meeting, make_order, make_user, tomorrow

START, END = tomorrow(), tomorrow(13)
WORDS = "There was no room to meet in at all."
MINUTE = timedelta(minutes=1)


def make_roomless(student: User, tutor: Tutor) -> Booking:
    """An hour tomorrow at noon, which a parent pays; its meeting waits for a room."""
    order = make_order(make_user("parent@example.com"), status="paid")
    booking = make_booking(student, tutor, during=During(START, END), status=Booking.Status.PAID, order=order)
    make_meeting(booking)
    return booking


def at(minutes: int) -> time_machine.travel:
    """Travel to so many minutes after the start."""
    return time_machine.travel(START + minutes * MINUTE, tick=False)


def end(booking: Booking, *, is_completed: bool = True) -> NoShowReport:
    """Let the session end, its door close, and the round of that minute be made."""
    with at(60):
        catch_up(END)
    with at(75):
        assert not is_completed or complete_over(now=END + 15 * MINUTE) == 1
    booking.refresh_from_db()
    return NoShowReport.objects.get(booking=booking)


def look(person: User, booking: Booking, name: str, minutes: int, post: dict[str, str] | None = None) -> Any:
    client = Client()
    client.force_login(person)
    path = reverse(f"meetings:{name}", args=[booking.reference])
    with at(minutes):
        return client.get(path, {"waiting": ""}) if post is None else client.post(path, post)


def told(fact: str = "absence_reported") -> set[str]:
    return set(Notice.objects.filter(fact=fact).values_list("to__email", flat=True))


def fresh(booking: Booking) -> Booking:
    return Booking.objects.get(pk=booking.pk)
