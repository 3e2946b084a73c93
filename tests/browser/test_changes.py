"""Moving and cancelling a session, in a real browser."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from bookings.models import Booking, Order, Tutor, User
from meetings.models import Meeting
from meetings.planning import plan_paid_meeting
from meetings.provisioning import provision_meeting
from payments.models import Refund
from tests.factories import an_hour, make_booking, make_link, make_order, make_payment, tomorrow

pytestmark = pytest.mark.django_db(transaction=True)
OLD = tomorrow(12, days=3)


@pytest.fixture
def booking(ada: Tutor, sam: User) -> Booking:
    """Sam's session with Ada in three days, paid, with its link."""
    make_link()
    order = make_order(sam, status=Order.Status.PAID)
    payment = make_payment(order)
    payment.mark_succeeded(at=timezone.now(), received=payment.money)
    payment.save()
    booking = make_booking(sam, ada, during=an_hour(OLD), status=Booking.Status.PAID, order=order)
    provision_meeting(plan_paid_meeting(booking))
    return booking


def test_student_moves_a_session_and_its_link_follows(visit, worker, booking: Booking, sam: User):
    reader = visit(as_user=sam, width=390).go(booking.get_absolute_url())
    reader.press("Move to another time")
    reader.sees("The time it has now")
    reader.page.locator("details[open]").nth(1).locator("button.slot").last.click()  # tomorrow: no door is open yet
    reader.sees("Move to this time?")
    assert not reader.is_too_wide
    reader.press("Move the session")

    reader.sees("The session is moved")
    reader.sees("Moved from")
    reader.sees("Your link is ready.")
    booking.refresh_from_db()
    meeting = Meeting.objects.get()
    assert booking.starts_at != OLD
    assert (meeting.status, meeting.time) == ("ready", booking.time)


def test_tutor_moves_a_session_with_the_keyboard_and_says_why(visit, booking: Booking, ada: Tutor):
    reader = visit(as_user=ada.user).go(f"{booking.get_absolute_url()}move/")
    chosen = reader.page.locator(f'button.slot[value="{(OLD + timedelta(hours=3)).isoformat()}"]')
    chosen.focus()
    reader.page.keyboard.press("Enter")
    reader.sees("Move to this time?")
    reader.page.get_by_label("Why?").fill("I have to see a doctor")
    reader.page.keyboard.press("Tab")
    reader.page.keyboard.press("Enter")

    reader.sees("The session is moved")
    booking.refresh_from_db()
    assert (booking.starts_at, booking.moves) == (OLD + timedelta(hours=3), 0)


def test_student_cancels_and_gets_back_what_the_page_said(visit, worker, booking: Booking, sam: User):
    reader = visit(as_user=sam, width=390).go(booking.get_absolute_url())
    reader.press("Cancel this session")
    reader.sees("of Rp150,000 paid")
    assert not reader.is_too_wide
    reader.press("Cancel the session")

    reader.sees("Rp150,000 goes back the way it was paid")
    reader.sees("You cancelled this session on")
    refund = Refund.objects.get()
    assert (refund.booking, refund.amount, refund.status) == (booking, 150_000, "pending")
    assert reader.go(booking.get_absolute_url()).page.get_by_text("Move to another time").count() == 0


def test_two_tabs_that_cancel_do_it_once(visit, booking: Booking, sam: User, ada: Tutor):
    first, second = (visit(as_user=person).go(f"{booking.get_absolute_url()}cancel/") for person in (sam, ada.user))
    second.page.get_by_label("Why?").fill("I am ill")
    first.press("Cancel the session")
    first.sees("You cancelled this session on")
    second.press("Cancel the session")

    second.sees("This session was cancelled on")
    booking.refresh_from_db()
    assert (booking.cancelled_by, booking.sequence) == (sam, 1)


def test_pages_of_changes_fit_and_break_no_policy(visit, booking: Booking, sam: User, ada: Tutor, root: User):
    for person in (sam, ada.user):
        reader = visit(as_user=person)
        for what in ("", "move/", "cancel/", f"move/?starts_at={(OLD + timedelta(hours=1)).isoformat()[:19]}Z"):
            assert reader.fits(f"{booking.get_absolute_url()}{what}"), what
    admin = visit(as_user=root)
    for what in ("change", "move", "cancel"):
        admin.go(f"/admin/bookings/booking/{booking.pk}/{what}/")
