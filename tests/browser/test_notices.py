"""Notices and the private calendar, as a person with a browser meets them."""

from __future__ import annotations

import pytest

from bookings.models import Booking, Notice, Tutor, User
from bookings.notices import tell
from tests.factories import make_booking

pytestmark = pytest.mark.django_db(transaction=True)


def test_bell_leads_to_the_news_and_the_news_to_its_booking(visit, sam: User, ada: Tutor):
    booking = make_booking(sam, ada, status=Booking.Status.PAID)
    tell(Notice.Fact.PAID, to=[sam], booking=booking)
    reader = visit(as_user=sam, width=390).go("/")

    reader.page.locator("a.bell").click()
    reader.sees("is confirmed.")
    reader.page.locator("button.notice-line").click()

    reader.sees("The session")
    assert reader.page.url.endswith(booking.get_absolute_url())
    assert reader.page.locator(".bell .count").count() == 0


def test_address_of_the_calendar_is_made_copied_and_taken_back(visit, sam: User, site: str, settings):
    settings.SITE_URL = site
    reader = visit(as_user=sam).go("/profile/")

    reader.page.get_by_role("link", name="Add my sessions").click()
    reader.press("Make my address")
    reader.press("Copy")

    reader.sees("Copied")
    address = reader.page.locator("#calendar-address").input_value()
    assert "BEGIN:VCALENDAR" in reader.page.request.get(address).text()
    reader.press("Take the address back")
    reader.sees("no longer works")
    assert reader.page.request.get(address).status == 404
