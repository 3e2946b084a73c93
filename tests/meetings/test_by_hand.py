from datetime import datetime, timedelta

import pytest
import time_machine
from django.contrib.auth.models import Permission
from django.core import mail
from django.db import transaction
from django.test import Client
from django.utils import timezone

from bookings.errors import BookingNotPaid
from bookings.models import Booking, Notice
from meetings import planning
from meetings.alarms import watch
from meetings.by_hand import give_address
from meetings.errors import AddressInUse, AddressOfPool, AddressWanted, LinkAddressRefused, SessionOver
from meetings.models import Meeting
from meetings.pool import assign_link
from meetings.provisioning import provision_in_turn, provision_meeting
from tests.conftest import Drain
from tests.desk import address, text_of
from tests.factories import make_link, make_user
from tests.meetings.making import lesson, paid_booking, waiting_meeting
from tests.race import race

pytestmark = pytest.mark.django_db
OWN = "https://us02web.zoom.us/j/123?pwd=abc"
OTHER = "https://whereby.com/ada"


@pytest.fixture
def booking(ada, sam) -> Booking:
    """A session of a tutor who gives every address by hand."""
    booking = paid_booking()
    Booking.objects.filter(pk=booking.pk).update(tutor=ada, student=sam)
    ada.meeting_provider = "manual"
    ada.save()
    booking.refresh_from_db()
    return booking


def meeting_of(booking: Booking) -> Meeting:
    return Meeting.objects.get(booking=booking)


def try_at(booking: Booking, at: datetime) -> None:
    with time_machine.travel(at, tick=False):
        provision_in_turn(meeting_of(booking).pk)


def wanted_of(booking: Booking) -> list[str]:
    notices = Notice.objects.filter(booking=booking, fact="address_wanted").order_by("pk")
    return [f"{notice.to.email} {notice.key.rsplit(':')[-1]}".strip() for notice in notices]


def test_address_of_a_person_makes_the_meeting_ready(booking, ada):
    planning.plan_meeting(booking)
    give_address(booking, "  HTTPS://us02web.ZOOM.us/j/123/?pwd=abc#top ", who=ada.user)
    meeting = meeting_of(booking)
    assert (meeting.status, meeting.provider, meeting.trouble) == ("ready", "manual", "")
    assert {meeting.address_for(is_tutor=True), meeting.address_for(is_tutor=False)} == {OWN}
    change = booking.changes.get(what="meeting link")
    assert (change.was, change.became, change.why, change.who) == ("", "Zoom", "given by hand", ada.user)
    assert not Notice.objects.filter(fact="link_changed").exists()  # they knew no other place


def test_address_can_be_given_before_anybody_planned_the_meeting(booking, ada):
    assert give_address(booking, OWN, who=ada.user).is_ready


def test_address_that_is_changed_is_told_to_the_other_one_only(booking, ada, sam):
    give_address(booking, OWN, who=ada.user)
    Meeting.objects.update(seen_at=timezone.now())
    give_address(booking, OTHER, who=ada.user)
    told = Notice.objects.get(fact="link_changed")
    assert (told.to, told.details["place"]) == (sam, "Whereby")
    meeting = meeting_of(booking)
    assert (meeting.join_url_student, meeting.seen_at) == (OTHER, None)


def test_address_that_is_changed_by_the_staff_is_told_to_both(booking, ada, sam, root):
    give_address(booking, OWN, who=ada.user)
    give_address(booking, OTHER, who=root)
    assert {notice.to for notice in Notice.objects.filter(fact="link_changed")} == {sam, ada.user}


def test_same_address_again_changes_nothing(booking, ada):
    give_address(booking, OWN, who=ada.user)
    before = meeting_of(booking)
    give_address(booking, OWN, who=ada.user)
    assert meeting_of(booking).generation == before.generation
    assert booking.changes.filter(what="meeting link").count() == 1


