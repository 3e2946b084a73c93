"""Every list takes as many queries for 50 rows as for one: pages of people, and each list of the admin."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.utils import timezone

from bookings.models import Booking, Change, Notice, Tutor, User
from bookings.models.promo_codes import PromoCode
from meetings.pool import assign_link
from payments.models import Earning, Payment, Payout, Refund, WebhookEvent
from tests.desk import address
from tests.factories import (
    an_hour,
    make_booking,
    make_code,
    make_link,
    make_meeting,
    make_payment,
    make_session_type,
    make_tutor,
    make_user,
)
from tests.pages import queries_of

pytestmark = pytest.mark.django_db

STATUSES = [Booking.Status.PAID, Booking.Status.COMPLETED, Booking.Status.CANCELLED, Booking.Status.HELD]
OF_STUDENT = ["/", "/bookings/", "/bookings/?show=past", "/home/", "/notices/", "/family/", "/cart/", "/payments/"]
OF_TUTOR = ["/bookings/", "/home/", "/notices/", "/teaching/hours/", "/teaching/sessions/", "/teaching/links/"]
OF_TUTOR += ["/teaching/earnings/", "/teaching/statements/"]


def rows(student: User, tutor: Tutor) -> Iterator[None]:
    """Add one more of everything at each step: a booking of the student, one of the tutor, and all that hangs on them."""
    soon = timezone.now().replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    for number in count():
        status = STATUSES[number % len(STATUSES)]
        hours = 2 * number if status != Booking.Status.COMPLETED else -2 * number - 3
        for learner, teacher in ((student, make_tutor()), (make_user(), tutor)):
            _add_booking(learner, teacher, at=soon + timedelta(hours=hours), status=status)
        make_session_type(tutor)
        make_code(f"CODE{number}")
        WebhookEvent.objects.create(gateway="midtrans", dedupe_key=str(number), body=b"{}", next_attempt_at=soon)
        yield


def _add_booking(student: User, tutor: Tutor, *, at: datetime, status: Booking.Status) -> None:
    fields: dict[str, Any] = {"held_until": timezone.now() + timedelta(hours=1)}
    if status == Booking.Status.CANCELLED:
        fields |= {"cancelled_at": timezone.now(), "cancelled_by": student}
    booking = make_booking(
        student, tutor, session_type=make_session_type(tutor), during=an_hour(at), status=status, **fields
    )
    payment = make_payment(booking.order, status=Payment.Status.SUCCEEDED, succeeded_at=timezone.now())
    Refund.objects.create(payment=payment, amount=1_000, reason=Refund.Reason.LATE, status=Refund.Status.MANUAL)
    Change.objects.create(booking=booking, order=booking.order, what="placed", who=student)
    payout = Payout.objects.create(tutor=tutor, currency="IDR", amount=1, until=at)
    facts: dict[str, Any] = {"gross": 1, "fee": 0, "net": 1, "fee_percent": 0, "due_at": at, "currency": "IDR"}
    Earning.objects.create(booking=booking, tutor=tutor, payout=payout, **facts)
    for person in (student, tutor.user):
        Notice.objects.create(to=person, fact=Notice.Fact.PAID, key=f"{booking.reference}", booking=booking)
    if status == Booking.Status.PAID:
        make_link()
        assign_link(make_meeting(booking))


def test_every_list_takes_as_many_queries_for_fifty_rows_as_for_a_few(ada: Tutor, sam: User, root: User):
    pages = [(sam, path) for path in OF_STUDENT] + [(ada.user, path) for path in OF_TUTOR]
    pages += [(root, f"{address(Booking)}calendar/"), *((root, address(model)) for model in admin.site._registry)]
    clients = {}
    for person in (sam, ada.user, root):
        clients[person] = Client()
        clients[person].force_login(person)
    more = rows(sam, ada)

    def counted(steps: int) -> dict[tuple[str, str], int]:
        for _step in range(steps):
            next(more)
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")  # planned for the empty tables that it last looked at, a join can take minutes
        for person, path in pages:
            queries_of(clients[person], path)  # whatever is read once for many pages
        return {(person.email, path): queries_of(clients[person], path) for person, path in pages}

    few = counted(len(STATUSES))
    many = counted(50 - len(STATUSES))

    assert {page: (few[page], many[page]) for page in few if many[page] != few[page]} == {}
    assert PromoCode.objects.count() == 50
