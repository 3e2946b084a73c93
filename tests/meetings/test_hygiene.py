"""Pool links are looked after: old ones are set aside, rooms at Google are checked, and made when there are too few."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from bookings.doubles.server import Fault
from bookings.errors import DomainError
from meetings.doubles.google import GoogleDouble
from meetings.errors import LinkRetired, RoomGone
from meetings.hygiene import (
    check_due,
    check_link,
    confirm_link,
    fill_pool,
    forgotten_at,
    old_links,
    pool_connection,
    set_old_links_aside,
)
from meetings.models import Meeting, MeetingLink, ProviderCall, VideoConnection
from meetings.pool import assign_link
from meetings.providers.meet_spaces import SPACES_SCOPE
from tests.conftest import Drain
from tests.desk import address, text_of
from tests.factories import make_link, make_tutor
from tests.meetings.making import lesson, waiting_meeting
from tests.race import race

pytestmark = pytest.mark.django_db
Status = MeetingLink.Status
OWNER = "owner@example.com"


@pytest.fixture
def google(settings: Any) -> Iterator[GoogleDouble]:
    """A pretend Google in which the owner of the site may make rooms."""
    with GoogleDouble() as double:
        settings.GOOGLE_MEET_URL, settings.POOL_GOOGLE_ACCOUNT = double.url, OWNER
        VideoConnection.objects.create(
            tutor=make_tutor(),
            provider="google",
            account=OWNER,
            scopes=SPACES_SCOPE,
            access_token=double.token_for(OWNER, SPACES_SCOPE),
            refresh_token="refresh",
            expires_at=timezone.now() + timedelta(hours=1),
            connected_at=timezone.now(),
        )
        yield double


def made_link(double: GoogleDouble) -> MeetingLink:
    """A link whose room the owner's account made."""
    space = double.new_space(OWNER, is_ours=True)
    connection = VideoConnection.objects.get(account=OWNER)
    return make_link(url=space.uri, provider_space_id=space.name, connection=connection)


def aged(link: MeetingLink, days: int, **fields: Any) -> MeetingLink:
    MeetingLink.objects.filter(pk=link.pk).update(created_at=timezone.now() - timedelta(days=days), **fields)
    link.refresh_from_db()
    return link


def test_google_forgets_a_room_a_year_after_its_last_use():
    link = aged(make_link(), 400)
    assert forgotten_at(link) == link.created_at + timedelta(days=365)
    now = timezone.now()
    link.note_use(until=now)
    assert forgotten_at(link) == now + timedelta(days=365)
    assert forgotten_at(make_link(url="https://meet.jit.si/OurRoom")) is None


def test_room_that_nobody_opens_is_set_aside_before_google_forgets_it(settings: Any, drain: Drain):
    settings.ADMINS = [("Root", "root@example.com")]
    old, young, other = aged(make_link(label="Old"), 301), aged(make_link(), 299), make_link(url="https://meet.jit.si/A")
    aged(other, 301)
    assert [link.pk for link in set_old_links_aside(timezone.now())] == [old.pk]
    assert set_old_links_aside(timezone.now()) == []
    drain()
    assert {*MeetingLink.objects.available()} == {young, other}
    (letter,) = mail.outbox
    assert "- Old" in letter.body
    assert old.url not in letter.body


def test_old_room_that_a_session_will_open_stays():
    link = aged(make_link(), 320)
    assign_link(waiting_meeting())
    assert list(old_links(timezone.now())) == []
    Meeting.objects.update(status="cancelled")
    assert list(old_links(timezone.now())) == [link]


def test_person_who_opened_the_room_makes_it_new_again():
    link = aged(make_link(fault="old"), 350)
    confirm_link(link)
    link.refresh_from_db()
    assert (link.fault, link.checked_at is not None, list(old_links(timezone.now()))) == ("", True, [])


def test_room_that_is_there_is_found(google: GoogleDouble):
    link = check_link(made_link(google))
    assert (link.fault, link.checked_at is not None, link.status) == ("", True, Status.AVAILABLE)
    assert ProviderCall.objects.get().what == "check"


def test_room_that_is_gone_is_retired_and_its_sessions_move(google: GoogleDouble):
    link, spare = made_link(google), make_link()
    meeting = waiting_meeting()
    assign_link(meeting)
    google.forget_space(link.provider_space_id)
    assert check_link(link).status == Status.RETIRED
    meeting.refresh_from_db()
    assert meeting.link == spare


def test_address_that_was_given_to_another_room_leads_nobody_there(google: GoogleDouble):
    link = made_link(google)
    google.spaces[link.provider_space_id].code = "new-code-now"
    checked = check_link(link)
    assert checked.status == Status.RETIRED
    assert "another address" in checked.fault


