"""The admin of bookings: what can be found and done there, what cannot, and at what price in queries."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.admin.utils import quote
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bookings.api_keys import create_api_key
from bookings.history import record_booking_change, record_order_change
from bookings.models import ApiKey, Booking, Change, Order, Tutor, User
from meetings.models import Meeting
from tests.desk import address, text_of
from tests.factories import (
    an_hour,
    make_booking,
    make_link,
    make_meeting,
    make_order,
    make_payment,
    make_tutor,
    make_user,
    tomorrow,
)


def make_booked(number: int, *, student: User, tutor: Tutor) -> Booking:
    """A paid booking with its meeting, payment and history; each number has its own hour."""
    during = an_hour(tomorrow(0) + timedelta(hours=number))
    booking = make_booking(student, tutor, during=during, status=Booking.Status.PAID)
    make_payment(booking.order)
    reserved = (during.start, during.end + timedelta(minutes=10))
    make_meeting(booking, status=Meeting.Status.READY, link=make_link(), reserved=reserved)
    record_order_change(booking.order, what="status", was="awaiting_payment", became="paid")
    record_booking_change(booking, what="status", was="held", became="paid", who=student)
    return booking


def count_queries(desk: Client, where: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        text_of(desk.get(where))
    return len(queries)


@pytest.mark.parametrize("model", [User, Tutor, Order, Booking, Change, ApiKey])
def test_lists_take_as_many_queries_for_fifty_rows_as_for_one(desk, ada, model):
    make_booked(0, student=make_user(), tutor=ada)
    create_api_key("one", scopes=["slots"])
    desk.get(address(model))  # what is read once and kept
    before = count_queries(desk, address(model))

    for number in range(1, 50):
        make_booked(number, student=make_user(), tutor=make_tutor())
        create_api_key(f"key {number}", scopes=["slots"])

    assert count_queries(desk, address(model)) == before
    assert before <= 10


def test_an_order_page_takes_as_many_queries_for_many_bookings_as_for_one(desk, ada, sam):
    first = make_booked(0, student=sam, tutor=ada)
    desk.get(address(Order, "change", first.order.pk))
    before = count_queries(desk, address(Order, "change", first.order.pk))

    for number in range(1, 9):
        booking = make_booking(sam, ada, during=an_hour(tomorrow(number)), status=Booking.Status.PAID, order=first.order)
        make_meeting(booking)
        record_order_change(first.order, what="status", became="paid", who=sam)

    assert count_queries(desk, address(Order, "change", first.order.pk)) == before


@pytest.mark.parametrize("words", ["reference", "order", "ada@example.com", "Ada Tutor", "sam@", "Sam Student"])
def test_bookings_are_found_by_reference_e_mail_and_name(desk, ada, sam, kim, words):
    wanted = make_booking(sam, ada, status=Booking.Status.PAID)
    other = make_booking(kim, make_tutor(), status=Booking.Status.PAID)
    words = {"reference": wanted.reference, "order": wanted.order.reference}.get(words, words)

    page = text_of(desk.get(address(Booking), {"q": words}))

    assert wanted.reference in page
    assert other.reference not in page


def test_bookings_are_sifted_by_day_tutor_and_status(desk, ada, sam, kim):
    near = make_booking(sam, ada, during=an_hour(tomorrow(0, days=2)), status=Booking.Status.PAID)
    far = make_booking(sam, ada, during=an_hour(tomorrow(days=30)), status=Booking.Status.PAID)
    others = make_booking(kim, make_tutor(), during=an_hour(tomorrow(0, days=2)))

    def found(**query: str) -> set[str]:
        page = text_of(desk.get(address(Booking), query))
        return {booking.reference for booking in (near, far, others) if booking.reference in page}

    assert found() == {near.reference, far.reference, others.reference}
    assert found(day="week") == {near.reference, others.reference}
    assert found(day="past") == set()
    assert found(tutor=str(ada.pk)) == {near.reference, far.reference}
    assert found(tutor="nonsense") == found()
    assert found(status__exact="held") == {others.reference}


def test_a_booking_shows_its_history_and_the_label_of_its_link_but_no_address(desk, ada, sam):
    booking = make_booked(0, student=sam, tutor=ada)

    listed = text_of(desk.get(address(Booking)))
    page = text_of(desk.get(address(Booking, "change", booking.pk)))

    link = booking.meeting.link
    assert link is not None
    for shown in (listed, page):
        assert f"ready: {link.label}" in shown
        assert link.url not in shown
    assert "Sam Student" in page
    assert "held" in page


@pytest.mark.parametrize("model", [Order, Booking, Change])
def test_rows_that_only_verbs_change_cannot_be_added_altered_or_deleted(desk, ada, sam, model):
    make_booked(0, student=sam, tutor=ada)
    row = model.objects.first()
    before = model.objects.values().get(pk=row.pk)

    answers = [
        desk.get(address(model, "add")),
        desk.post(address(model, "change", quote(row.pk)), {"status": "cancelled", "why": "mine"}),
        desk.post(address(model, "delete", quote(row.pk)), {"post": "yes"}),
    ]
    desk.post(address(model), {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"})

    assert [answer.status_code for answer in answers] == [403, 403, 403]
    assert model.objects.values().get(pk=row.pk) == before


def test_an_order_shows_its_attempts_to_pay(desk, sam):
    payment = make_payment(make_order(sam))

    page = text_of(desk.get(address(Order, "change", payment.order.pk)))

    assert f"{payment.reference} (midtrans): waiting" in page


@pytest.mark.parametrize("model", [User, Tutor, Order, Booking, Change, ApiKey])
def test_every_list_and_page_opens(desk, ada, sam, model):
    make_booked(0, student=sam, tutor=ada)
    make_booking(sam, ada, during=an_hour(tomorrow(days=3)))  # held, without a meeting
    create_api_key("Front end", scopes=["slots"])

    text_of(desk.get(address(model), {"q": "sam"}))
    for row in model.objects.all():
        text_of(desk.get(address(model, "change", row.pk)))


def test_times_are_shown_in_the_admins_own_zone(root, ada, sam):
    root.time_zone = "Asia/Tokyo"
    root.save()
    booking = make_booking(sam, ada, during=an_hour(tomorrow(12)))
    client = Client()
    client.force_login(root)

    page = text_of(client.get(address(Booking, "change", booking.pk)))

    assert "21:00–22:00" in page
    assert timezone.get_current_timezone_name() != "Asia/Tokyo"


def test_history_is_sifted_by_what_it_is_about_in_the_readers_language(desk, root, ada, sam):
    booking = make_booking(sam, ada)
    record_booking_change(booking, what="time", was="a", became="b")
    User.objects.filter(pk=root.pk).update(language="id")
    page = text_of(desk.get(address(Change)))
    assert ">waktu</a>" in page
    assert ">time</a>" not in page
    assert booking.reference in text_of(desk.get(address(Change), {"what": "time"}))
    assert booking.reference not in text_of(desk.get(address(Change), {"what": "refund"}))


def test_students_and_strangers_are_kept_out(sam):
    stranger, student = Client(), Client()
    student.force_login(sam)

    assert stranger.get(address(Booking)).status_code == 302
    assert student.get(address(Booking), follow=True).status_code == 403
