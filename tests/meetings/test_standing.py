"""What is said of a meeting that is not ready: who knows of it, and what helps."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from bookings.kept import Kept
from bookings.models import Booking
from meetings.connections import CONSENT_GONE
from meetings.models import Meeting, VideoConnection
from meetings.models.connections import UNREADABLE
from tests.factories import make_booking, make_meeting
from tests.meetings.test_views_helping import look

pytestmark = pytest.mark.django_db


@pytest.fixture
def booking(ada, sam) -> Booking:
    return make_booking(sam, ada, status="paid")


@pytest.fixture
def meeting(booking) -> Meeting:
    return make_meeting(booking)


@pytest.mark.parametrize("trouble", ["pool_full", "set_up", "other", "cannot", "unreachable"])
def test_student_does_not_read_that_the_tutor_was_told_who_was_not(booking, meeting, sam, trouble: str):
    Meeting.objects.update(trouble=trouble, alerted_at=timezone.now())
    said = look(sam, booking)
    assert "Our team has been told and is looking after it." in said
    assert "Your tutor" not in said


@pytest.mark.parametrize(
    ("why", "sentence"),
    [
        (CONSENT_GONE, "Your tutor and our team have been told"),
        (UNREADABLE, "Our team has been told and is looking after it."),  # that mail goes to the staff alone
    ],
)
def test_student_reads_who_knows_of_an_account_that_broke(booking, meeting, sam, ada, why: Kept, sentence: str):
    now = timezone.now()
    broken = {"status": "broken", "broken_at": now, "broken_why": why()}
    VideoConnection.objects.create(tutor=ada, provider="zoom", connected_at=now, **broken)
    Meeting.objects.update(trouble="reconnect", alerted_at=now)
    assert sentence in look(sam, booking)


def test_tutor_at_the_end_of_the_chain_may_retry_and_reads_when_it_is_tried_by_itself(booking, meeting, ada):
    Meeting.objects.update(trouble="by_hand", provider="zoom", next_attempt_at=timezone.now() + timedelta(minutes=40))
    said = look(ada.user, booking)
    for words in ("waits for an address from you", "None of the places on your list", "Retry now", "The next try by itself"):
        assert words in said


def test_tutor_who_gives_every_address_is_offered_no_retry(booking, meeting, ada):
    Meeting.objects.update(trouble="by_hand", provider="manual", next_attempt_at=timezone.now() + timedelta(minutes=40))
    said = look(ada.user, booking)
    assert "Paste the address of your meeting." in said
    assert "Retry now" not in said
    assert "The next try by itself" not in said


def test_tutor_who_is_asked_where_the_first_place_fails_is_promised_no_try(booking, meeting, ada):
    """What comes next is a reminder."""
    ada.meeting_provider, ada.fallback_providers = "zoom", ["manual"]
    ada.save()
    Meeting.objects.update(trouble="by_hand", provider="zoom", next_attempt_at=timezone.now() + timedelta(minutes=40))
    said = look(ada.user, booking)
    for words in ("Paste the address of your meeting.", "Retry now"):
        assert words in said
    for words in ("The next try by itself", "None of the places on your list"):
        assert words not in said
    (button,) = re.findall(r'class="button"[^>]*>([^<]+)', said)  # the one that helps first
    assert button == "Give an address"