def test_address_takes_the_place_of_a_pool_link_and_frees_it(booking, ada, django_capture_on_commit_callbacks, drain: Drain):
    ada.meeting_provider = "pool"
    ada.save()
    make_link()
    meeting = planning.plan_meeting(booking)
    assert meeting is not None
    assign_link(meeting)
    other = waiting_meeting()
    with django_capture_on_commit_callbacks(execute=True):
        give_address(booking, OWN, who=ada.user)
    assert meeting_of(booking).link is None
    drain()
    other.refresh_from_db()
    assert other.is_ready  # it waited for the link that came free


def test_address_is_given_while_people_meet_but_not_once_the_door_has_closed(booking, ada):
    with time_machine.travel(booking.ends_at, tick=False):
        assert give_address(booking, OWN, who=ada.user).is_ready
    with time_machine.travel(booking.join_closes_at, tick=False), pytest.raises(SessionOver):
        give_address(booking, OTHER, who=ada.user)


@pytest.mark.parametrize("status", ["held", "cancelled", "completed"])
def test_address_is_for_paid_sessions_only(booking, ada, status: str):
    Booking.objects.update(status=status)
    with pytest.raises(BookingNotPaid):
        give_address(booking, OWN, who=ada.user)
    assert not Meeting.objects.exists()


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "http://zoom.us/j/1",
        "javascript:alert(1)",
        "zoom",
        "https://me:secret@zoom.us/j/1",
        "https://a b",
        "x" * 501,
        "\0",
    ],
)
def test_address_that_is_none_is_refused(booking, ada, typed: str):
    with pytest.raises(LinkAddressRefused):
        give_address(booking, typed, who=ada.user)
    assert not Meeting.objects.exists()


def test_address_of_the_pool_is_refused_whatever_its_state(booking, ada):
    make_link(url="https://meet.google.com/abc-defg-hij", status="retired")
    with pytest.raises(AddressOfPool):
        give_address(booking, "meet.google.com/ABC-defg-hij?authuser=1", who=ada.user)


def test_address_where_others_meet_then_is_refused(booking, ada):
    other = paid_booking(lesson(59))
    give_address(other, OWN, who=other.tutor.user)
    with pytest.raises(AddressInUse):
        give_address(booking, OWN, who=ada.user)
    touching = paid_booking(lesson(119))
    assert give_address(touching, OWN, who=touching.tutor.user).is_ready


@pytest.mark.django_db(transaction=True)
def test_two_sessions_at_once_never_get_one_address():
    sessions = [paid_booking() for _ in range(4)]
    outcomes = race(lambda number: give_address(sessions[number], OWN, who=sessions[number].tutor.user), threads=4)
    assert sum(outcome.error is None for outcome in outcomes) == 1
    assert all(isinstance(outcome.error, AddressInUse) for outcome in outcomes if outcome.error)
    assert Meeting.objects.filter(status="ready").count() == 1


