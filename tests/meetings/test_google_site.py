"""Sessions in the site's own Google account, of tutors who connected none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bookings.models import Booking, User
from meetings.doubles.google import GoogleDouble
from meetings.doubles.google_books import calendar_no
from meetings.models import Meeting, ProviderCall, VideoConnection
from meetings.planning import plan_meeting
from meetings.providers.google_service import EVENTS_SCOPE
from meetings.providers.meet_spaces import SPACES_SCOPE
from meetings.provisioning import provision_meeting
from tests.factories import an_hour, make_booking, make_link, make_tutor, tomorrow
from tests.meetings.google_site import host_for_all, site_with_google
from tests.meetings.providers.google_vendor import EVENTS, OFFICE

pytestmark = pytest.mark.django_db(transaction=True)
ALL = (EVENTS_SCOPE, SPACES_SCOPE)


@pytest.fixture
def google(settings: Any, tmp_path: Path) -> Iterator[GoogleDouble]:
    """Google, whose links are there at once, and the site's account with all its rights."""
    with site_with_google(settings) as double:
        double.hold_conferences(reads=0)
        host_for_all(double, settings, tmp_path, may=ALL)
        yield double


def planned(student: User) -> Meeting:
    tutor = make_tutor(meeting_provider="google")
    booking = make_booking(student, tutor, during=an_hour(tomorrow(12, days=3)), status=Booking.Status.PAID)
    meeting = plan_meeting(booking)
    assert meeting is not None
    return meeting


@pytest.mark.defect("CE-24")
def test_account_of_the_site_hosts_for_tutors_who_connected_nothing(google: GoogleDouble, sam: User):
    ready = provision_meeting(planned(sam))
    assert list(google.accounts[OFFICE].events) == [ready.external_id]
    assert VideoConnection.objects.get().tutor is None


def test_right_that_is_missing_does_not_break_the_account_of_the_site(google: GoogleDouble, sam: User):
    link = make_link()
    google.refuse_next(f"POST {EVENTS}", 403, calendar_no(403, "insufficientPermissions").body)
    ready = provision_meeting(planned(sam))
    assert (ready.provider, ready.link) == ("pool", link)
    assert ProviderCall.objects.get(what="create").outcome == ProviderCall.Outcome.MISCONFIGURED
    assert VideoConnection.objects.get().is_usable
