"""A tutor connects an account over the vendor's page: only what was begun here, by them, once, in time."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.test import Client

from bookings.doubles.server import Fault
from bookings.models import Tutor
from meetings import consents
from meetings.models import VideoConnection
from tests.factories import make_tutor, make_user
from tests.meetings.consenting import (
    BEGIN,
    CALLBACK,
    RIGHTS,
    ConsentDouble,
    begin,
    come_back,
    consent,
    stored,
)


def test_account_is_connected_after_consent(desk_of_ada: Client, ada: Tutor, vendor: ConsentDouble):
    asked = begin(desk_of_ada)

    said = come_back(desk_of_ada, state=asked["state"], code=consent(vendor, asked))

    connection = VideoConnection.objects.defer(None).get()
    assert said == ["Consent is connected (ada@vendor.test). You can hold your sessions there now."]
    assert (connection.tutor, connection.account, connection.granted) == (ada, "ada@vendor.test", RIGHTS)
    assert connection.access_token in vendor.bearers
    assert asked["redirect_uri"] == "http://testserver/connections/zoom/callback"


@pytest.mark.defect("IT-16")
def test_answer_with_another_state_connects_nothing_and_the_right_one_still_may_come(
    desk_of_ada: Client, vendor: ConsentDouble
):
    asked = begin(desk_of_ada)
    code = consent(vendor, asked)

    for state in ("", "guessed", "ä\0", asked["state"][:-1], "x" * 100_000):
        said = come_back(desk_of_ada, state=state, code=code)
        assert said == [str(consents.FOREIGN)]
    assert not VideoConnection.objects.exists()
    come_back(desk_of_ada, state=asked["state"], code=code)
    assert VideoConnection.objects.count() == 1


@pytest.mark.defect("IT-16")
def test_state_of_another_tutor_connects_nothing(desk_of_ada: Client, ada: Tutor, vendor: ConsentDouble):
    mallory = make_tutor(make_user("mallory@example.com"), slug="mallory")
    theirs = Client()
    theirs.force_login(mallory.user)
    asked = begin(theirs)
    code = consent(vendor, asked, account="mallory@vendor.test")

    said = come_back(desk_of_ada, state=asked["state"], code=code)  # a link that Mallory made Ada follow

    assert said == [str(consents.NOT_BEGUN)]
    begin(desk_of_ada)
    assert come_back(desk_of_ada, state=asked["state"], code=code) == [str(consents.FOREIGN)]
    assert not VideoConnection.objects.exists()


@pytest.mark.defect("IT-16")
def test_state_of_another_session_of_the_same_tutor_connects_nothing(desk_of_ada: Client, ada: Tutor, vendor: ConsentDouble):
    elsewhere = Client()
    elsewhere.force_login(ada.user)
    asked = begin(elsewhere)

    said = come_back(desk_of_ada, state=asked["state"], code=consent(vendor, asked))

    assert said == [str(consents.NOT_BEGUN)]
    assert not VideoConnection.objects.exists()


@pytest.mark.defect("IT-16")
@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example", "/\\evil.example", "/admin/"])
def test_nobody_is_led_anywhere_else_on_the_way_back(desk_of_ada: Client, vendor: ConsentDouble, elsewhere: str):
    names = ("next", "return_to", "return_path", "returnTo", "redirect", "redirect_to", "redirect_uri", "url", "continue")
    wishes = dict.fromkeys(names, elsewhere)

    begun = desk_of_ada.post(f"{BEGIN}?{urlencode(wishes)}", wishes)["Location"]

    assert begun.startswith(f"{vendor.url}/authorize?")
    asked = {name: values[0] for name, values in parse_qs(urlsplit(begun).query).items()}
    assert asked.pop("redirect_uri") == f"http://testserver{CALLBACK}"
    assert set(asked) == {"state", "challenge"}
    code = vendor.consent(challenge=asked["challenge"], redirect_uri=f"http://testserver{CALLBACK}")
    come_back(desk_of_ada, state="forged", code=code, **wishes)  # each leads to our own page, or this would fail
    come_back(desk_of_ada, state=asked["state"], code=code, **wishes)
    come_back(desk_of_ada, state=asked["state"], code=code, **wishes)


def test_answer_is_taken_once(desk_of_ada: Client, vendor: ConsentDouble):
    asked = begin(desk_of_ada)
    code = consent(vendor, asked)
    come_back(desk_of_ada, state=asked["state"], code=code)
    before = stored(VideoConnection.objects.get())

    assert come_back(desk_of_ada, state=asked["state"], code=code) == [str(consents.NOT_BEGUN)]
    assert stored(before).access_token == before.access_token


def test_answer_after_ten_minutes_is_not_taken(desk_of_ada: Client, vendor: ConsentDouble, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(consents, "LIVES", timedelta(seconds=-1))
    asked = begin(desk_of_ada)

    said = come_back(desk_of_ada, state=asked["state"], code=consent(vendor, asked))

    assert said == [str(consents.TOO_LATE)]
    assert not vendor.requests


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ("access_denied", "You did not give your consent at Consent, so nothing was changed."),
        ("admin_policy_enforced", "Whoever runs your Consent account does not allow it to be connected."),
        ("server_error", "Consent has trouble at the moment."),
        ("<script>alert(1)</script>", "Consent did not connect the account."),
    ],
)
def test_refusal_of_the_vendor_is_told_in_our_words(desk_of_ada: Client, vendor: ConsentDouble, error: str, said: str):
    asked = begin(desk_of_ada)

    (told,) = come_back(desk_of_ada, state=asked["state"], error=error)

    assert told.startswith(said)
    assert "script" not in told
    assert not vendor.requests


@pytest.mark.parametrize("code", ["", "x" * 5000, "never-given"])
def test_code_that_is_missing_or_wrong_connects_nothing(desk_of_ada: Client, vendor: ConsentDouble, code: str):
    asked = begin(desk_of_ada)

    (told,) = come_back(desk_of_ada, state=asked["state"], code=code)

    assert told.endswith("Please press “Connect” again.")
    assert not VideoConnection.objects.exists()


def test_code_of_another_browser_is_worth_nothing_without_its_verifier(desk_of_ada: Client, vendor: ConsentDouble):
    asked = begin(desk_of_ada)
    stolen = vendor.consent(challenge="of-somebody-else", redirect_uri=asked["redirect_uri"])

    come_back(desk_of_ada, state=asked["state"], code=stolen)

    assert not VideoConnection.objects.exists()


def test_box_that_was_not_ticked_is_told_and_connects_nothing(desk_of_ada: Client, vendor: ConsentDouble):
    vendor.rights = frozenset({"me:read"})
    asked = begin(desk_of_ada)

    (told,) = come_back(desk_of_ada, state=asked["state"], code=consent(vendor, asked))

    assert told.startswith("A box was not ticked at Consent")
    assert not VideoConnection.objects.exists()


def test_vendor_that_does_not_answer_is_told_and_changes_nothing(desk_of_ada: Client, vendor: ConsentDouble):
    asked = begin(desk_of_ada)
    vendor.fail_next(Fault.ERROR)

    (told,) = come_back(desk_of_ada, state=asked["state"], code=consent(vendor, asked))

    assert told.startswith("Consent has trouble at the moment.")
