"""Open times in extremes: none at all, hundreds a day, the last day that can be booked, a clock put back."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from bookings import availability
from bookings.models import Booking, DateOverride, SessionType, Tutor, User, WeeklyHours
from bookings.times import During
from tests.factories import an_hour, make_booking, tomorrow
from tests.pages import queries_of, slots_on, text_of

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def pages_of(client: Client, path: str) -> list[list[str]]:
    """The slots of every page, from today on as long as there is a later one."""
    found = []
    while path:
        page = client.get(path)
        found.append(slots_on(page))
        later = re.search(r'rel="next" href="(\?[^"#]+)', page.content.decode())
        path = f"/tutors/ada/{later[1].replace('&amp;', '&')}" if later else ""
    return found


def offered(session_type: SessionType, **until: int) -> list[str]:
    now = timezone.now()
    slots = availability.open_slots(session_type, within=During(now, now + timedelta(**until)))
    return [slot.start.isoformat() for slot in slots]


@pytest.mark.defect("TB-33")
def test_hundreds_of_slots_a_day_are_all_there(client: Client, ada: Tutor, maths: SessionType):
    Tutor.objects.filter(pk=ada.pk).update(slot_step_minutes=5)
    client.cookies["tz"] = "UTC"

    shown = slots_on(client.get("/tutors/ada/"))

    by_day = Counter(start[:10] for start in shown)
    assert len(by_day) == 14
    assert set(list(by_day.values())[1:]) == {288}
    assert len(set(shown)) == len(shown)


@pytest.mark.defect("TB-33")
@pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu", "Pacific/Kiritimati", "Pacific/Pago_Pago"])
@pytest.mark.parametrize("horizon", [0, 13, 14, 60])
def test_pages_together_hold_every_slot_up_to_the_horizon_once(client: Client, ada: Tutor, maths, zone: str, horizon: int):
    """The reader's days are not the tutor's: at both ends of the world nothing is cut or shown twice."""
    Tutor.objects.filter(pk=ada.pk).update(slot_step_minutes=240, horizon_days=horizon)
    client.cookies["tz"] = zone
    with time_machine.travel(datetime(2026, 3, 10, 12, 30, tzinfo=UTC), tick=False):
        pages = pages_of(client, "/tutors/ada/")
        everything = offered(SessionType.objects.select_related("tutor").get(pk=maths.pk), days=90)

    assert [start for page in pages for start in page] == everything
    assert len(pages) <= (horizon + 2) // 14 + 1


def test_every_reader_is_shown_the_same_instants(client: Client, ada: Tutor, maths: SessionType):
    with time_machine.travel(datetime(2026, 3, 10, 12, 30, tzinfo=UTC), tick=False):
        seen = []
        for zone in ("UTC", "Asia/Kathmandu", "Australia/Lord_Howe", "America/St_Johns"):
            client.cookies["tz"] = zone
            seen.append([start for page in pages_of(client, "/tutors/ada/") for start in page])

    assert seen[0] == seen[1] == seen[2] == seen[3] != []


def test_page_without_any_slot_says_so_on_every_day_up_to_the_horizon(client: Client, ada: Tutor):
    WeeklyHours.objects.filter(tutor=ada).delete()

    assert pages_of(client, "/tutors/ada/") == [[]] * 5
    assert "No free times" in text_of(client.get("/tutors/ada/"))


def test_only_slot_far_away_is_found_from_the_first_page(client: Client, ada: Tutor):
    WeeklyHours.objects.filter(tutor=ada).delete()
    client.cookies["tz"] = "UTC"
    only = timezone.now().date() + 59 * DAY
    DateOverride.objects.create(tutor=ada, date=only, starts="09:00", ends="10:00")

    assert f"The next free day is {only:%A} {only.day} {only:%B}." in text_of(client.get("/tutors/ada/"))
    assert slots_on(client.get(f"/tutors/ada/?from={only}")) == [f"{only}T09:00:00+00:00"]


@pytest.mark.defect("CE-11", "IT-30")
def test_time_that_a_clock_shows_twice_is_told_apart(client: Client, ada: Tutor):
    client.cookies["tz"] = "Europe/Berlin"
    with time_machine.travel(datetime(2026, 10, 24, 12, tzinfo=UTC), tick=False):
        words = text_of(client.get("/tutors/ada/"))

    assert "02:30 UTC+0200" in words
    assert "02:30 UTC+0100" in words
    assert "03:30 UTC" not in words


@pytest.mark.defect("CE-17", "TB-14")
def test_expired_hold_blocks_nothing_though_nobody_has_swept_it(client: Client, ada: Tutor, sam: User):
    hold = make_booking(sam, ada, during=an_hour(tomorrow(10)))
    taken = tomorrow(10).isoformat()
    assert taken not in slots_on(client.get("/tutors/ada/"))

    Booking.objects.filter(pk=hold.pk).update(held_until=timezone.now() - timedelta(seconds=1))

    assert taken in slots_on(client.get("/tutors/ada/"))


def test_override_is_of_the_tutors_own_date(client: Client, ada: Tutor, maths: SessionType):
    """On Kiritimati, 14 hours ahead, the 12th begins at 10:00 of the 11th in UTC."""
    Tutor.objects.filter(pk=ada.pk).update(time_zone="Pacific/Kiritimati", slot_step_minutes=60)
    DateOverride.objects.create(tutor=ada, date="2026-03-12")
    client.cookies["tz"] = "UTC"
    with time_machine.travel(datetime(2026, 3, 10, tzinfo=UTC), tick=False):
        shown = slots_on(client.get("/tutors/ada/"))

    missing = {f"2026-03-{day}T{hour:02}:00:00+00:00" for day in (11, 12) for hour in range(24)} - set(shown)
    midnight = datetime(2026, 3, 12, tzinfo=ZoneInfo("Pacific/Kiritimati")).astimezone(UTC)
    closed = {(midnight + timedelta(hours=hour)).isoformat() for hour in range(24)}
    assert missing == closed


def test_page_asks_the_database_as_often_for_hundreds_of_slots_as_for_a_few(client: Client, ada: Tutor):
    queries_of(client, "/tutors/ada/")
    with_few = queries_of(client, "/tutors/ada/")
    Tutor.objects.filter(pk=ada.pk).update(slot_step_minutes=5)

    assert queries_of(client, "/tutors/ada/") == with_few
