"""Requests in every state, made with the verbs of the site as people would."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import time_machine
from django.utils import timezone

from bookings.acceptance import accept_booking, accept_proposal, decline_booking, decline_proposal, propose_time
from bookings.asking import request_booking, withdraw_request
from bookings.models import Booking, SessionType, User
from bookings.orders import expire_unpaid, mark_order_paid
from tests.factories import tomorrow

OTHER_TIME = 15  # the hour of tomorrow that tutors propose; noon is asked for


def ask(session_type: SessionType, student: User, **fields: Any) -> Booking:
    """The student asks for tomorrow noon (UTC)."""
    said: dict[str, Any] = {"starts_at": tomorrow(), "student": student} | fields
    return request_booking(session_type, **said)


def proposed(session_type: SessionType, student: User) -> Booking:
    tutor = session_type.tutor.user
    return propose_time(ask(session_type, student), starts_at=tomorrow(OTHER_TIME), who=tutor, message="Rather later?")


def accepted(session_type: SessionType, student: User) -> Booking:
    return accept_booking(ask(session_type, student), who=session_type.tutor.user)


def agreed(session_type: SessionType, student: User) -> Booking:
    return accept_proposal(proposed(session_type, student), who=student)


def paid(session_type: SessionType, student: User) -> Booking:
    booking = accepted(session_type, student)
    mark_order_paid(booking.order)
    return Booking.objects.get(pk=booking.pk)


def declined(session_type: SessionType, student: User) -> Booking:
    return decline_booking(ask(session_type, student), who=session_type.tutor.user, why="I am travelling.")


def refused(session_type: SessionType, student: User) -> Booking:
    return decline_proposal(proposed(session_type, student), who=student)


def withdrawn(session_type: SessionType, student: User) -> Booking:
    return withdraw_request(ask(session_type, student), who=student)


def unanswered(session_type: SessionType, student: User) -> Booking:
    with time_machine.travel(timezone.now() - timedelta(hours=12), tick=False):
        booking = ask(session_type, student, starts_at=tomorrow(days=3))
    Booking.objects.filter(pk=booking.pk).update(held_until=timezone.now())
    booking.order.expires_at = timezone.now()
    booking.order.save()
    expire_unpaid(now=timezone.now())
    return Booking.objects.get(pk=booking.pk)


def unpaid(session_type: SessionType, student: User) -> Booking:
    booking = accepted(session_type, student)
    Booking.objects.filter(pk=booking.pk).update(held_until=timezone.now())
    booking.order.expires_at = timezone.now()
    booking.order.save()
    expire_unpaid(now=timezone.now())
    return Booking.objects.get(pk=booking.pk)


STATES: dict[str, Callable[[SessionType, User], Booking]] = {
    "asked": ask,
    "proposed": proposed,
    "accepted": accepted,
    "agreed": agreed,
    "paid": paid,
    "declined": declined,
    "refused": refused,
    "withdrawn": withdrawn,
    "unanswered": unanswered,
    "unpaid": unpaid,
}