def test_room_of_somebody_else_is_not_retired_for_being_unseen(google: GoogleDouble):
    link = make_link()
    with pytest.raises(RoomGone):
        check_link(link)
    link.refresh_from_db()
    assert (link.status, link.checked_at) == (Status.AVAILABLE, None)


def test_account_that_did_not_make_the_room_cannot_say_that_it_is_gone(google: GoogleDouble):
    """Google knows no difference between a room of another account and none."""
    link = made_link(google)
    VideoConnection.objects.update(disconnected_at=timezone.now())
    other = VideoConnection.objects.create(
        tutor=make_tutor(),
        provider="google",
        account=OWNER,
        scopes=SPACES_SCOPE,
        access_token=google.token_for(OWNER, SPACES_SCOPE),
        refresh_token="refresh",
        expires_at=timezone.now() + timedelta(hours=1),
        connected_at=timezone.now(),
    )
    assert pool_connection() == other
    google.refuse_next("GET /v2/spaces", 404, {"error": {"code": 404, "status": "NOT_FOUND"}})
    with pytest.raises(RoomGone):
        check_link(MeetingLink.objects.get())
    assert check_due(timezone.now()) == 0
    link.refresh_from_db()
    assert (link.status, link.fault, link.checked_at) == (Status.AVAILABLE, "", None)
    assert len(google.requests) == 1


def test_check_needs_an_account():
    with pytest.raises(DomainError, match="no Google account"):
        check_link(make_link())
    with pytest.raises(LinkRetired):
        check_link(make_link(status=Status.RETIRED))


def test_rooms_of_the_site_are_checked_in_turn(google: GoogleDouble):
    one, two = made_link(google), made_link(google)
    make_link()
    assert check_due(timezone.now()) == 2
    assert check_due(timezone.now()) == 0
    aged(one, 10, checked_at=timezone.now() - timedelta(days=8))
    google.fail_next(Fault.ERROR)
    assert check_due(timezone.now()) == 0  # Google is busy: later
    assert check_due(timezone.now()) == 1
    assert two.checked_at is None


def test_pool_is_filled_up_to_its_target(google: GoogleDouble, settings: Any):
    settings.POOL_TARGET_SIZE = 3
    make_link()
    waiting = [waiting_meeting(lesson()) for _ in range(3)]
    assert (fill_pool(), fill_pool()) == (2, 0)
    made = MeetingLink.objects.exclude(provider_space_id="")
    assert {link.url for link in made} == {space.uri for space in google.spaces.values()}
    assert all(space.config["accessType"] == "OPEN" for space in google.spaces.values())
    assert len({assign_link(meeting) for meeting in waiting}) == 3


def test_pool_goes_on_filling_when_google_lets_it(google: GoogleDouble, settings: Any):
    settings.POOL_TARGET_SIZE = 14
    assert fill_pool() == 10  # Google makes ten a minute
    google.pass_time(61)
    assert fill_pool() == 4


def test_lost_answer_leaves_a_room_unused_and_the_pool_is_full_all_the_same(google: GoogleDouble, settings: Any):
    settings.POOL_TARGET_SIZE = 2
    google.fail_next(Fault.RESET, "POST /v2/spaces")
    assert (fill_pool(), fill_pool()) == (0, 2)
    assert (len(google.spaces), MeetingLink.objects.count()) == (3, 2)


def test_no_room_is_made_without_a_target_or_an_account(google: GoogleDouble, settings: Any):
    assert fill_pool() == 0
    settings.POOL_TARGET_SIZE, settings.POOL_GOOGLE_ACCOUNT = 5, "nobody@example.com"
    assert fill_pool() == 0


@pytest.mark.django_db(transaction=True)
def test_two_workers_make_no_room_too_many(google: GoogleDouble, settings: Any):
    settings.POOL_TARGET_SIZE = 5
    race(lambda _number: fill_pool(), threads=4)
    assert (MeetingLink.objects.count(), len(google.spaces)) == (5, 5)


def test_list_shows_how_well_links_are(desk: Client):
    aged(make_link(label="Old one"), 310)
    make_link(label="Young one")
    page = text_of(desk.get(address(MeetingLink)))
    assert "in 54 days" in page
    assert "in 364 days" in page
    assert "Young one" not in text_of(desk.get(address(MeetingLink), {"needs": "look"}))
    assert "Old one" in text_of(desk.get(address(MeetingLink), {"needs": "unused"}))


def test_buttons_check_and_confirm(desk: Client, google: GoogleDouble):
    link = made_link(google)
    page = address(MeetingLink, "change", link.pk)
    assert "is there, at this address" in text_of(desk.post(page.replace("change", "check"), follow=True))
    MeetingLink.objects.update(status=Status.CORDONED)
    assert "may be given to sessions" in text_of(desk.post(page.replace("change", "confirm"), follow=True))
    assert MeetingLink.objects.get().status == Status.AVAILABLE
