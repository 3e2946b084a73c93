"""How a place stands for a tutor whose own account there cannot hold sessions, while the site's can."""

from __future__ import annotations

import pytest
from django.test import Client, override_settings

from bookings.models import Tutor
from tests.desk import text_of
from tests.meetings.consenting import PAGE, ConsentDouble, begin, come_back, connect, consent, providers

OURS = "You need no account: ours holds your sessions."


@pytest.mark.parametrize(("site_account", "can_host"), [("owner@vendor.test", False), ("", False), ("", True)])
def test_place_cannot_hold_sessions_only_where_nobody_can(
    desk_of_ada: Client, ada: Tutor, vendor: ConsentDouble, site_account: str, can_host: bool
):
    connect(ada, vendor, can_host=can_host)

    with override_settings(MEETING_PROVIDERS=providers(vendor, site_account=site_account)):
        page = text_of(desk_of_ada.get(PAGE))

    is_held = can_host or bool(site_account)
    assert ("Cannot hold sessions" in page) is not is_held
    assert ("/teaching/meetings/zoom/choose/" in page) is is_held
    assert (OURS in page) is (is_held and not can_host)
    assert ("Connect again" in page) is not can_host


def test_account_that_cannot_hold_sessions_is_connected_where_ours_can(desk_of_ada: Client, vendor: ConsentDouble):
    vendor.can_host = False
    with override_settings(MEETING_PROVIDERS=providers(vendor, site_account="owner@vendor.test")):
        asked = begin(desk_of_ada)
        (told,) = come_back(desk_of_ada, state=asked["state"], code=consent(vendor, asked))

    assert told == "Consent is connected (ada@vendor.test), but cannot hold sessions yet: our account there holds them."
