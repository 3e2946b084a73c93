"""Why a vendor refused is told to whom it concerns: which right is missing, what an organisation or a plan forbids."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.messages import get_messages
from django.core import mail
from django.test import Client

from bookings.models import Tutor
from bookings.times import During
from meetings import connections
from meetings.connections import access_to, mark_refused
from meetings.doubles.google import GoogleDouble
from meetings.doubles.zoom import ZoomDouble
from meetings.errors import ConnectionBroken
from meetings.models import Meeting, VideoConnection
from meetings.planning import plan_paid_meeting
from meetings.providers import google_api, zoom_api
from meetings.providers.google_tokens import NOT_ALLOWED
from meetings.provisioning import provision_meeting
from tests.conftest import Drain
from tests.factories import make_link
from tests.meetings.google_site import connect_google, site_with_google
from tests.meetings.making import lesson, make_connection, paid_booking
from tests.meetings.zoom_site import connect_zoom, site_with_zoom

FORBIDDEN = ["admin_policy_enforced", "org_internal", "access_denied"]
NO_SCOPE = {"error": {"code": 403, "message": "…", "errors": [{"reason": "insufficientPermissions", "message": "…"}]}}


@pytest.fixture
def google(settings: Any) -> Iterator[GoogleDouble]:
    with site_with_google(settings) as double:
        double.hold_conferences(reads=0)
        yield double


@pytest.fixture
def zoom(settings: Any) -> Iterator[ZoomDouble]:
    with site_with_zoom(settings) as double:
        yield double


def session_at(provider: str, tutor: Tutor, during: During | None = None) -> Meeting:
    """A paid session of a tutor who wishes to teach there."""
    Tutor.objects.filter(pk=tutor.pk).update(meeting_provider=provider)
    return plan_paid_meeting(paid_booking(during, tutor=Tutor.objects.get(pk=tutor.pk)))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("word", FORBIDDEN)
def test_who_connects_reads_that_their_organisation_forbids_it(google: GoogleDouble, desk_of_ada: Client, word: str):
    page_of_google = desk_of_ada.post("/teaching/meetings/google/connect/").headers["Location"]
    google.refuse_next("POST /token", 400, {"error": word})
    back = urlsplit(google.consent(page_of_google))

    answer = desk_of_ada.get(f"{back.path}?{back.query}")

    assert [str(message) for message in get_messages(answer.wsgi_request)] == [str(NOT_ALLOWED)]


@pytest.mark.django_db(transaction=True)
def test_organisation_that_comes_to_forbid_it_is_named_on_the_page_and_in_the_mail(
    google: GoogleDouble, ada: Tutor, desk_of_ada: Client, drain: Drain
):
    access = access_to(connect_google(ada, google))
    google.refuse_next("POST /token", 400, {"error": "admin_policy_enforced"})

    with pytest.raises(ConnectionBroken):
        access.renewed(access.token())
    drain()

    assert VideoConnection.objects.get().broken_why == str(NOT_ALLOWED)
    assert [str(NOT_ALLOWED) in letter.body for letter in mail.outbox] == [True]
    assert str(NOT_ALLOWED) in desk_of_ada.get("/teaching/meetings/").content.decode()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("status", "code"), [(400, 4711), (401, 4700)])
def test_right_that_zoom_misses_is_named_and_the_session_is_held_elsewhere(
    zoom: ZoomDouble, ada: Tutor, status: int, code: int
):
    connection, link = connect_zoom(ada, zoom), make_link()
    zoom.refuse_next(status, code, asked="POST /v2/users")

    ready = provision_meeting(session_at("zoom", ada))

    connection.refresh_from_db()
    assert (ready.provider, ready.link) == ("pool", link)
    assert connection.broken_why == str(zoom_api.RIGHT_IS_MISSING)


@pytest.mark.django_db(transaction=True)
def test_box_that_was_left_empty_at_google_is_named(google: GoogleDouble, ada: Tutor):
    connection = connect_google(ada, google)
    make_link()
    google.refuse_next("POST /calendar", 403, NO_SCOPE)

    provision_meeting(session_at("google", ada))

    connection.refresh_from_db()
    assert connection.broken_why == str(google_api.RIGHT_IS_MISSING)


def test_consent_that_is_gone_is_called_so(db: None):
    connection = make_connection()

    mark_refused(connection, ConnectionBroken(code="invalid_grant"))

    connection.refresh_from_db()
    assert connection.broken_why == connections.CONSENT_GONE()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("code", "why"), [(200, zoom_api.PLAN_FORBIDS), (3161, zoom_api.CANNOT_HOST)])
def test_tutor_reads_why_zoom_refused_the_session_until_one_is_held_there_again(
    zoom: ZoomDouble, ada: Tutor, desk_of_ada: Client, drain: Drain, code: int, why: Any
):
    connection = connect_zoom(ada, zoom)
    make_link()
    zoom.refuse_next(400, code, asked="POST /v2/users")
    meeting = provision_meeting(session_at("zoom", ada))
    drain()

    letters = {address: letter.body for letter in mail.outbox for address in letter.to}
    assert str(why) in letters[ada.user.email]
    assert str(why) not in letters[meeting.booking.student.email]
    page = desk_of_ada.get("/teaching/meetings/").content.decode()
    assert str(why) in page
    assert "Refused a session" in page
    assert "It is asked again for each new session." in page

    Tutor.objects.update(meeting_provider="pool", fallback_providers=[])
    page = desk_of_ada.get("/teaching/meetings/").content.decode()
    assert "It is asked again for each new session." not in page
    assert "Refused a session" not in page

    Tutor.objects.update(meeting_provider="zoom")
    provision_meeting(session_at("zoom", ada, lesson(120)))
    connection.refresh_from_db()
    assert connection.refused_why == ""
    assert str(why) not in desk_of_ada.get("/teaching/meetings/").content.decode()


@pytest.mark.django_db(transaction=True)
def test_limit_that_passes_is_not_kept_as_what_the_account_refuses(zoom: ZoomDouble, ada: Tutor):
    connection = connect_zoom(ada, zoom)
    make_link()
    zoom.refuse_next(429, 429, "You have reached the maximum daily rate limit for this API.", "POST /v2/users")

    assert provision_meeting(session_at("zoom", ada)).provider == "pool"

    connection.refresh_from_db()
    assert (connection.refused_why, connection.paused_until is None) == ("", False)
