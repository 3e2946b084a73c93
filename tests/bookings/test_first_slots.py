"""The next free time of many tutors at once."""

from __future__ import annotations

from datetime import UTC, time, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bookings.availability import first_slots, open_slots
from bookings.models import Booking, SessionType, User
from bookings.times import During
from tests.factories import an_hour, make_booking, make_session_type, make_tutor, tomorrow

pytestmark = pytest.mark.django_db


def nine_to_five(zone: str) -> SessionType:
    hours = [(day, time(9), time(17)) for day in range(7)]
    return make_session_type(make_tutor(hours=hours, time_zone=zone))


def test_first_slots_are_the_first_of_each_tutors_own_list(sam: User, kim: User):
    jakarta, berlin, closed = nine_to_five("Asia/Jakarta"), nine_to_five("Europe/Berlin"), nine_to_five("UTC")
    around_the_clock = make_session_type(make_tutor(buffer_before_minutes=30), minutes=90)
    closed.tutor.weekly_hours.all().delete()
    berlin.tutor.date_overrides.create(date=timezone.now().date() + timedelta(days=1), starts=time(12), ends=time(14))
    jakarta.tutor.date_overrides.create(date=timezone.now().date() + timedelta(days=1))
    make_booking(kim, around_the_clock.tutor, during=soon(), status=Booking.Status.PAID, session_type=around_the_clock)
    offers = [jakarta, berlin, closed, around_the_clock]

    fortnight = During(timezone.now(), timezone.now() + timedelta(days=14))
    expected = {one.pk: open_slots(one, within=fortnight)[0] for one in offers if one != closed}

    assert first_slots(offers) == expected


def soon() -> During:
    hour = timezone.now().astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return an_hour(hour + timedelta(hours=1))


def test_first_slots_look_a_fortnight_ahead_and_no_further():
    late, too_late = nine_to_five("UTC"), nine_to_five("UTC")
    for offer, days in ((late, 12), (too_late, 16)):
        offer.tutor.weekly_hours.all().delete()
        offer.tutor.date_overrides.create(date=tomorrow(days=days).date(), starts=time(9), ends=time(10))

    assert first_slots([late, too_late]) == {late.pk: an_hour(tomorrow(9, days=12))}


def test_first_slots_take_one_query_for_any_number_of_tutors():
    offers = [nine_to_five("Europe/Berlin") for _number in range(8)]

    for asked in (offers[:1], offers):
        with CaptureQueriesContext(connection) as captured:
            first_slots(asked)
        assert len(captured) == 1
    assert first_slots([]) == {}
