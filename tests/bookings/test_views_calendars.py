"""The private calendar: opened by its address alone, renewed and revoked by its owner."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from icalendar import Calendar

from bookings.calendar_keys import renew_calendar_key, revoke_calendar_key
from bookings.models import Booking, Tutor, User
from tests.factories import an_hour, make_booking, make_link, make_meeting, make_order, make_user, tomorrow

pytestmark = pytest.mark.django_db
Status = Booking.Status


def feed_of(user: User) -> Any:
    answer = Client().get(f"/calendar/{user.calendar_key}.ics")
    assert answer.status_code == 200
    return Calendar.from_ical(answer.content)


def events_of(calendar: Any) -> list[Any]:
    return list(calendar.walk("VEVENT"))


@pytest.fixture
def lesson(sam: User, ada: Tutor) -> Booking:
    for person in (sam, ada.user):
        renew_calendar_key(person)
    return make_booking(sam, ada, status=Status.PAID)


def test_feed_shows_the_sessions_of_its_owner_to_who_has_the_address(sam: User, ada: Tutor, lesson: Booking):
    make_meeting(lesson, status="ready", link=make_link(), reserved=lesson.during)

    of_sam, of_ada = feed_of(sam), feed_of(ada.user)

    [theirs], [hers] = events_of(of_sam), events_of(of_ada)
    assert (theirs["SUMMARY"], hers["SUMMARY"]) == ("Maths lesson with Ada Tutor", "Maths lesson with Sam Student")
    assert theirs["UID"] == hers["UID"] == f"booking-{lesson.reference}@testserver"
    assert theirs["LOCATION"] == f"http://testserver/join/{lesson.reference}"
    assert of_sam["REFRESH-INTERVAL"].dt == timedelta(minutes=30)
    assert (of_sam["METHOD"], of_sam["X-WR-CALNAME"]) == ("PUBLISH", "Sessions at Linkpool")
    assert b"meet.google.com" not in of_sam.to_ical()


def test_feed_shows_what_was_and_what_was_called_off_for_a_while(sam: User, ada: Tutor, lesson: Booking):
    now = timezone.now()
    for number, (days, status) in enumerate(
        [(-89, Status.COMPLETED), (-92, Status.COMPLETED), (-3, Status.NO_SHOW_TUTOR), (2, Status.HELD), (3, Status.EXPIRED)]
    ):
        make_booking(sam, ada, during=an_hour(now + timedelta(days=days, hours=number)), status=status)
    paid: dict[str, Any] = {"confirmed_at": now, "status": Status.CANCELLED}
    make_booking(sam, ada, during=an_hour(tomorrow(days=5)), cancelled_at=now - timedelta(days=29), **paid)
    make_booking(sam, ada, during=an_hour(tomorrow(days=6)), cancelled_at=now - timedelta(days=31), **paid)
    make_booking(sam, ada, during=an_hour(tomorrow(days=7)), cancelled_at=now, status=Status.CANCELLED)  # never settled

    shown = [(event["STATUS"], round((event.start - now) / timedelta(days=1))) for event in events_of(feed_of(sam))]

    assert [(status, days) for status, days in shown if days not in (0, 1)] == [
        ("CONFIRMED", -89),
        ("CONFIRMED", -3),
        ("CANCELLED", 5),
    ]


def test_payer_is_led_to_the_page_and_not_to_a_door_that_stays_shut(sam: User, ada: Tutor):
    parent = make_user("parent@example.com")
    renew_calendar_key(parent)
    theirs = make_booking(sam, ada, status=Status.PAID, order=make_order(parent, status="paid"))

    [event] = events_of(feed_of(parent))

    assert event["LOCATION"] == f"http://testserver/bookings/{theirs.reference}/"


def test_stranger_sees_nothing_of_others(kim: User, lesson: Booking):
    renew_calendar_key(kim)

    assert events_of(feed_of(kim)) == []


@pytest.mark.parametrize("key", ["x", "A" * 43, "a" * 500, "%00", "é", "None"])
def test_wrong_address_is_not_there(client: Client, lesson: Booking, key: str):
    assert client.get(f"/calendar/{key}.ics").status_code == 404


def test_address_that_was_replaced_or_revoked_opens_nothing(client: Client, sam: User, lesson: Booking):
    first = f"/calendar/{sam.calendar_key}.ics"
    renew_calendar_key(sam)
    second = f"/calendar/{sam.calendar_key}.ics"
    assert [client.get(path).status_code for path in (first, second)] == [404, 200]

    revoke_calendar_key(sam)

    assert [client.get(path).status_code for path in (first, second)] == [404, 404]


def test_closed_account_has_no_calendar(client: Client, sam: User, lesson: Booking):
    User.objects.filter(pk=sam.pk).update(is_active=False)

    assert client.get(f"/calendar/{sam.calendar_key}.ics").status_code == 404


def test_feed_that_has_not_changed_is_not_sent_again(client: Client, sam: User, lesson: Booking):
    path = f"/calendar/{sam.calendar_key}.ics"
    first = client.get(path)
    assert first["Cache-Control"].startswith("private")

    again = client.get(path, headers={"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")

    Booking.objects.filter(pk=lesson.pk).update(sequence=1)
    changed = client.get(path, headers={"If-None-Match": first["ETag"]})
    assert (changed.status_code, b"SEQUENCE:1" in changed.content) == (200, True)


def test_feed_takes_two_queries_however_much_it_shows(sam: User, ada: Tutor, lesson: Booking):
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            feed_of(sam)
        return len(captured)

    few = queries()
    for days in range(2, 52):
        make_booking(sam, ada, during=an_hour(tomorrow(days=days)), status=Status.PAID)

    assert (few, queries()) == (2, 2)


def test_guessing_and_reading_too_often_is_refused_for_a_while(client: Client, sam: User, lesson: Booking):
    answers = [client.get("/calendar/guess.ics").status_code for _time in range(31)]
    assert (answers[:30], answers[30]) == ([404] * 30, 429)

    reads = [client.get(f"/calendar/{sam.calendar_key}.ics") for _time in range(121)]
    assert {one.status_code for one in reads[:120]} == {200}
    assert (reads[120].status_code, reads[120]["Retry-After"]) == (429, "60")


def test_address_is_made_shown_replaced_and_taken_back_on_its_page(client: Client, sam: User):
    client.force_login(sam)
    assert b".ics" not in client.get("/profile/calendar/").content

    client.post("/profile/calendar/renew/")
    sam.refresh_from_db()
    first = sam.calendar_key
    page = client.get("/profile/calendar/").content.decode()
    assert f"http://testserver/calendar/{first}.ics" in page
    assert f"webcal://testserver/calendar/{first}.ics" in page
    assert len(str(first)) == 43

    client.post("/profile/calendar/renew/")
    sam.refresh_from_db()
    assert sam.calendar_key not in (None, first)
    client.post("/profile/calendar/revoke/")
    sam.refresh_from_db()
    assert sam.calendar_key is None


def test_address_never_stands_in_the_log(client: Client, sam: User, lesson: Booking, caplog: pytest.LogCaptureFixture):
    with caplog.at_level("INFO"):
        client.get(f"/calendar/{sam.calendar_key}.ics")

    lines = [vars(record) for record in caplog.records if record.name == "linkpool.http"]
    assert [line["path"] for line in lines] == ["/calendar/….ics"]


def test_session_can_be_kept_as_a_file_by_those_who_sit_in_it(client: Client, sam: User, kim: User, lesson: Booking):
    client.force_login(sam)
    answer = client.get(f"/bookings/{lesson.reference}/calendar.ics")
    assert answer["Content-Disposition"] == f'attachment; filename="{lesson.reference}.ics"'
    [event] = Calendar.from_ical(answer.content).walk("VEVENT")
    assert event["UID"] == f"booking-{lesson.reference}@testserver"

    client.force_login(kim)
    assert client.get(f"/bookings/{lesson.reference}/calendar.ics").status_code == 404


def test_session_that_is_not_settled_has_no_file(client: Client, sam: User, ada: Tutor):
    client.force_login(sam)

    assert client.get(f"/bookings/{make_booking(sam, ada).reference}/calendar.ics").status_code == 404
