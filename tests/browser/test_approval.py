"""From asking a tutor who approves first to the session's link, with both people at their browsers and a real worker."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest

from bookings.models import Booking, SessionType, Tutor, User
from bookings.weeks import monday_of
from tests.factories import an_hour, make_booking, make_link, tomorrow

pytestmark = pytest.mark.django_db(transaction=True)


def test_student_asks_tutor_proposes_student_agrees_and_pays(visit, worker, ada: Tutor, maths: SessionType, known_sam: User):
    ada.approves_first = True
    ada.save()
    make_link(url="https://meet.google.com/abc-defg-hij", label="Room one")
    sam, tutor = visit(width=390), visit(as_user=ada.user)

    sam.go("/tutors/ada/").sees("Press one to ask for it.")
    sam.page.locator(f'button.slot[value="{tomorrow().isoformat()}"]').click()
    sam.page.fill("[name=login]", known_sam.email)  # asked to log in, and led back to the time
    sam.page.fill("[name=password]", "secret-words")
    sam.page.locator("main button").first.click()
    sam.sees("Ask Ada Tutor for this time")
    sam.page.fill("[name=message]", "Fractions, please.")
    sam.press("Ask for this time")
    sam.sees("Waiting for Ada Tutor to answer")
    assert not sam.is_too_wide
    booking = Booking.objects.get()
    sam.go(booking.order.get_absolute_url()).sees("Waiting for an answer")
    assert sam.page.get_by_role("button", name="Pay now").count() == 0

    tutor.go("/teaching/").sees("Fractions, please.")
    tutor.press("More answers")
    tutor.press("Propose another time")
    tutor.page.locator(f'button.slot[value="{tomorrow(15).isoformat()}"]').click()
    tutor.page.fill("[name=message]", "After lunch?")
    tutor.press("Propose this time")
    tutor.sees("You proposed this time to Sam Student")

    sam.go(booking.get_absolute_url()).sees("After lunch?")
    sam.press("Agree to this time")
    sam.sees("Your order")
    sam.press("Pay now")
    sam.sees("This is not a real bank")
    sam.page.get_by_role("button", name="Pay", exact=True).click()
    sam.sees("Paid. Thank you!")
    sam.sees("Your link is ready.")

    booking.refresh_from_db()
    assert (booking.status, booking.starts_at, booking.message) == ("paid", tomorrow(15), "Fractions, please.")
    sam.go(booking.get_absolute_url()).sees("Your link is ready.")
    tutor.go("/teaching/?week=" + tomorrow().date().isoformat())
    tutor.sees("15:00–16:00")
    assert tutor.page.locator("a.week-entry", has_text="Sam Student").count() == 1


def test_tutor_declines_and_the_student_reads_why(visit, ada: Tutor, maths: SessionType, sam: User):
    ada.approves_first = True
    ada.save()
    student, tutor = visit(as_user=sam), visit(as_user=ada.user, width=390)
    student.go("/tutors/ada/").page.locator(f'button.slot[value="{tomorrow().isoformat()}"]').click()
    student.press("Ask for this time")
    student.sees("Waiting for Ada Tutor to answer")

    address = Booking.objects.get().get_absolute_url()
    tutor.go(address).page.get_by_text("Decline").first.click()
    tutor.page.fill("[name=why]", "I am travelling that day.")
    tutor.page.locator("main details form button").click()
    tutor.sees("You declined this request")

    student.go(address).sees("I am travelling that day.")
    student.press("Choose another time")
    student.page.locator(f'button.slot[value="{tomorrow().isoformat()}"]').wait_for()  # free again


def test_week_is_walked_through_with_the_keyboard(visit, ada: Tutor, maths: SessionType, sam: User):
    monday = monday_of(tomorrow(days=7).date())
    starts = [datetime.combine(monday + timedelta(days=day), time(hour), UTC) for day, hour in [(0, 9), (0, 15), (2, 14)]]
    for start in starts:
        make_booking(sam, ada, during=an_hour(start), status=Booking.Status.PAID)
    tutor = visit(as_user=ada.user).go(f"/teaching/?week={monday}")
    focused = "document.activeElement.querySelector('strong')?.textContent"

    tutor.page.locator("a.week-entry").first.focus()
    walk = {"ArrowDown": "15:00–16:00", "ArrowRight": "14:00–15:00", "ArrowLeft": "15:00–16:00", "ArrowUp": "09:00–10:00"}
    for key, found in walk.items():
        tutor.page.keyboard.press(key)
        assert tutor.page.evaluate(focused) == found, key
    tutor.page.keyboard.press("PageDown")
    tutor.page.wait_for_url(f"**/teaching/?week={monday + timedelta(days=7)}*")
