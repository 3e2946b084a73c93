from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from meetings.checks import check_providers, check_token_keys
from meetings.connections import site_access
from meetings.oauth import get_vendor, has_vendor
from meetings.oauth.google import GoogleVendor
from meetings.providers import get_provider, is_offered
from meetings.providers.google import GoogleProvider


@pytest.fixture
def providers(settings: Any) -> dict[str, dict[str, Any]]:
    """The site's own entries, to be changed."""
    entries = {name: {**entry, "OPTIONS": {**entry["OPTIONS"]}} for name, entry in settings.MEETING_PROVIDERS.items()}
    settings.MEETING_PROVIDERS = entries
    return entries


def test_site_without_keys_has_nothing_to_be_told():
    assert check_providers() == []
    assert check_token_keys() == []


def test_google_of_the_settings_can_be_made(providers: dict[str, dict[str, Any]]):
    assert isinstance(get_provider("google"), GoogleProvider)
    assert isinstance(get_vendor("google"), GoogleVendor)
    assert (is_offered("google"), has_vendor("google"), site_access("google")) == (False, False, None)
    keys = {"client_id": "client", "client_secret": "secret"}
    providers["google"]["OPTIONS"].update(keys)
    providers["google"]["OAUTH"] = {
        **providers["google"]["OAUTH"],
        "OPTIONS": {**providers["google"]["OAUTH"]["OPTIONS"], **keys},
    }
    assert (is_offered("google"), has_vendor("google")) == (True, True)


def test_half_a_set_up_is_told(providers: dict[str, dict[str, Any]]):
    providers["google"]["OPTIONS"].update(
        client_id="client", service_account_file="/none.json", delegated_user="a@b.example"
    )
    told = check_providers()
    assert [message.id for message in told] == ["meetings.W001"] * 2
    assert {message.msg.split()[0] for message in told} == {"GOOGLE_SERVICE_ACCOUNT_FILE", "Only"}


def test_entry_that_cannot_be_read_is_told(providers: dict[str, dict[str, Any]]):
    providers["google"]["OPTIONS"]["colour"] = "blue"
    assert [message.id for message in check_providers()] == ["meetings.E001"]


@pytest.mark.defect("IT-18")
def test_keys_of_tokens_are_looked_at(providers: dict[str, dict[str, Any]], settings: Any):
    consent = providers["google"]["OAUTH"]
    connectable = {**consent, "OPTIONS": {**consent["OPTIONS"], "client_id": "client", "client_secret": "secret"}}
    for keys in (["not a key"], []):
        settings.TOKEN_KEYS = keys
        providers["google"]["OAUTH"] = consent
        assert check_token_keys() == []
        providers["google"]["OAUTH"] = connectable
        assert [message.id for message in check_token_keys()] == ["meetings.E002"]


@pytest.mark.django_db
def test_admin_tells_which_providers_are_offered_and_what_is_doubtful(providers: dict[str, dict[str, Any]], desk: Client):
    providers["google"]["OPTIONS"].update(delegated_user="office@school.example.com")
    page = " ".join(desk.get(reverse("admin:meetings_meeting_watching")).content.decode().split())
    for name, told in (("Link pool", "Offered."), ("Google Meet", "Not offered: its keys are not set.<br>")):
        row = page[page.index(f'<th scope="row">{name}</th>') :]
        assert row.index(told) < row.index("</tr>")
    assert "Only one of GOOGLE_SERVICE_ACCOUNT_FILE and GOOGLE_DELEGATED_USER is set" in page
