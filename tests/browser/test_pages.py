"""Every page as it is seen: narrow and wide, without a word from the browser's console."""

from __future__ import annotations

import re

import pytest
from django.core import mail

from bookings.holds import place_hold
from bookings.models import Booking, SessionType, Tutor, User
from bookings.orders import mark_order_paid, place_order
from tests.factories import an_hour, make_booking, tomorrow
from tests.requests_made import ask

pytestmark = pytest.mark.django_db(transaction=True)

PUBLIC = ["/", "/?q=nobody", "/tutors/ada/", "/tutors/ada/?from=9999-12-31", "/accounts/login/", "/accounts/signup/"]
PUBLIC += ["/accounts/password/reset/"]
OWN = ["/cart/", "/checkout/", "/bookings/", "/bookings/?show=past", "/bookings/?show=dropped", "/profile/"]
OWN += ["/notices/", "/profile/calendar/", "/home/", "/family/", "/accounts/email/", "/accounts/password/change/"]


def test_public_pages_fit_and_break_no_policy(visit, maths: SessionType):
    anybody = visit()
    for path in PUBLIC:
        assert anybody.fits(path), path


def test_own_pages_fit_and_break_no_policy(visit, maths: SessionType, sam: User):
    order = place_order(place_hold(maths, starts_at=tomorrow(8), student=sam).order)
    paid = mark_order_paid(place_order(place_hold(maths, starts_at=tomorrow(10), student=sam).order)).bookings.get()
    make_booking(sam, maths.tutor, during=an_hour(tomorrow(days=-3)), status=Booking.Status.COMPLETED)
    place_hold(maths, starts_at=tomorrow(12), student=sam)
    reader = visit(as_user=sam)
    for path in [*OWN, order.get_absolute_url(), order.bookings.get().get_absolute_url(), paid.get_absolute_url()]:
        assert reader.fits(path), path


def test_tutors_pages_fit_and_break_no_policy(visit, ada: Tutor, sam: User):
    booking = make_booking(sam, ada, status=Booking.Status.PAID)
    tutor = visit(as_user=ada.user)
    ada.approves_first = True
    ada.save()
    asked = ask(ada.session_types.get(), sam, starts_at=tomorrow(15))
    propose = f"/bookings/{asked.reference}/request/propose/"
    for path in ["/bookings/", "/teaching/", booking.get_absolute_url(), asked.get_absolute_url(), propose]:
        assert tutor.fits(path), path


def test_person_signs_up_with_the_browsers_zone_and_comes_back(visit, maths: SessionType, site: str, settings):
    settings.SITE_URL = site
    new = visit(time_zone="Europe/Berlin").go("/tutors/ada/")
    new.page.locator("details[open] button.slot").first.click()
    new.sees("Log in or sign up to keep this time.")
    new.page.locator("main").get_by_role("link", name="Sign up").click()
    new.page.fill("[name=full_name]", "New Person")
    new.page.fill("[name=email]", "new@example.com")
    new.page.fill("[name=password1]", "quite-a-secret-7")
    new.page.locator("main button").first.click()
    new.sees("Check your mail")

    link = re.search(r"/accounts/confirm-email/\S+", str(mail.outbox[0].body))
    assert link is not None
    new.go(link[0]).press("Yes, confirm it")

    new.sees("The time you chose")
    new.sees("Times are shown in Europe/Berlin.")
    assert User.objects.get(email="new@example.com").time_zone == "Europe/Berlin"


def test_profile_takes_over_the_zone_of_a_person_on_the_move(visit, sam: User):
    traveller = visit(as_user=sam, time_zone="America/New_York").go("/").go("/profile/")

    traveller.press("Use America/New_York")

    traveller.sees("Times are now shown in America/New_York.")
