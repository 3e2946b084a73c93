"""The end of a consent: given back once, at the right moment, and nothing of it kept for longer than needed."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from bookings.doubles.server import Fault
from bookings.models import Booking, Tutor, User
from meetings.accounts import disconnect, keep_account
from meetings.closing import HALF_A_DAY, close_due, close_room
from meetings.connections import access_to
from meetings.errors import ProviderUnavailable
from meetings.giving_back import give_back, take_turn
from meetings.keeping_alive import look_after_accounts
from meetings.models import ProviderCall, VendorRoom, VideoConnection
from meetings.oauth.base import AccountLook, Tokens
from tests.conftest import Drain
from tests.factories import make_booking, make_meeting
from tests.meetings.consenting import REFUSED, ConsentDouble, ConsentVendor, connect, stored


def test_consent_is_given_back_and_tokens_erased(ada: Tutor, vendor: ConsentDouble, drain: Drain):
    connection = connect(ada, vendor)

    disconnect(connection)
    drain()

    row = stored(connection)
    assert (row.access_token, row.refresh_token, row.expires_at) == ("", "", None)
    assert (vendor.revocations, vendor.grants) == (1, {})


def test_tokens_are_kept_while_a_room_needs_them(ada: Tutor, sam: User, vendor: ConsentDouble):
    connection = connect(ada, vendor)
    meeting = make_meeting(make_booking(sam, ada, status=Booking.Status.PAID), provider="zoom")
    room = VendorRoom.objects.create(
        meeting=meeting, provider="zoom", connection=connection, generation=0, key="k", asked_at=timezone.now()
    )
    disconnect(connection)

    assert not give_back(connection)
    assert access_to(connection).token() in vendor.bearers

    VendorRoom.objects.filter(pk=room.pk).update(state="closed")
    assert give_back(connection)
    assert not stored(connection).refresh_token


def test_tokens_are_not_erased_before_the_vendor_has_answered(ada: Tutor, vendor: ConsentDouble):
    connection = connect(ada, vendor)
    disconnect(connection)
    vendor.fail_next(Fault.ERROR)

    with pytest.raises(ProviderUnavailable):
        give_back(connection)
    assert stored(connection).refresh_token

    VideoConnection.objects.update(disconnected_at=timezone.now() - timedelta(days=8))
    vendor.fail_next(Fault.ERROR)
    assert give_back(connection)
    assert not stored(connection).refresh_token


def test_tokens_are_not_kept_for_a_room_that_cannot_be_closed(ada: Tutor, sam: User, vendor: ConsentDouble, drain: Drain):
    connection = connect(ada, vendor)
    meeting = make_meeting(make_booking(sam, ada, status=Booking.Status.PAID), provider="zoom", status="cancelled")
    room = VendorRoom.objects.create(
        meeting=meeting,
        provider="zoom",
        connection=connection,
        generation=0,
        key="k",
        external_id=REFUSED,
        state="closing",
        asked_at=timezone.now(),
    )
    disconnect(connection)
    VideoConnection.objects.update(disconnected_at=timezone.now() - timedelta(days=8))
    assert not give_back(connection)  # a room that nobody has tried to close

    with time_machine.travel(timezone.now(), tick=False) as clock:
        for _try in range(HALF_A_DAY):
            VendorRoom.objects.update(next_attempt_at=timezone.now())
            close_room(room.pk)
        assert give_back(connection)
        clock.shift(timedelta(days=1))
        tries = ProviderCall.objects.filter(what="cancel").count()
        close_due(timezone.now())
        drain()

    assert (stored(connection).refresh_token, vendor.revocations) == ("", 1)
    assert (tries, ProviderCall.objects.filter(what="cancel").count()) == (HALF_A_DAY, HALF_A_DAY)
    room.refresh_from_db()
    assert room.state == "closed"
    assert room.last_error.startswith("The meeting provider refused the request.")


def test_consent_that_waits_for_a_room_is_looked_at_by_one_job_however_many_hours_pass(
    ada: Tutor, sam: User, vendor: ConsentDouble
):
    connection = connect(ada, vendor)
    meeting = make_meeting(make_booking(sam, ada, status=Booking.Status.PAID), provider="zoom", status="cancelled")
    VendorRoom.objects.create(
        meeting=meeting,
        provider="zoom",
        connection=connection,
        generation=0,
        key="k",
        external_id=REFUSED,
        state="closing",
        asked_at=timezone.now(),
    )
    disconnect(connection)
    ProcrastinateJob.objects.all().delete()  # the job of the button has begun
    for hour in range(3):
        take_turn(connection)
        look_after_accounts(timezone.now() + timedelta(hours=hour))
    (waiting,) = ProcrastinateJob.objects.filter(task_name="meetings.give_back", status="todo")
    assert waiting.scheduled_at is not None


def test_vendor_without_an_answer_is_asked_again_for_the_consent(ada: Tutor, vendor: ConsentDouble, drain: Drain):
    connection = connect(ada, vendor)
    disconnect(connection)
    vendor.fail_next(Fault.ERROR)
    drain()
    assert stored(connection).refresh_token
    with time_machine.travel(timezone.now() + timedelta(minutes=3), tick=False):
        drain()
    assert (stored(connection).refresh_token, vendor.revocations) == ("", 1)


def test_consent_that_is_given_again_at_that_moment_is_left_alone(
    ada: Tutor, vendor: ConsentDouble, monkeypatch: pytest.MonkeyPatch
):
    """Vendors end every consent of an account when one of its tokens is given back."""
    connection = connect(ada, vendor, lives=timedelta())
    disconnect(connection)
    refresh = ConsentVendor.refresh

    def connect_meanwhile(self: ConsentVendor, refresh_token: str) -> Tokens:
        tokens = refresh(self, refresh_token)
        keep_account(ada, "zoom", tokens, AccountLook("ada@vendor.test", ""))
        return tokens

    monkeypatch.setattr(ConsentVendor, "refresh", connect_meanwhile)

    assert not give_back(connection)

    assert vendor.revocations == 0
    assert stored(connection).is_usable
    assert stored(connection).refresh_token in vendor.grants


def test_consent_that_was_given_anew_is_not_given_back(ada: Tutor, vendor: ConsentDouble):
    old = connect(ada, vendor, account_id="ada@vendor.test")
    disconnect(old)
    connect(ada, vendor, account_id="ada@vendor.test")

    assert give_back(old)

    assert vendor.revocations == 0
    assert not stored(old).refresh_token
