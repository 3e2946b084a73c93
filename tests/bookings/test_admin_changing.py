"""Moving and cancelling in the admin: told first, then done by the verbs of the site."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from bookings.models import Booking, Change, Tutor, User
from tests.desk import address, text_of
from tests.factories import an_hour, make_booking, make_user, tomorrow

pytestmark = pytest.mark.django_db
OLD, NEW = tomorrow(12, days=3), tomorrow(15, days=4)


@pytest.fixture
def booking(ada: Tutor, sam: User) -> Booking:
    return make_booking(sam, ada, during=an_hour(OLD), status=Booking.Status.PAID)


def test_admin_sees_what_goes_back_and_cancels(desk: Client, booking: Booking, root: User):
    assert address(Booking, "cancel", booking.pk) in text_of(desk.get(address(Booking, "change", booking.pk)))
    page = text_of(desk.get(address(Booking, "cancel", booking.pk)))
    assert "Rp150,000 of Rp150,000 goes back to Sam Student." in page

    done = desk.post(address(Booking, "cancel", booking.pk), {"seen": "150000", "why": "The tutor left us"}, follow=True)

    assert "The session is cancelled. Rp150,000 goes back the way it was paid." in text_of(done)
    booking.refresh_from_db()
    assert (booking.status, booking.refund, booking.cancelled_by) == (Booking.Status.CANCELLED, 150_000, root)
    assert address(Booking, "cancel", booking.pk) not in text_of(desk.get(address(Booking, "change", booking.pk)))


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"seen": "150000", "why": " "}, "Please say why"),
        ({"seen": "75000", "why": "ill"}, "has changed since you looked"),
        ({"seen": "all", "why": "ill"}, "has changed since you looked"),
    ],
)
def test_admin_who_forgets_something_cancels_nothing(desk: Client, booking: Booking, form: dict[str, str], words: str):
    assert words in text_of(desk.post(address(Booking, "cancel", booking.pk), form))
    booking.refresh_from_db()
    assert booking.status == Booking.Status.PAID


def test_admin_moves_a_session_to_an_open_time(desk: Client, booking: Booking, root: User):
    page = text_of(desk.get(address(Booking, "move", booking.pk)))
    assert f'value="{NEW.isoformat()}"' in page
    assert f'value="{OLD.isoformat()}"' not in page

    done = desk.post(address(Booking, "move", booking.pk), {"starts_at": NEW.isoformat(), "why": "As agreed"}, follow=True)

    assert "The session is moved" in text_of(done)
    booking.refresh_from_db()
    assert (booking.starts_at, booking.moves) == (NEW, 0)
    assert Change.objects.get(what="time").who == root


def test_time_that_is_taken_stands_as_a_sentence_above_the_form(desk: Client, booking: Booking, ada: Tutor):
    make_booking(make_user(), ada, during=an_hour(NEW), status=Booking.Status.PAID)
    page = text_of(desk.post(address(Booking, "move", booking.pk), {"starts_at": NEW.isoformat(), "why": "so"}))
    assert "somebody else has just taken this time" in page
    booking.refresh_from_db()
    assert booking.starts_at == OLD


def test_session_that_is_over_offers_neither(desk: Client, ada: Tutor, sam: User):
    over = make_booking(sam, ada, during=an_hour(tomorrow(days=-2)), status=Booking.Status.COMPLETED)
    page = text_of(desk.get(address(Booking, "change", over.pk)))
    for what in ("move", "cancel"):
        assert address(Booking, what, over.pk) not in page
        assert "errornote" in text_of(desk.get(address(Booking, what, over.pk)))


def test_absence_that_nobody_reported_is_recorded_from_the_booking(desk: Client, booking: Booking, ada: Tutor, sam: User):
    over = make_booking(sam, ada, during=an_hour(tomorrow(days=-2)), status=Booking.Status.COMPLETED)
    mark = reverse("admin:meetings_noshowreport_mark", args=[over.reference])
    assert mark in text_of(desk.get(address(Booking, "change", over.pk)))
    assert "Record an absence" not in text_of(desk.get(address(Booking, "change", booking.pk)))


@pytest.mark.parametrize("what", ["move", "cancel"])
def test_clerks_without_the_right_and_people_of_the_site_are_kept_out(booking: Booking, what: str):
    clerk, student = Client(), Client()
    clerk.force_login(make_user(is_staff=True))
    student.force_login(booking.student)
    form = {"seen": "150000", "why": "mine", "starts_at": NEW.isoformat()}
    for method in ("get", "post"):
        assert getattr(clerk, method)(address(Booking, what, booking.pk), form).status_code == 403
        assert getattr(student, method)(address(Booking, what, booking.pk), form).status_code == 302
    booking.refresh_from_db()
    assert (booking.status, booking.starts_at) == (Booking.Status.PAID, OLD)
