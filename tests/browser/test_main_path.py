"""From finding a tutor to a link that is ready: the whole way, with a real worker and messages over real HTTP."""

from __future__ import annotations

import pytest

from bookings.models import Booking, SessionType, User
from meetings.models import Meeting
from payments.models import Payment, WebhookEvent
from tests.factories import make_link, tomorrow

pytestmark = pytest.mark.django_db(transaction=True)


def test_student_books_pays_and_gets_the_link(visit, worker, maths: SessionType, known_sam: User, kim: User, root: User):
    link = make_link(url="https://meet.google.com/abc-defg-hij", label="Room one")
    sam = visit(width=390).go("/")
    sam.press("Ada Tutor")
    sam.sees("Open times")
    sam.page.locator(f'button.slot[value="{tomorrow().isoformat()}"]').click()
    sam.sees("Log in or sign up to keep this time.")
    sam.page.fill("[name=login]", known_sam.email)
    sam.page.fill("[name=password]", "secret-words")
    sam.page.locator("main button").first.click()
    sam.press("Hold this time")
    sam.sees("Your cart")
    sam.press("Go to payment")
    sam.sees("What you pay for")
    sam.press("Pay Rp150,000")
    sam.sees("This is not a real bank")
    sam.page.get_by_role("button", name="Pay", exact=True).click()

    sam.sees("Paid. Thank you!")  # the page turns by itself
    sam.sees("Your link is ready.")
    assert not sam.is_too_wide

    booking = Booking.objects.get()
    meeting = Meeting.objects.get()
    assert (booking.status, booking.order.status, booking.student) == ("paid", "paid", known_sam)
    assert (meeting.booking, meeting.link, meeting.status) == (booking, link, "ready")
    assert Payment.objects.get().status == "succeeded"
    assert WebhookEvent.objects.get().gateway == "sandbox"
    _see_it_again(sam, booking)
    _see_it_as_admin(visit(as_user=root), booking)
    stranger = visit(as_user=kim)
    assert stranger.page.request.get(booking.get_absolute_url()).status == 404
    assert stranger.page.request.get(booking.order.get_absolute_url()).status == 404


def _see_it_again(sam, booking: Booking) -> None:
    sam.go("/bookings/").press(booking.name)
    sam.sees("Your link is ready.")
    for page in (booking.get_absolute_url(), booking.order.get_absolute_url(), f"/join/{booking.reference}", "/bookings/"):
        assert "abc-defg-hij" not in sam.go(page).page.content()  # a raw link is shown to nobody before its time


def _see_it_as_admin(admin, booking: Booking) -> None:
    admin.go("/admin/meetings/meeting/")
    admin.sees(booking.reference)
    admin.sees("Room one")
