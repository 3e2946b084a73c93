"""Parts of pages that look again by themselves: after a look that failed, and without taking away what one is at."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from bookings.models import Booking, Tutor, User
from meetings.models import Meeting, ProviderSwitch, SessionSwitch
from meetings.pool import assign_link
from tests.browser.visitor import Visitor
from tests.factories import an_hour, make_booking, make_link, make_meeting, tomorrow

pytestmark = pytest.mark.django_db(transaction=True)
STATUS = "**/bookings/*/meeting/*"
FOCUSED = "document.activeElement.id"


@pytest.fixture
def booking(sam: User, ada: Tutor) -> Booking:
    return make_booking(sam, ada, status=Booking.Status.PAID)


@pytest.fixture
def meeting(booking: Booking) -> Meeting:
    return make_meeting(booking)


def comes_back(visitor: Visitor) -> None:
    """As after a tunnel: the browser says that it is on line again."""
    visitor.page.evaluate("window.dispatchEvent(new Event('online'))")


def forgive(visitor: Visitor) -> None:
    """The console was told of the failures that were made on purpose."""
    visitor.complaints.clear()


def test_page_whose_looks_fail_finds_its_way_afterwards(visit, booking: Booking, meeting: Meeting, sam: User):
    student = visit(as_user=sam, width=390)
    page = student.page
    page.clock.install()
    page.route(STATUS, lambda route: route.fulfill(status=503), times=1)
    student.go(booking.get_absolute_url())
    student.sees("Looking up where your session is held")
    with page.expect_response(STATUS) as answer:
        page.clock.fast_forward(11_000)
    assert answer.value.status == 200
    student.sees("Your meeting is being prepared.")

    page.route(STATUS, lambda route: route.abort(), times=1)
    with page.expect_event("requestfailed"):
        page.clock.fast_forward(6_000)
    make_link()
    assign_link(meeting)
    page.clock.fast_forward(6_000)
    student.sees("Your link is ready.")
    forgive(student)


def test_page_looks_at_once_when_its_reader_comes_back(visit, booking: Booking, meeting: Meeting, sam: User):
    make_link()
    assign_link(meeting)
    student = visit(as_user=sam).go(booking.get_absolute_url())
    student.sees("Your link is ready.")  # and the next look by the clock is in an hour
    Booking.objects.update(status=Booking.Status.CANCELLED)
    comes_back(student)
    student.sees("This session does not take place.")


def test_page_at_the_door_outlasts_looks_that_fail(visit, sam: User, ada: Tutor):
    """A page that is reloaded where there is no network is lost; a part that asks again is not."""
    now = timezone.now()
    booking = make_booking(sam, ada, status=Booking.Status.PAID, during=an_hour(now + timedelta(minutes=30)))
    meeting = make_meeting(booking)
    student = visit(as_user=sam, width=390)
    page = student.page
    page.clock.install()
    student.go(reverse("meetings:join", args=[booking.reference]))
    student.sees("The door opens at")
    page.route("**/join/*", lambda route: route.abort())
    with page.expect_event("requestfailed"):
        page.clock.fast_forward(16 * 60_000)
    assert page.get_by_text("The door opens at").is_visible()

    page.unroute("**/join/*")
    during = (now, now + timedelta(hours=1))
    Booking.objects.update(during=during, blocks=during)
    Meeting.objects.update(during=during)
    make_link()
    assign_link(meeting)
    comes_back(student)
    page.get_by_role("heading", name="The door is open").wait_for()
    assert page.locator("#door-said").inner_text() == "You can go in now."
    assert page.title().startswith("The door is open")
    forgive(student)


def test_page_asks_only_once_who_did_not_come(visit, sam: User, ada: Tutor):
    began = timezone.now() - timedelta(minutes=20)
    booking = make_booking(sam, ada, status=Booking.Status.PAID, during=an_hour(began))
    make_link()
    assign_link(make_meeting(booking))
    student = visit(as_user=sam)
    links = student.page.get_by_role("link", name="Report an absence")
    for path in (booking.get_absolute_url(), booking.order.get_absolute_url()):
        student.go(path).sees("The door is open.")
        links.first.wait_for()
        student.page.wait_for_load_state("networkidle")
        assert links.count() == 1


def test_button_keeps_the_focus_when_the_words_around_it_change(visit, booking: Booking, meeting: Meeting, ada: Tutor):
    Meeting.objects.update(trouble="unreachable")
    tutor = visit(as_user=ada.user).go(booking.get_absolute_url())
    button = tutor.page.get_by_role("button", name="Retry now")
    button.focus()
    was = tutor.page.evaluate(FOCUSED)
    assert was

    Meeting.objects.update(trouble="pool_full")
    comes_back(tutor)

    tutor.sees("Every room is taken at this time")
    assert tutor.page.evaluate(FOCUSED) == was


def test_list_of_sessions_on_the_move_stays_folded_and_its_links_keep_the_focus(visit, sam: User, ada: Tutor):
    switch = ProviderSwitch.objects.create(tutor=ada, provider="sandbox", asked_at=timezone.now())
    for hour in (9, 11):
        booking = make_booking(sam, ada, status=Booking.Status.PAID, during=an_hour(tomorrow(hour)))
        SessionSwitch.objects.create(switch=switch, meeting=make_meeting(booking), was_provider="pool")
    tutor = visit(as_user=ada.user).go(reverse("meetings:connection_list"))
    moving = tutor.page.locator("section", has=tutor.page.locator("#switch-now"))
    link = moving.locator("#switch-sessions a").last
    link.focus()
    was = tutor.page.evaluate(FOCUSED)
    assert was

    SessionSwitch.objects.filter(meeting__booking=booking).update(outcome="failed")
    comes_back(tutor)
    moving.locator("#switch-now").get_by_text("Could not be moved").wait_for()
    assert tutor.page.evaluate(FOCUSED) == was
    assert moving.locator("#switch-sessions .badge-bad").count() == 1

    moving.get_by_text("Each session").click()
    SessionSwitch.objects.update(outcome="moved")
    ProviderSwitch.objects.update(finished_at=timezone.now())
    comes_back(tutor)
    moving.get_by_text("is done").wait_for()
    assert not link.is_visible()
    assert moving.locator("#switch-now[hx-get]").count() == 0
