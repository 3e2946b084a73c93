"""A parent invites a child, who signs up from the mail and accepts; the parent books and pays, the child sees it."""

from __future__ import annotations

import re

import pytest
from django.core import mail

from bookings.models import Booking, SessionType, StudentLink, User
from tests.conftest import Drain
from tests.factories import make_link, tomorrow

pytestmark = pytest.mark.django_db(transaction=True)


def test_parent_books_for_a_child_end_to_end(visit, drain: Drain, maths: SessionType, pat: User):
    make_link(url="https://meet.google.com/abc-defg-hij")
    parent = visit(as_user=pat, width=390).go("/family/")
    parent.page.fill("[name=name]", "Kim")
    parent.page.fill("[name=email]", "kim@example.com")
    parent.press("Send the invitation")
    parent.sees("An invitation is on its way to kim@example.com.")

    child = visit(width=390)
    _sign_up_and_accept(child, drain)

    parent.go("/family/").press("Find a tutor for Kim Kid")
    parent.press("Ada Tutor")
    parent.sees("Press one to keep it for Kim Kid.")
    parent.page.locator(f'button.slot[value="{tomorrow().isoformat()}"]').click()
    parent.sees("The time is kept for Kim Kid until")
    parent.sees("For Kim Kid")
    parent.press("Go to payment")
    parent.press("Pay Rp150,000")
    parent.sees("This is not a real bank")
    parent.page.get_by_role("button", name="Pay", exact=True).click()
    parent.page.get_by_text("Your order").first.wait_for()
    drain()
    parent.sees("Paid. Thank you!")
    parent.sees("For Kim Kid")
    assert not parent.is_too_wide

    booking = Booking.objects.get()
    assert (booking.status, booking.student.email, booking.order.payer) == ("paid", "kim@example.com", pat)
    child.go("/home/")
    child.sees("Maths lesson with Ada Tutor")
    child.sees("Your link is ready.")
    child.press("Maths lesson with Ada Tutor")
    child.sees("Pat Parent")
    assert not child.is_too_wide
    assert "abc-defg-hij" not in child.page.content()
    assert child.page.request.get(booking.order.get_absolute_url()).status == 404


def _sign_up_and_accept(child, drain: Drain) -> None:
    """Open the mail's address, sign up with the very address it came to, confirm it, and come back to accept."""
    drain()
    child.go(_path_in_mail(r"/family/invitations/[^/\s]+/"))
    child.sees("Pat Parent would like to book sessions for you")
    child.press("Sign up to accept")
    assert child.page.input_value("[name=email]") == "kim@example.com"
    child.page.fill("[name=full_name]", "Kim Kid")
    child.page.fill("[name=password1]", "quite-a-secret-7")
    child.page.locator("main button").first.click()
    child.sees("Check your mail")
    drain()
    child.go(_path_in_mail(r"/accounts/confirm-email/[^/\s]+/"))
    child.page.locator("main button").first.click()
    child.sees("Pat Parent would like to book sessions for you")
    child.page.get_by_role("button", name="Accept").click()
    child.sees("Pat can now book sessions for you.")
    assert StudentLink.objects.standing().get().student_name == "Kim Kid"


def _path_in_mail(pattern: str) -> str:
    found = re.search(pattern, str(mail.outbox[-1].body))
    assert found, mail.outbox[-1].body
    return found.group(0)
