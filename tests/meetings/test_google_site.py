"""Sessions in the site's own Google account, of tutors who connected none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from bookings.kept import in_english
from bookings.models import Booking, Tutor, User
from meetings.connections import connection_for, note_use
from meetings.doubles.google import GoogleDouble
from meetings.doubles.google_books import calendar_no
from meetings.errors import NoPlaceLeft
from meetings.keeping_alive import check_and_note, look_after_accounts
from meetings.models import Meeting, ProviderCall, VideoConnection
from meetings.planning import plan_meeting
from meetings.providers.base import ABILITY_UNSEEN
from meetings.providers.google_api import CANNOT_MEET
from meetings.providers.google_doors import NOBODY_ADMITS
from meetings.providers.google_service import EVENTS_SCOPE, LADDER
from meetings.providers.meet_spaces import SPACES_SCOPE
from meetings.provisioning import provision_meeting
from meetings.refusals import refusals_of_set_up
from meetings.set_up import doubts_of_site
from meetings.upkeep import try_vendors_again
from meetings.ways import usable_ways
from tests.factories import an_hour, make_booking, make_link, make_tutor, make_user, tomorrow
from tests.meetings.google_site import host_for_all, site_with_google
from tests.meetings.providers.google_vendor import EVENTS, OFFICE
from tests.meetings.test_google_meetings import close_rooms, held, try_again_later

pytestmark = pytest.mark.django_db(transaction=True)
EARLIER = (EVENTS_SCOPE, SPACES_SCOPE)  # what an operator authorised before rooms were opened


@pytest.fixture
def google(settings: Any, tmp_path: Path) -> Iterator[GoogleDouble]:
    """Google, whose links are there at once, and the site's account with all its rights."""
    with site_with_google(settings) as double:
        double.hold_conferences(reads=0)
        host_for_all(double, settings, tmp_path, may=LADDER[0])
        yield double


def planned(student: User, **fields: Any) -> Meeting:
    tutor = make_tutor(meeting_provider="google", **fields)
    booking = make_booking(student, tutor, during=an_hour(tomorrow(12, days=3)), status=Booking.Status.PAID)
    meeting = plan_meeting(booking)
    assert meeting is not None
    return meeting


@pytest.mark.defect("CE-24")
def test_account_of_the_site_hosts_for_tutors_who_connected_nothing(google: GoogleDouble, sam: User):
    ready = provision_meeting(planned(sam))
    assert list(held(google)) == [ready.external_id]
    assert [space.config["accessType"] for space in google.spaces.values()] == ["OPEN"]
    assert VideoConnection.objects.get().tutor is None


def test_right_that_is_missing_does_not_break_the_account_of_the_site(google: GoogleDouble, sam: User):
    link = make_link()
    google.refuse_next(f"POST {EVENTS}", 403, calendar_no(403, "insufficientPermissions").body)
    ready = provision_meeting(planned(sam))
    assert (ready.provider, ready.link) == ("pool", link)
    assert ProviderCall.objects.get(what="create").outcome == ProviderCall.Outcome.MISCONFIGURED
    assert VideoConnection.objects.get().is_usable


@pytest.mark.parametrize("reads", [0, 2], ids=["at once", "later"])
def test_room_in_which_nobody_could_admit_is_left_for_the_next_place(
    google: GoogleDouble, settings: Any, tmp_path: Path, sam: User, reads: int
):
    host_for_all(google, settings, tmp_path, may=EARLIER)
    google.hold_conferences(reads=reads)
    link, meeting = make_link(), planned(sam)
    try_again_later(meeting)
    assert (meeting.provider, meeting.link) == ("pool", link)
    assert VideoConnection.objects.get().is_usable
    close_rooms()
    assert held(google) == {}


def test_operator_is_told_which_right_lets_people_in(google: GoogleDouble, settings: Any, tmp_path: Path, sam: User):
    host_for_all(google, settings, tmp_path, may=EARLIER)
    meeting = planned(sam, fallback_providers=[])
    with pytest.raises(NoPlaceLeft):
        provision_meeting(meeting)
    meeting.refresh_from_db()
    assert ProviderCall.objects.get(what="create").detail.startswith("door: PATCH: 403")
    assert (meeting.trouble, meeting.last_error) == (Meeting.Trouble.SET_UP, in_english(NOBODY_ADMITS))
    assert meeting.alerted_at is not None
    assert any(str(NOBODY_ADMITS) in doubt for doubt in doubts_of_site())
    assert ["all the rights" in refusal.advice for refusal in refusals_of_set_up(timezone.now())] == [True]