@pytest.mark.django_db(transaction=True)
def test_address_by_hand_and_a_provider_that_makes_a_room_at_that_moment_leave_one_place():
    meetings = [waiting_meeting(lesson(number * 90), provider="sandbox") for number in range(4)]

    def work(number: int) -> object:
        meeting = meetings[number // 2]
        if number % 2:
            return provision_meeting(meeting)
        with transaction.atomic():
            return give_address(meeting.booking, f"{OTHER}{number}", who=meeting.booking.tutor.user)

    race(work, threads=8)
    for number, meeting in enumerate(meetings):
        meeting.refresh_from_db()
        assert (meeting.provider, meeting.join_url_student) == ("manual", f"{OTHER}{number * 2}")
        assert (meeting.link, meeting.external_id) == (None, "")


def test_tutor_is_asked_at_once_and_reminded_a_day_and_two_hours_before(booking, ada):
    with time_machine.travel(booking.starts_at - timedelta(days=3), tick=False):
        meeting = planning.plan_meeting(booking)
        assert meeting is not None
        with pytest.raises(AddressWanted):
            provision_meeting(meeting)
    meeting.refresh_from_db()
    assert (meeting.trouble, meeting.next_attempt_at) == ("by_hand", booking.starts_at - timedelta(hours=24))
    assert wanted_of(booking) == ["ada@example.com"]
    for hours in (30, 24, 23, 2, 1):
        try_at(booking, booking.starts_at - timedelta(hours=hours))
    assert wanted_of(booking) == ["ada@example.com", "ada@example.com day", "ada@example.com hours"]


def test_staff_are_told_a_day_and_two_hours_before_once_each(booking, root):
    with time_machine.travel(booking.starts_at - timedelta(days=3), tick=False):
        planning.plan_meeting(booking)
    for hours, mails in ((70, 0), (24, 1), (20, 1), (2, 2), (1, 2)):
        with time_machine.travel(booking.starts_at - timedelta(hours=hours), tick=False):
            provision_in_turn(meeting_of(booking).pk)
            watch(timezone.now())
        assert sum("No meeting link" in letter.subject for letter in mail.outbox) == mails


def test_session_paid_at_the_last_minute_asks_the_tutor_once_and_the_staff_at_once(booking):
    with time_machine.travel(booking.starts_at - timedelta(hours=1), tick=False):
        planning.plan_meeting(booking)
        provision_in_turn(meeting_of(booking).pk)
        provision_in_turn(meeting_of(booking).pk)
    assert wanted_of(booking) == ["ada@example.com"]
    assert meeting_of(booking).alerted_at is not None


def test_tutor_is_not_asked_for_what_was_given(booking, ada):
    planning.plan_meeting(booking)
    give_address(booking, OWN, who=ada.user)
    provision_in_turn(meeting_of(booking).pk)
    assert wanted_of(booking) == []


def test_session_that_moves_waits_for_an_address_again(booking, ada):
    give_address(booking, OWN, who=ada.user)
    later = lesson(600)
    Booking.objects.filter(pk=booking.pk).update(during=(later.start, later.end), blocks=(later.start, later.end))
    planning.move_meeting(booking)
    meeting = meeting_of(booking)
    assert (meeting.status, meeting.provider, meeting.join_url_student) == ("waiting", "manual", "")


def test_staff_give_an_address_in_the_admin(booking, desk, root, ada, sam):
    meeting = planning.plan_meeting(booking)
    assert meeting is not None
    page = address(Meeting, "change", meeting.pk)
    assert 'name="address"' in text_of(desk.get(page))
    desk.post(address(Meeting, "address", meeting.pk), {"address": OWN})
    meeting.refresh_from_db()
    assert (meeting.provider, meeting.join_url_student) == ("manual", OWN)
    assert booking.changes.get(what="meeting link").who == root
    assert OWN not in text_of(desk.get(page))


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("", "Please paste the address of your meeting."),
        ("http://zoom.us/j/1", "The address must start with https://."),
        ("https://meet.google.com/abc-defg-hij", "This address belongs to the link pool"),
    ],
)
def test_admin_refuses_what_is_no_address(booking, desk, typed: str, sentence: str):
    make_link(url="https://meet.google.com/abc-defg-hij")
    meeting = planning.plan_meeting(booking)
    assert meeting is not None
    page = text_of(desk.post(address(Meeting, "address", meeting.pk), {"address": typed}))
    assert sentence in page
    assert f'value="{typed}"' in page or not typed  # to be mended, not typed again
    meeting.refresh_from_db()
    assert meeting.is_waiting


def test_admin_of_a_session_that_is_over_has_no_form(booking, desk):
    meeting = planning.plan_meeting(booking)
    assert meeting is not None
    Booking.objects.update(status="completed")
    assert 'name="address"' not in text_of(desk.get(address(Meeting, "change", meeting.pk)))
    desk.post(address(Meeting, "address", meeting.pk), {"address": OWN})
    meeting.refresh_from_db()
    assert meeting.is_waiting


def test_staff_without_the_permission_give_no_address(booking):
    meeting = planning.plan_meeting(booking)
    assert meeting is not None
    reader = make_user(is_staff=True)
    reader.user_permissions.add(Permission.objects.get(codename="view_meeting"))
    client = Client()
    client.force_login(reader)
    assert 'name="address"' not in text_of(client.get(address(Meeting, "change", meeting.pk)))
    for ask in (client.get, client.post):
        assert ask(address(Meeting, "address", meeting.pk), {"address": OWN}).status_code == 403
