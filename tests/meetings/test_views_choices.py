"""Where else sessions are held: the tutor's list as its form keeps it, and what is said while a place does not work."""

from __future__ import annotations

import pytest
from django.core import mail
from django.test import Client, override_settings
from django.utils import timezone

from bookings.models import Tutor
from meetings.chain import chain_of
from meetings.connection_mails import tell_of_broken_connection
from tests.meetings.consenting import PAGE, ConsentDouble, connect, providers

OTHERS = {
    "manual": {"BACKEND": "meetings.providers.manual.ManualProvider", "OPTIONS": {}},
    "sandbox": {"BACKEND": "meetings.providers.sandbox.SandboxProvider", "OPTIONS": {"site_url": "https://site.test"}},
}


def test_places_in_the_chain_are_those_that_work(desk_of_ada: Client, ada: Tutor, vendor: ConsentDouble):
    ada.meeting_provider, ada.fallback_providers = "zoom", []
    ada.save()
    connect(ada, vendor)

    assert desk_of_ada.post("/teaching/meetings/others/", {"place_1": "pool"}).status_code == 303
    ada.refresh_from_db()
    assert ada.fallback_providers == ["pool"]
    assert desk_of_ada.post("/teaching/meetings/others/", {"place_1": "hundredms"}).status_code == 400
    ada.refresh_from_db()
    assert ada.fallback_providers == ["pool"]


def test_pool_stays_on_the_list_of_a_tutor_whose_first_choice_it_was(desk_of_ada: Client, ada: Tutor, vendor: ConsentDouble):
    connect(ada, vendor)  # wishes the pool, and has it on the list: the way every tutor begins

    desk_of_ada.post("/teaching/meetings/others/", {"place_1": "zoom"})
    ada.refresh_from_db()
    assert (ada.fallback_providers, chain_of(ada)) == (["pool", "zoom"], ["pool", "zoom"])

    desk_of_ada.post("/teaching/meetings/zoom/choose/", {"booked": "stay"})
    ada.refresh_from_db()
    assert chain_of(ada) == ["zoom", "pool"]
    desk_of_ada.post("/teaching/meetings/others/", {"place_1": ""})  # now that it can be seen it can be left out
    ada.refresh_from_db()
    assert chain_of(ada) == ["zoom"]


@pytest.mark.parametrize(
    ("before", "sent", "after"),
    [
        (["zoom", "manual"], ["manual"], ["zoom", "manual"]),
        (["manual", "zoom"], ["manual"], ["manual", "zoom"]),
        (["zoom", "manual"], [], ["zoom"]),
        (["zoom"], ["manual", "sandbox"], ["zoom", "manual", "sandbox"]),
        (["sandbox", "zoom", "manual"], ["manual", "sandbox"], ["manual", "zoom", "sandbox"]),
        (["gone", "manual", "manual"], ["manual"], ["gone", "manual"]),
    ],
)
def test_account_that_broke_keeps_its_place_on_the_list(
    desk_of_ada: Client, ada: Tutor, vendor: ConsentDouble, before: list[str], sent: list[str], after: list[str]
):
    ada.fallback_providers = before
    ada.save()
    connect(ada, vendor, status="broken", broken_at=timezone.now())
    with override_settings(MEETING_PROVIDERS={**providers(vendor), **OTHERS}):
        page = desk_of_ada.get(PAGE).text
        places = {f"place_{number}": name for number, name in enumerate(sent, 1)}
        assert desk_of_ada.post("/teaching/meetings/others/", places).status_code == 303

    ada.refresh_from_db()
    assert ada.fallback_providers == after
    assert ("tried again once it works: Consent rooms." in page) is ("zoom" in before)


@pytest.mark.parametrize("others", [["pool"], []])
@pytest.mark.parametrize("state", ["broken", "cannot"])
def test_tutor_reads_whether_sessions_have_another_place(
    desk_of_ada: Client, ada: Tutor, vendor: ConsentDouble, others: list[str], state: str
):
    ada.meeting_provider, ada.fallback_providers = "zoom", others
    ada.save()
    broken = {"status": "broken", "broken_at": timezone.now()}
    connect(ada, vendor, **(broken if state == "broken" else {"can_host": False}))

    page = desk_of_ada.get(PAGE).text

    assert ("held at the next place of your list" in page) is bool(others)
    assert ("your sessions have no place: connect it, or choose another below" in page) is not bool(others)


@pytest.mark.parametrize("others", [["pool"], []])
def test_mail_of_a_broken_account_says_whether_sessions_have_another_place(
    ada: Tutor, vendor: ConsentDouble, others: list[str]
):
    ada.meeting_provider, ada.fallback_providers = "zoom", others
    ada.save()
    broken = connect(ada, vendor, status="broken", broken_at=timezone.now())

    tell_of_broken_connection(broken.pk)

    (letter,) = mail.outbox
    assert ("held at the next place of your list" in letter.body) is bool(others)
    assert ("your sessions have no place" in letter.body) is not bool(others)