def test_tutor_of_the_sites_own_domain_needs_no_further_right(
    google: GoogleDouble, settings: Any, tmp_path: Path, sam: User
):
    host_for_all(google, settings, tmp_path, may=EARLIER)
    ready = provision_meeting(planned(sam, user=make_user("ada@school.example.com")))
    assert (ready.provider, list(held(google))) == ("google", [ready.external_id])


def told_by_google(google: GoogleDouble) -> set[str]:
    """Return whom Google was asked to tell, of all that was written into calendars."""
    writes = [one for one in google.requests if one.path.startswith(EVENTS) and one.method != "GET"]
    return {word for one in writes for word in one.query["sendUpdates"]}


@pytest.mark.parametrize("reads", [0, 2], ids=["at once", "later"])
def test_session_that_cannot_be_held_there_is_news_to_nobody_however_often_it_is_tried(
    google: GoogleDouble, settings: Any, tmp_path: Path, sam: User, reads: int
):
    settings.MEETING_PROVIDERS["google"]["OPTIONS"]["invites"] = True
    host_for_all(google, settings, tmp_path, may=EARLIER)
    google.hold_conferences(reads=reads)
    meeting = planned(sam, fallback_providers=[])
    for rounds in range(1, 4):
        with pytest.raises(NoPlaceLeft):
            try_again_later(meeting)
        close_rooms()
        assert (len(google.account(OFFICE).events), held(google)) == (rounds, {})
        try_vendors_again(timezone.now())
    assert told_by_google(google) == {"none"}
    assert google.mails == []


@pytest.mark.parametrize("reads", [0, 2], ids=["at once", "later"])
def test_tutor_and_student_are_invited_once_to_a_room_they_get_into(
    google: GoogleDouble, settings: Any, sam: User, reads: int
):
    settings.MEETING_PROVIDERS["google"]["OPTIONS"]["invites"] = True
    google.hold_conferences(reads=reads)
    meeting = planned(sam)
    try_again_later(meeting)
    [event] = google.account(OFFICE).events.values()
    assert (meeting.status, meeting.external_id) == (Meeting.Status.READY, event["id"])
    assert [one["email"] for one in event["attendees"]] == [meeting.booking.tutor.user.email, sam.email]
    assert google.mails == [("invited", event["id"], "all")]


def look() -> VideoConnection:
    """Look after accounts as every hour, and return the site's as it is then."""
    look_after_accounts(timezone.now())
    connection: VideoConnection = VideoConnection.objects.get()
    check_and_note(connection)
    connection.refresh_from_db()
    return connection


def is_offered_to(tutor: Tutor) -> bool:
    return "google" in {way.name for way in usable_ways(tutor)}


def test_account_of_the_site_is_looked_at_before_its_first_session(google: GoogleDouble, ada: Tutor):
    google.allow_meet(OFFICE, False)
    seen = look()
    assert (seen.can_host, seen.remark, seen.is_usable) == (False, in_english(CANNOT_MEET), True)
    assert connection_for(ada, "google") is None
    assert not is_offered_to(ada)
    assert any(str(CANNOT_MEET) in doubt for doubt in doubts_of_site())

    google.allow_meet(OFFICE, True)
    seen = look()
    assert (seen.can_host, seen.remark) == (True, "")
    assert connection_for(ada, "google") == seen
    assert is_offered_to(ada)


def test_account_of_the_site_that_we_may_not_look_into_is_taken_at_its_word(
    google: GoogleDouble, settings: Any, tmp_path: Path, sam: User
):
    host_for_all(google, settings, tmp_path, may=LADDER[1])
    google.allow_meet(OFFICE, False)
    seen = look()
    assert (seen.can_host, seen.remark) == (True, in_english(ABILITY_UNSEEN))

    google.allow_meet(OFFICE, True)
    provision_meeting(planned(sam))
    assert VideoConnection.objects.get().remark == ""
    assert look().remark == ""


def test_look_keeps_what_a_room_remarked(google: GoogleDouble):
    seen = look()
    note_use(seen.pk, at=timezone.now(), remark="Such meetings end after 40 minutes.")
    assert look().remark == "Such meetings end after 40 minutes."
