"""A tutor edits their hours on a phone, with the keyboard alone, and sees the fortnight change."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from bookings.models import Booking, DateOverride, Tutor, User, WeeklyHours
from tests.browser.visitor import Visitor
from tests.factories import an_hour, make_booking, tomorrow

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def free_ada(ada: Tutor) -> Tutor:
    """Ada before she has said when she teaches."""
    WeeklyHours.objects.filter(tutor=ada).delete()
    return ada


@pytest.fixture
def tutor(visit: Any, free_ada: Tutor) -> Visitor:
    opened: Visitor = visit(as_user=free_ada.user, width=390).go("/teaching/hours/")
    return opened


def saved() -> list[str]:
    return [str(row) for row in WeeklyHours.objects.all()]


def type_hours(visitor: Visitor, starts: str, ends: str) -> None:
    """Type into the row that has the focus; a clock of 24 hours takes no notice of the halves of the day."""
    visitor.page.keyboard.type(starts)
    visitor.page.keyboard.press("Tab")
    visitor.page.keyboard.type(ends)


def has_focus(visitor: Visitor, name: str) -> bool:
    visitor.page.wait_for_function("id => document.activeElement.id === id", arg=name)
    return True


def test_week_is_made_with_the_keyboard_alone(tutor: Visitor):
    keyboard, page = tutor.page.keyboard, tutor.page
    page.locator("#add-0").focus()
    keyboard.press("Enter")
    assert has_focus(tutor, "starts-0-0")
    type_hours(tutor, "0900AM", "1100AM")
    page.locator("#fortnight-status", has_text=re.compile(r"\b[3-6] start times in 14 days")).wait_for()

    page.locator("#copy-0").focus()
    keyboard.press("Enter")
    keyboard.press("Tab")
    keyboard.press("Space")  # Tuesday
    for _other in range(5):
        keyboard.press("Tab")
    keyboard.press("Space")  # Sunday
    keyboard.press("Tab")
    keyboard.press("Enter")
    assert has_focus(tutor, "add-0")
    assert page.locator("#starts-6-0").input_value() == "09:00"

    keyboard.press("Shift+Tab")
    keyboard.press("Enter")  # Monday's own hours go away again
    assert has_focus(tutor, "add-0")
    assert page.locator("#starts-0-0").count() == 0
    assert saved() == []
    page.locator("#starts-1-0").focus()
    keyboard.press("Enter")  # in any field: save

    tutor.sees("Your hours are saved.")
    assert saved() == ["Tuesday 09:00–11:00", "Sunday 09:00–11:00"]
    assert not tutor.is_too_wide


def test_mistake_is_named_beside_its_row_and_takes_the_focus(tutor: Visitor):
    tutor.press("Wednesday: add hours")
    assert has_focus(tutor, "starts-2-0")
    type_hours(tutor, "1100AM", "0900AM")
    tutor.sees("Some hours cannot be read yet")
    tutor.page.keyboard.press("Enter")

    tutor.sees("Nothing is saved yet.")
    assert tutor.page.evaluate("document.activeElement.getAttribute('role')") == "alert"
    tutor.sees("These hours must end after they start.")
    assert tutor.page.locator("#starts-2-0").get_attribute("aria-describedby") == "error-2-0"
    assert not tutor.is_too_wide
    assert saved() == []


def test_holiday_is_set_without_losing_what_is_typed_elsewhere(tutor: Visitor):
    first = timezone.now().date() + timedelta(days=3)
    tutor.press("Monday: add hours")
    assert has_focus(tutor, "starts-0-0")
    type_hours(tutor, "0900AM", "1100AM")
    tutor.page.fill("#dates_first", first.isoformat())
    tutor.page.fill("#dates_last", (first + timedelta(days=1)).isoformat())
    tutor.page.locator(".fortnight-hours", has_text="Closed").nth(1).wait_for()
    tutor.page.locator("#dates-form .actions button").click()

    tutor.sees("These days are set.")
    assert DateOverride.objects.count() == 2
    assert tutor.page.locator("#starts-0-0").input_value() == "09:00"

    tutor.page.locator(".exception-acts button").click()
    tutor.sees("2 days follow your week again.")
    assert tutor.page.locator("#ends-0-0").input_value() == "11:00"
    assert not DateOverride.objects.exists()


def test_sessions_left_outside_are_named_while_hours_are_typed(visit: Any, ada: Tutor, sam: User):
    make_booking(sam, ada, during=an_hour(tomorrow(15, days=2)), status=Booking.Status.PAID)
    day = tomorrow(days=2).weekday()
    tutor = visit(as_user=ada.user, width=1280).go("/teaching/hours/")
    assert tutor.page.get_by_text("lies outside these hours").count() == 0

    tutor.page.fill(f"#ends-{day}-0", "12:00")

    tutor.sees("1 booked session lies outside these hours")
    tutor.press("Save")
    tutor.sees("Your hours are saved.")
    tutor.press("Pause bookings")
    tutor.sees("Bookings are paused: nobody can book you.")


def test_whoever_leaves_with_something_unsaved_is_asked_first(tutor: Visitor):
    asked: list[str] = []

    def agree(dialog: Any) -> None:
        asked.append(dialog.type)
        dialog.accept()

    tutor.page.on("dialog", agree)
    tutor.press("Monday: add hours")
    assert has_focus(tutor, "starts-0-0")

    tutor.page.get_by_role("link", name="Cart").first.click()

    tutor.page.wait_for_url("**/cart/")
    assert asked == ["beforeunload"]


def test_second_tab_is_told_that_the_hours_have_changed(visit: Any, free_ada: Tutor):
    first, second = (visit(as_user=free_ada.user, width=390).go("/teaching/hours/") for _tab in range(2))
    for tab, day in ((first, "Monday"), (second, "Friday")):
        tab.press(f"{day}: add hours")
        assert has_focus(tab, f"starts-{0 if day == 'Monday' else 4}-0")
        type_hours(tab, "0900AM", "1100AM")
        tab.page.keyboard.press("Enter")
        tab.sees("Your hours are saved." if tab is first else "Your hours have been changed meanwhile")

    assert saved() == ["Monday 09:00–11:00"]
    assert second.page.locator("#starts-4-0").input_value() == "09:00"


def test_pages_of_time_fit_and_break_no_policy(visit: Any, ada: Tutor, maths: Any):
    visitor = visit(as_user=ada.user)
    for path in [
        "/teaching/hours/",
        "/teaching/why/",
        f"/teaching/why/?session_type=maths&date={tomorrow():%Y-%m-%d}&time=10:15",
    ]:
        assert visitor.fits(path), path
