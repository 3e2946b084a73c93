"""How the database goes about assigning: its cost must not grow with what has nothing to do with it."""

from __future__ import annotations

import pytest
from django.db import connection

from bookings.models import Tutor, User
from meetings.models import Meeting
from meetings.pool import assign_link
from tests.factories import an_hour, make_booking, make_link, make_meeting, tomorrow

pytestmark = pytest.mark.django_db


def test_assigning_does_not_read_the_other_meetings_that_wait(ada: Tutor, sam: User):
    make_link()
    waiting = [
        make_meeting(make_booking(sam, ada, during=an_hour(tomorrow(days=day)), status="paid")) for day in range(1, 31)
    ]

    for meeting in waiting[:8]:  # the database makes its plan anew five times, then keeps one
        assign_link(meeting)

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_get_xact_numscans('meeting_waiting'::regclass)")
        assert cursor.fetchone() == (0,)
    assert Meeting.objects.waiting().count() == 22
