"""A vendor that lets us wait in vain: one asks in the place of all, and nobody loses a try or a place by it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bookings.models import Booking, Tutor, User
from bookings.times import During
from meetings import closing, silence
from meetings.errors import ProviderLeftAlone, ProviderUnavailable
from meetings.models import Meeting, ProviderCall, VendorRoom, VideoConnection
from meetings.provisioning import provision_meeting
from meetings.reconciliation import Difference, reconcile
from meetings.relocation import switch_provider
from meetings.silence import require_voice, silent_for
from meetings.switching import carry_on, start_switch
from meetings.vendor_accounts import accounts as all_accounts
from meetings.vendor_rounds import VendorRound
from tests.factories import an_hour, make_booking, make_link, make_meeting, make_tutor, tomorrow
from tests.meetings.acme import Acme
from tests.meetings.conftest import connect
from tests.meetings.making import lesson, make_call, ready_meeting, waiting_meeting

pytestmark = pytest.mark.django_db


def wait_in_vain(provider: str = "acme", *, ended: float = 1, **fields: Any) -> ProviderCall:
    """A call for which nobody answered within twenty seconds; it ended so many seconds ago."""
    began_at = timezone.now() - timedelta(seconds=20 + ended)
    return make_call(provider, "unavailable", **{"began_at": began_at, "seconds": 20.0, **fields})


def is_left_alone(provider: str = "acme") -> bool:
    try:
        require_voice(provider)
    except ProviderLeftAlone:
        return True
    return False


def test_vendor_is_left_alone_after_a_wait_in_vain_and_then_one_asks_for_all():
    wait_in_vain(ended=14)
    assert is_left_alone()
    ProviderCall.objects.all().delete()
    wait_in_vain(ended=16)
    assert [is_left_alone() for _worker in range(4)] == [False, True, True, True]


def test_other_vendors_are_asked_as_ever():
    wait_in_vain("zoom")
    assert not is_left_alone()


def test_answer_to_a_call_that_began_later_ends_the_silence():
    wait_in_vain()
    make_call("acme", began_at=timezone.now() - timedelta(seconds=10), seconds=0.2)
    assert not is_left_alone()


@pytest.mark.parametrize("fields", [{"http_status": 503}, {"seconds": 0.3}, {"outcome": "cannot"}])
def test_vendor_that_says_no_or_is_quickly_known_to_be_away_keeps_nobody_waiting(fields: dict[str, Any]):
    call = wait_in_vain()
    ProviderCall.objects.filter(pk=call.pk).update(**fields)
    assert not is_left_alone()


def test_silence_of_an_hour_ago_is_forgotten():
    wait_in_vain(ended=3600)
    assert [is_left_alone() for _worker in range(2)] == [False, False]


def test_look_at_the_last_call_reads_no_calls_of_other_days():
    with CaptureQueriesContext(connection) as asked:
        require_voice("acme")
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")  # in an empty table nothing else is worth it
        cursor.execute(f"EXPLAIN {asked.captured_queries[0]['sql']}")
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "provider_call_by_time" in plan, plan


def test_meeting_that_was_not_asked_for_has_no_try_less_and_comes_again_soon(acme: Acme):
    meeting = waiting_meeting(provider="acme", requested_at=timezone.now())
    wait_in_vain()

    with pytest.raises(ProviderLeftAlone):
        provision_meeting(meeting)

    meeting.refresh_from_db()
    assert (acme.calls, meeting.rooms.count(), meeting.attempts, meeting.passed_over) == ([], 0, 0, [])
    assert (meeting.trouble, meeting.provider) == (Meeting.Trouble.UNREACHABLE, "acme")
    assert meeting.next_attempt_at is not None
    assert meeting.next_attempt_at < timezone.now() + timedelta(seconds=46)


@pytest.mark.parametrize(("in_minutes", "lasts"), [(600, 120), (12, 30)])
def test_vendor_that_stays_silent_is_given_up_in_the_usual_time(
    acme: Acme, ada: Tutor, sam: User, in_minutes: int, lasts: int
):
    """By each session in its own time, though one alone asks; sooner where the door is about to open."""
    link, now = make_link(), timezone.now()
    ada.meeting_provider = "acme"
    ada.save()
    during = During(now + timedelta(minutes=in_minutes), now + timedelta(minutes=in_minutes + 60))
    booking = make_booking(sam, ada, during=during, status=Booking.Status.PAID)
    meeting = make_meeting(booking, provider="acme", requested_at=now - timedelta(seconds=lasts - 5))
    wait_in_vain(ended=lasts)
    wait_in_vain()
    with pytest.raises(ProviderLeftAlone):
        provision_meeting(meeting)

    with time_machine.travel(now + timedelta(seconds=6), tick=False):
        provision_meeting(meeting)

    meeting.refresh_from_db()
    assert (meeting.link, meeting.passed_over, acme.calls) == (link, ["acme"], [])


def test_answer_in_between_begins_the_time_anew(acme: Acme):
    make_link()
    meeting = waiting_meeting(provider="acme", requested_at=timezone.now() - timedelta(hours=1))
    wait_in_vain(ended=300)
    make_call("acme", began_at=timezone.now() - timedelta(seconds=40))
    wait_in_vain()
    with pytest.raises(ProviderLeftAlone):
        provision_meeting(meeting)


def test_many_sessions_ask_a_silent_vendor_once(acme: Acme, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(silence, "IN_VAIN", 0.0)
    meetings = [waiting_meeting(lesson(number), provider="acme", requested_at=timezone.now()) for number in range(5)]
    acme.plan = [ProviderUnavailable(detail="no answer")] * 5

    for meeting in meetings:
        with pytest.raises(ProviderUnavailable):
            provision_meeting(meeting)

    assert acme.calls == ["create"]
    assert sorted(Meeting.objects.values_list("attempts", flat=True)) == [0, 0, 0, 0, 1]


def test_session_that_is_to_move_to_a_silent_vendor_stays_where_it_is(acme: Acme, ada: Tutor, sam: User):
    connect(ada)
    booking = make_booking(sam, ada, status=Booking.Status.PAID)
    meeting = ready_meeting_of(booking)
    wait_in_vain()
    with pytest.raises(ProviderLeftAlone):
        switch_provider(meeting, "acme")
    assert (acme.calls, VendorRoom.objects.count()) == ([], 0)


def ready_meeting_of(booking: Booking) -> Meeting:
    return make_meeting(
        booking,
        provider="zoom",
        status=Meeting.Status.READY,
        next_attempt_at=None,
        join_url_tutor="https://zoom.test/t",
        join_url_student="https://zoom.test/s",
    )


def test_room_that_is_not_closed_as_nobody_was_asked_keeps_its_tries(acme: Acme):
    room = VendorRoom.objects.create(
        meeting=ready_meeting(provider="acme"),
        provider="acme",
        generation=7,
        key="k",
        external_id="room-1",
        state="closing",
        asked_at=timezone.now(),
        next_attempt_at=timezone.now(),
    )
    wait_in_vain()
    assert not closing.close_room(room.pk)
    room.refresh_from_db()
    assert (acme.calls, room.attempts, room.state) == ([], 0, "closing")
    assert room.next_attempt_at is not None
    assert timezone.now() < room.next_attempt_at < timezone.now() + timedelta(seconds=76)

    with time_machine.travel(room.next_attempt_at + timedelta(seconds=1), tick=False):
        assert closing.close_room(room.pk)


@pytest.fixture
def accounts(monkeypatch: pytest.MonkeyPatch) -> list[VideoConnection]:
    """Three accounts at "zoom", where any call without an answer is a wait in vain."""
    monkeypatch.setattr(silence, "IN_VAIN", 0.0)
    return [connect(make_tutor()) for _number in range(3)]


def compare() -> list[str]:
    told: list[Difference] = []
    reconcile(timezone.now(), tell=told.append)
    return [one.detail for one in told]


def test_account_that_waits_in_vain_keeps_no_other_from_being_compared(acme: Acme, accounts: list[VideoConnection]):
    acme.plan = ["", ProviderUnavailable(detail="no answer")]  # the keys of the site, then the first of the accounts
    assert compare() == ["no answer"]
    assert acme.calls == ["list"] * 4


def test_other_accounts_of_a_silent_vendor_wait_for_the_next_night(acme: Acme, accounts: list[VideoConnection]):
    wait_in_vain("zoom", ended=0)  # before this night's round began: it asks by itself
    acme.plan = ["", *[ProviderUnavailable(detail="no answer")] * 2]
    assert compare() == ["no answer", "no answer", "other accounts had no answer a moment ago"]
    assert acme.calls == ["list"] * 3


def test_silence_of_two_accounts_keeps_the_others_for_a_pause_only(accounts: list[VideoConnection]):
    since = timezone.now() - timedelta(minutes=5)
    for ended, account in ((40, accounts[0]), (14, accounts[1])):
        wait_in_vain("zoom", ended=ended, connection=account)
    assert silence.is_silent_to_all("zoom", since=since)
    with time_machine.travel(timezone.now() + timedelta(seconds=2), tick=False):
        assert not silence.is_silent_to_all("zoom", since=since)


def test_accounts_are_compared_in_any_order(acme: Acme):
    """Else the same ones would come after those that never get an answer, night after night."""
    for _number in range(8):
        connect(make_tutor())
    orders = {tuple(one.connection.pk for one in all_accounts() if one.connection) for _night in range(5)}
    assert len(orders) > 1


def test_silence_is_as_long_as_the_waits_that_follow_one_another():
    now = timezone.now()
    hour_ago = now - timedelta(hours=1)
    for ended in (0, 60, 120):
        wait_in_vain(ended=ended)
    wait_in_vain(ended=500)  # who was asked between is not known
    assert timedelta(seconds=139) < silent_for("acme", since=hour_ago) < timedelta(seconds=150)
    assert silent_for("acme", since=now) < timedelta(seconds=10)
    make_call("acme", began_at=timezone.now() - timedelta(seconds=50))
    assert timedelta(seconds=19) < silent_for("acme", since=hour_ago) < timedelta(seconds=30)


def test_wait_of_somebody_at_a_door_gives_no_vendor_up():
    wait_in_vain(ended=60, what="enter")
    assert silent_for("acme", since=timezone.now() - timedelta(hours=1)) == timedelta()


def test_sessions_of_a_switch_wait_for_a_silent_vendor_without_a_try_less(acme: Acme, ada: Tutor, sam: User):
    for hour in (9, 11, 13):
        booking = make_booking(sam, ada, status=Booking.Status.PAID, during=an_hour(tomorrow(hour)))
        make_meeting(booking, status="ready", link=make_link(), reserved=booking.during, next_attempt_at=None)
    switch = start_switch(ada, "acme", asked_by=None)
    for _pass in range(7):
        wait_in_vain()
        switch.sessions.update(next_attempt_at=timezone.now())
        assert not carry_on(switch, seconds=10)
    assert acme.calls == []
    assert set(switch.sessions.values_list("outcome", "attempts")) == {("waiting", 0)}


def test_round_leaves_a_vendor_alone_that_was_silent_in_the_one_before():
    wait_in_vain(ended=60)
    assert not VendorRound().may_ask("acme", None)
    assert VendorRound().may_ask("zoom", None)
    make_call("acme")
    assert VendorRound().may_ask("acme", None)
    ProviderCall.objects.all().delete()
    wait_in_vain(ended=150)
    assert VendorRound().may_ask("acme", None)
