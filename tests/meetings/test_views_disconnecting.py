"""A tutor lets an account go: what the page says before, once more afterwards, and to those who cannot connect another."""

from __future__ import annotations

import pytest
from django.core import mail
from django.test import Client, override_settings
from django.utils import timezone

from bookings.models import Tutor
from meetings.connection_mails import tell_of_broken_connection
from meetings.models import VideoConnection
from tests.desk import text_of
from tests.meetings.consenting import PAGE, ConsentDouble, connect, providers

LEAVE = "/teaching/meetings/zoom/disconnect/"
NO_WAY_BACK = "you can connect an account again only once our team has approved you"


@pytest.mark.parametrize("is_approved", [True, False])
def test_account_that_is_gone_is_said_to_be_gone(desk_of_ada: Client, ada: Tutor, vendor: ConsentDouble, is_approved: bool):
    connect(ada, vendor)
    Tutor.objects.update(is_approved=is_approved)
    desk_of_ada.post(LEAVE)
    ended = VideoConnection.objects.get().disconnected_at
    desk_of_ada.get(PAGE)

    for again in (desk_of_ada.get, desk_of_ada.post):
        answer = again(LEAVE, follow=True)
        assert answer.redirect_chain == [(PAGE, 303)]
        assert [str(message) for message in answer.context["messages"]] == ["This account is disconnected already."]
    assert VideoConnection.objects.get().disconnected_at == ended


def test_account_that_never_was_cannot_be_let_go(desk_of_ada: Client, vendor: ConsentDouble):
    assert desk_of_ada.get(LEAVE).status_code == 404
    assert desk_of_ada.post(LEAVE).status_code == 404


@pytest.mark.parametrize("is_approved", [True, False])
def test_page_warns_those_who_cannot_connect_it_again(
    desk_of_ada: Client, ada: Tutor, vendor: ConsentDouble, is_approved: bool
):
    connect(ada, vendor)
    Tutor.objects.update(is_approved=is_approved, meeting_provider="zoom")

    with override_settings(MEETING_PROVIDERS={"zoom": providers(vendor)["zoom"]}):
        page = text_of(desk_of_ada.get(LEAVE))

    assert (NO_WAY_BACK in page) is not is_approved
    assert ("wait until you choose one" in page) is is_approved
    assert ("waits until it is given an address on its own page" in page) is not is_approved


@pytest.mark.parametrize("is_approved", [True, False])
@pytest.mark.parametrize("is_broken", [True, False])
def test_nobody_is_told_to_choose_who_may_not(
    desk_of_ada: Client, ada: Tutor, vendor: ConsentDouble, is_approved: bool, is_broken: bool
):
    connection = connect(ada, vendor)
    state = {"status": "broken", "broken_at": timezone.now()} if is_broken else {"disconnected_at": timezone.now()}
    VideoConnection.objects.update(**state)
    Tutor.objects.update(is_approved=is_approved, meeting_provider="zoom", fallback_providers=[])

    page = text_of(desk_of_ada.get(PAGE))
    tell_of_broken_connection(connection.pk)

    told = [page, *(str(letter.body) for letter in mail.outbox)]
    assert len(told) == 1 + is_broken
    for text in told:
        assert "your sessions have no place" in text
        assert (", or choose another" in text) is is_approved
        assert ("give each of them an address on its own page" in text) is not is_approved
    assert ("stays yours, to renew or to disconnect" in page) is (is_broken and not is_approved)
