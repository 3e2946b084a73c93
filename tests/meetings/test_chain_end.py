"""Who is asked for help at the end of the chain, and how often."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.utils import timezone

from bookings.models import Notice
from meetings import upkeep
from meetings.errors import (
    AddressWanted,
    NoLinkLeft,
    NoPlaceLeft,
    ProviderCannot,
    ProviderMisconfigured,
)
from meetings.models import Meeting
from meetings.pool import free_link
from meetings.provisioning import assign_from_pool, provision_meeting
from tests.conftest import Drain
from tests.factories import make_tutor
from tests.meetings.acme import Acme
from tests.meetings.test_chain import START, planned

pytestmark = pytest.mark.django_db
Trouble = Meeting.Trouble


def asked_for_address(meeting: Meeting) -> list[str]:
    notices = Notice.objects.filter(booking=meeting.booking, fact=Notice.Fact.ADDRESS_WANTED).order_by("pk")
    return [f"{notice.to.email} {notice.key.rsplit(':')[-1]}".strip() for notice in notices]


@pytest.mark.parametrize("others", [[], ["pool"], ["manual"]])
def test_at_the_end_of_the_chain_the_tutor_is_asked_for_an_address_once_and_reminded(
    acme: Acme, drain: Drain, settings: Any, others: list[str]
):
    by_hand = {"BACKEND": "meetings.providers.manual.ManualProvider", "OPTIONS": {}}
    settings.MEETING_PROVIDERS = {**settings.MEETING_PROVIDERS, "manual": by_hand}
    meeting = planned(make_tutor(meeting_provider="acme", fallback_providers=others))
    email = meeting.booking.tutor.user.email

    def fail(at: datetime) -> None:
        with time_machine.travel(at, tick=False):
            upkeep.try_vendors_again(timezone.now())
            acme.plan = [ProviderCannot()]
            with pytest.raises((NoLinkLeft, NoPlaceLeft, AddressWanted)):
                provision_meeting(meeting)

    for hours in range(3):
        fail(timezone.now() + timedelta(hours=hours))
    assert asked_for_address(meeting) == [email]
    assert acme.calls.count("create") == 3
    drain()
    assert [letter.to for letter in mail.outbox if letter.subject.startswith("Where is it held?")] == [[email]]

    for hours in (24, 23, 2, 1):
        fail(START - timedelta(hours=hours))
    assert asked_for_address(meeting) == [email, f"{email} day", f"{email} hours"]


def test_tutor_is_asked_again_for_a_session_that_had_a_place_and_lost_it(acme: Acme):
    meeting = planned(make_tutor(meeting_provider="acme", fallback_providers=[]))
    for at, plan in ((0, ProviderCannot()), (2, None), (4, ProviderCannot())):
        with time_machine.travel(timezone.now() + timedelta(hours=at), tick=False):
            upkeep.try_vendors_again(timezone.now())
            if plan is None:
                assert provision_meeting(meeting).is_ready
                meeting.refresh_from_db()
                free_link(meeting)
                meeting.external_id = meeting.join_url_tutor = meeting.join_url_student = ""
                meeting.save()
                continue
            acme.plan = [plan]
            with pytest.raises(NoPlaceLeft):
                provision_meeting(meeting)
    assert len(asked_for_address(meeting)) == 2


def test_tutor_is_not_asked_while_only_the_pool_was_tried(acme: Acme):
    meeting = planned(make_tutor(meeting_provider="acme"))
    with pytest.raises(NoLinkLeft):
        assign_from_pool(meeting)
    meeting.refresh_from_db()
    assert (meeting.trouble, asked_for_address(meeting)) == (Trouble.POOL_FULL, [])
    assert provision_meeting(meeting).provider == "acme"


def test_set_up_that_only_an_operator_can_mend_is_told_to_the_operator_alone(acme: Acme):
    meeting = planned(make_tutor(meeting_provider="acme"))
    acme.plan = [ProviderMisconfigured()]
    for _minute in range(2):
        with pytest.raises(NoLinkLeft):
            provision_meeting(meeting)
        meeting.refresh_from_db()
        assert (meeting.trouble, meeting.alerted_at is None, asked_for_address(meeting)) == (Trouble.SET_UP, False, [])
