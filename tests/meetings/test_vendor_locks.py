"""Who waits for whom while vendors are asked: no answer is lost, and no booking is locked for as long as they take."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from django.db import connection, transaction
from django.utils import timezone

from bookings.doubles.server import Answer, Request
from bookings.holds import place_hold
from bookings.models import Booking, SessionType, Tutor, User
from meetings.accounts import keep_account
from meetings.chain import place_at
from meetings.connections import access_to
from meetings.errors import MeetingNotWaiting
from meetings.models import Meeting, VendorRoom, VideoConnection
from meetings.oauth.base import AccountLook, Tokens
from meetings.provisioning import provision_meeting, try_again_for
from meetings.results import believe
from meetings.rooms import LEASE, ask_for_room, call_vendor
from meetings.switching import leave_account
from tests.factories import make_booking, make_meeting, tomorrow
from tests.meetings.acme import Acme
from tests.meetings.conftest import connect
from tests.meetings.consenting import RIGHTS, ConsentDouble, a_vendor, stored
from tests.meetings.consenting import connect as connect_consent
from tests.race import race
from tests.workers import is_somebody_waiting_for_a_lock, wait_until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def meeting(ada: Tutor, sam: User) -> Meeting:
    """A session of Ada's that waits for a room at "zoom"."""
    ada.meeting_provider, ada.fallback_providers = "zoom", []
    ada.save()
    booking = make_booking(sam, ada, status=Booking.Status.PAID)
    return make_meeting(booking, provider="zoom", next_attempt_at=timezone.now())


def test_answer_that_comes_while_an_account_is_connected_again_is_not_lost(acme: Acme, ada: Tutor, meeting: Meeting):
    connect(ada)
    place = place_at("zoom", ada, now=timezone.now())
    assert place is not None
    ask = ask_for_room(meeting, place)
    made = call_vendor(ask)
    VendorRoom.objects.update(state="closing", next_attempt_at=timezone.now() + LEASE)  # let go of meanwhile
    is_held = threading.Event()

    def work(number: int) -> object:
        if number:
            assert is_held.wait(timeout=30)
            return try_again_for(ada)
        with transaction.atomic():
            Meeting.objects.select_for_update().get(pk=meeting.pk)  # as whoever writes the answer has it by now
            is_held.set()
            wait_until(is_somebody_waiting_for_a_lock)
            with pytest.raises(MeetingNotWaiting):
                believe(ask, made)
        return None

    outcomes = race(work, threads=2)

    assert [outcome.error for outcome in outcomes] == [None, None]
    assert outcomes[1].value == 1
    room = VendorRoom.objects.get()
    assert (room.state, room.external_id) == ("closing", made.external_id)


def test_rooms_that_waited_for_their_account_are_closed_soon_whatever_became_of_their_session(
    acme: Acme, ada: Tutor, meeting: Meeting
):
    connection = connect(ada)
    Meeting.objects.update(status="cancelled", next_attempt_at=None)
    VendorRoom.objects.create(
        meeting=meeting,
        provider="zoom",
        connection=connection,
        generation=0,
        key="k",
        state="closing",
        asked_at=timezone.now(),
        next_attempt_at=timezone.now() + LEASE,
    )

    assert try_again_for(ada) == 0

    due = VendorRoom.objects.get().next_attempt_at
    assert due is not None
    assert due <= timezone.now()


@pytest.fixture
def vendor() -> Iterator[ConsentDouble]:
    with a_vendor() as double:
        yield double


def test_booking_is_free_while_its_account_is_renewed_at_a_vendor_that_hangs(
    ada: Tutor, vendor: ConsentDouble, meeting: Meeting, monkeypatch: pytest.MonkeyPatch
):
    account = connect_consent(ada, vendor)
    refused = stored(account).access_token
    is_asked, may_answer = threading.Event(), threading.Event()

    def answer_late(request: Request) -> Answer:
        is_asked.set()
        assert may_answer.wait(timeout=60)
        return ConsentDouble.answer(vendor, request)

    def provide() -> object:
        assert is_asked.wait(timeout=30)
        return provision_meeting(meeting).status

    def look() -> object:
        try:
            assert is_asked.wait(timeout=30)
            wait_until(lambda: is_somebody_waiting_for_a_lock() or Meeting.objects.get().status == Meeting.Status.READY)
            with transaction.atomic():
                return Booking.objects.select_for_update(nowait=True).get().pk
        finally:
            may_answer.set()

    monkeypatch.setattr(vendor, "answer", answer_late)
    works = (lambda: access_to(account).renewed(refused), provide, look)
    outcomes = race(lambda number: works[number](), threads=3)

    assert [outcome.error for outcome in outcomes] == [None] * 3
    assert outcomes[1].value == Meeting.Status.READY


@pytest.mark.parametrize("verb", ["leave", "keep"])
def test_tutors_times_can_be_held_while_an_account_waits_for_a_vendor_that_hangs(
    ada: Tutor, maths: SessionType, kim: User, vendor: ConsentDouble, monkeypatch: pytest.MonkeyPatch, verb: str
):
    account = connect_consent(ada, vendor)
    refused, tokens = stored(account).access_token, Tokens(*vendor.grant(), 3600, RIGHTS)
    is_asked, may_answer = threading.Event(), threading.Event()

    def answer_late(request: Request) -> Answer:
        is_asked.set()
        assert may_answer.wait(timeout=60)
        return ConsentDouble.answer(vendor, request)

    def change() -> object:
        assert is_asked.wait(timeout=30)
        if verb == "leave":
            return leave_account(account, asked_by=ada.user)
        return keep_account(ada, "zoom", tokens, AccountLook("ada@vendor.test", "ada@vendor.test"))

    def hold() -> object:
        try:
            assert is_asked.wait(timeout=30)
            wait_until(is_somebody_waiting_for_a_lock)
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = '2s'")
                return place_hold(maths, starts_at=tomorrow(15), student=kim).status
        finally:
            may_answer.set()

    monkeypatch.setattr(vendor, "answer", answer_late)
    works = (lambda: access_to(account).renewed(refused), change, hold)
    outcomes = race(lambda number: works[number](), threads=3)

    assert [outcome.error for outcome in outcomes] == [None] * 3
    assert outcomes[2].value == Booking.Status.HELD


def test_use_of_an_account_is_written_with_what_the_vendor_remarked(acme: Acme, ada: Tutor, meeting: Meeting):
    connect(ada, remark="It ends calls after 40 minutes.")

    provision_meeting(meeting)

    account = VideoConnection.objects.get()
    assert account.last_used_at is not None
    assert account.remark == "It ends calls after 40 minutes."  # which a room without a remark leaves
