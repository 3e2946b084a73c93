"""Sessions that an admin gives away."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from bookings.errors import InvalidInput, SlotNotOffered, SlotTaken, StudentBusy
from bookings.gifts import give_session
from bookings.holds import place_hold
from bookings.models import Booking, Change, Order, SessionType, Tutor, User
from bookings.signals import booking_paid
from tests.desk import address, text_of
from tests.factories import an_hour, make_booking, make_session_type, make_tutor, make_user, tomorrow
from tests.race import race

WHY = "Their last session was cut short by our server."


def give(maths: SessionType, student: User, root: User, **other: Any) -> Booking:
    return give_session(maths, **{"starts_at": tomorrow(), "student": student, "who": root, "why": WHY, **other})


def test_gift_is_a_paid_booking_that_costs_nothing_and_says_who_gave_it(
    maths: SessionType, sam: User, root: User, django_capture_on_commit_callbacks: Any
):
    heard = []

    def hear(booking: Booking, **_news: Any) -> None:
        heard.append(booking.reference)

    booking_paid.connect(hear)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            booking = give(maths, sam, root)
    finally:
        booking_paid.disconnect(hear)

    order = booking.order
    assert (booking.status, booking.student, booking.price, booking.discount) == ("paid", sam, 150_000, 150_000)
    assert (order.status, order.total, order.discount, order.payer, order.gifted_by) == ("paid", 0, 150_000, sam, root)
    assert booking.net.is_zero
    assert heard == [booking.reference]
    told = Change.objects.filter(order=order, what="gift").get()
    assert (told.who, told.why) == (root, WHY)


@pytest.mark.parametrize("why", ["", "   ", "x" * 501, "a\0b"])
def test_gift_needs_a_reason(maths: SessionType, sam: User, root: User, why: str):
    with pytest.raises(InvalidInput, match="why this session is a gift"):
        give(maths, sam, root, why=why)
    assert not Order.objects.exists()


def test_gift_keeps_the_rules_of_time(maths: SessionType, sam: User, kim: User, root: User):
    make_booking(kim, maths.tutor, status="paid", during=an_hour(tomorrow(9)))
    place_hold(make_session_type(maths.tutor), starts_at=tomorrow(15), student=sam)
    for starts_at, refusal in [
        (tomorrow(9), SlotTaken),
        (tomorrow(15), SlotTaken),
        (tomorrow(12, 7), SlotNotOffered),
        (timezone.now() - timedelta(hours=1), SlotNotOffered),
        (tomorrow(days=300), SlotNotOffered),
    ]:
        with pytest.raises(refusal):
            give(maths, sam, root, starts_at=starts_at)
    assert not Order.objects.filter(gifted_by=root).exists()


def test_gift_at_a_time_at_which_the_student_is_busy_says_so_to_the_admin(maths: SessionType, sam: User, root: User):
    other = make_session_type(make_tutor())
    place_hold(other, starts_at=tomorrow(), student=sam)
    with pytest.raises(StudentBusy, match="The student has another session at that time"):
        give(maths, sam, root)


@pytest.mark.django_db(transaction=True)
def test_gift_pressed_many_times_is_given_once(maths: SessionType, sam: User, root: User):
    outcomes = race(lambda _n: give(maths, sam, root), threads=6)
    assert [isinstance(one.error, SlotTaken) for one in outcomes].count(True) == 5
    assert (Booking.objects.paid().count(), Order.objects.count()) == (1, 1)


def filled(maths: SessionType, **other: Any) -> dict[str, Any]:
    day = tomorrow().date().isoformat()
    return {"student": " SAM@example.com ", "session_type": maths.pk, "date": day, "time": "12:00", "why": WHY, **other}


def test_admin_gives_a_session_on_its_page(desk: Client, maths: SessionType, sam: User, root: User):
    page = text_of(desk.get(address(Booking, "gift") + f"?date={tomorrow():%Y-%m-%d}&session_type={maths.pk}"))
    assert "Ada Tutor (UTC)" in page
    assert f'value="{tomorrow():%Y-%m-%d}"' in page
    answer = desk.post(address(Booking, "gift"), filled(maths), follow=True)
    booking = Booking.objects.get()
    assert (booking.status, booking.starts_at, booking.order.gifted_by) == ("paid", tomorrow(), root)
    assert "Sam Student has got the session" in text_of(answer)
    assert "Give a session" in text_of(desk.get(address(Booking)))


def test_time_of_a_gift_is_that_of_the_tutors_clock(desk: Client, maths: SessionType, sam: User):
    Tutor.objects.filter(pk=maths.tutor_id).update(time_zone="Asia/Kathmandu")
    desk.post(address(Booking, "gift"), filled(maths))
    assert Booking.objects.get().starts_at == tomorrow() - timedelta(hours=5, minutes=45)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"student": "nobody@example.com"}, "Nobody with this address has an account here."),
        ({"student": "sam"}, "Enter a valid email address."),
        ({"student": "sam\0@example.com"}, ""),
        ({"session_type": "999999"}, "Select a valid choice."),
        ({"session_type": "abc"}, "Select a valid choice."),
        ({"date": "1900-01-01"}, "This date is too far away."),
        ({"date": "9999-12-31"}, "This date is too far away."),
        ({"date": "2026-02-30"}, "Enter a valid date."),
        ({"time": "25:00"}, "Enter a valid time."),
        ({"time": "12:07"}, "Open times near it, by the tutor’s clock:"),
        ({"why": ""}, "This field is required."),
        ({"why": "x" * 501}, "at most 500 characters"),
    ],
)
def test_what_cannot_be_given_is_told_on_the_form(desk: Client, maths: SessionType, sam: User, wrong: Any, sentence: str):
    assert sentence in text_of(desk.post(address(Booking, "gift"), filled(maths, **wrong)))
    assert not Booking.objects.exists()


def test_giving_is_for_admins_who_may(client: Client, maths: SessionType, sam: User):
    clerk = make_user("clerk@example.com", is_staff=True)
    for person, status in [(sam, 403), (clerk, 403)]:
        client.force_login(person)
        assert client.post(address(Booking, "gift"), filled(maths)).status_code in (status, 302, 404)
    assert not Booking.objects.exists()


@pytest.mark.parametrize("query", ["?session_type=x&date=9999-99-99&time=%3Cb%3E&student=%22%3E", "?session_type=1&date="])
def test_address_of_the_page_may_hold_rubbish(desk: Client, maths: SessionType, query: str):
    assert "<b>" not in text_of(desk.get(address(Booking, "gift") + query))
