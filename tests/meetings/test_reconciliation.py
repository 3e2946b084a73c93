"""Our rooms against the vendor's: what only one side knows of is mended, and what is not ours is left alone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.core.management import call_command
from django.utils import timezone

from bookings.models import Booking
from bookings.times import During
from meetings import silence
from meetings.closing import A_MONTH
from meetings.errors import ProviderUnavailable
from meetings.models import Meeting, VendorRoom
from meetings.planning import plan_meeting
from meetings.provisioning import provision_meeting
from meetings.reconciliation import Difference, find_differences, reconcile
from tests.conftest import Drain
from tests.factories import an_hour, make_booking, make_tutor, make_user, tomorrow
from tests.meetings.acme import Acme, Held
from tests.meetings.conftest import connect

pytestmark = pytest.mark.django_db
START = tomorrow(12, days=3)


@pytest.fixture
def meeting(acme: Acme) -> Meeting:
    return in_a_room()


def in_a_room() -> Meeting:
    booking = make_booking(
        make_user(), make_tutor(meeting_provider="acme"), during=an_hour(START), status=Booking.Status.PAID
    )
    meeting = plan_meeting(booking)
    assert meeting is not None
    return provision_meeting(meeting)


def found(compare: Callable[..., int] = reconcile) -> list[str]:
    told: list[Difference] = []
    with time_machine.travel(timezone.now() + timedelta(hours=1), tick=False):
        assert compare(timezone.now(), tell=told.append) == len(told)
    return [str(difference) for difference in told]


def looked() -> list[str]:
    return found(find_differences)


def work(drain: Drain) -> None:
    with time_machine.travel(timezone.now() + timedelta(hours=2), tick=False):
        drain()


def later() -> During:
    return During(START + timedelta(hours=3), START + timedelta(hours=4))


def test_same_on_both_sides_is_left_as_it_is(acme: Acme, meeting: Meeting):
    assert found() == []
    assert acme.calls == ["create", "list"]


@pytest.mark.defect("CE-24", "IT-03")
def test_room_that_no_row_tells_of_is_closed(acme: Acme, meeting: Meeting, drain: Drain):
    """As after a backup was restored: the booking is ours, the room is written down nowhere."""
    key = f"{meeting.booking.reference}-7"
    acme.rooms["lost"] = Held(key, later())
    assert looked() == [f"acme: unwanted: {key}"]
    assert VendorRoom.objects.count() == 1

    assert found() == [f"acme: unwanted: {key}"]
    work(drain)

    assert [held.key for held in acme.open_rooms()] == [f"{meeting.booking.reference}-0"]
    meeting.refresh_from_db()
    assert meeting.is_ready


def test_second_room_for_one_key_is_closed(acme: Acme, meeting: Meeting):
    """A vendor without a handle against repetition has made two."""
    key = f"{meeting.booking.reference}-0"
    acme.rooms["twin"] = Held(key, an_hour(START))
    assert found() == [f"acme: twice: {key}"]
    assert [number for number, held in acme.rooms.items() if held.is_open] == [meeting.external_id]


def test_room_that_was_closed_and_is_there_again_is_closed_again(acme: Acme, meeting: Meeting, drain: Drain):
    VendorRoom.objects.update(state="closed")
    Meeting.objects.update(status="cancelled")
    assert found() == [f"acme: unwanted: {meeting.booking.reference}-0"]
    work(drain)
    assert acme.open_rooms() == []


def test_room_that_the_vendor_has_lost_is_made_anew(acme: Acme, meeting: Meeting, drain: Drain):
    acme.rooms.clear()
    key = f"{meeting.booking.reference}-0"
    assert looked() == [f"acme: gone: {key}"]
    assert Meeting.objects.get().is_ready

    assert found() == [f"acme: gone: {key}"]
    assert Meeting.objects.get().is_waiting
    work(drain)

    again = Meeting.objects.get()
    assert (again.is_ready, again.generation, again.external_id) == (True, 1, "room-2")
    assert found() == []


def test_room_that_is_only_missing_in_a_list_cut_short_is_kept(acme: Acme, meeting: Meeting, monkeypatch):
    monkeypatch.setattr("tests.meetings.acme.AcmeMaker.list_rooms", lambda *_args, **_named: [])
    assert found() == []
    assert Meeting.objects.get().is_ready


def test_room_that_the_vendor_says_nothing_of_is_no_answer_and_the_others_are_looked_at(acme: Acme, meeting: Meeting):
    in_a_room()
    acme.rooms.clear()
    acme.plan = ["", ProviderUnavailable(detail="GET: 503", status=503)]
    assert sorted(line.split(": ")[1] for line in found()) == ["gone", "no answer"]
    assert Meeting.objects.filter(status=Meeting.Status.READY).count() == 1


def test_wait_in_vain_for_one_room_leaves_the_rest_of_the_account(
    acme: Acme, meeting: Meeting, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(silence, "IN_VAIN", 0.0)
    in_a_room()
    VendorRoom.objects.update(made_at=timezone.now() - timedelta(hours=1))
    acme.rooms.clear()
    acme.calls.clear()
    acme.plan = ["", ProviderUnavailable(detail="no answer")]
    told: list[Difference] = []

    find_differences(timezone.now(), tell=told.append)

    assert [str(one) for one in told] == ["acme: no answer: acme (no answer)"]
    assert acme.calls == ["list", "check"]


@pytest.mark.parametrize("key", ["BK-OTHERSITE1-0", "their-own-room", "-", "9"])
def test_room_of_another_site_is_never_touched(acme: Acme, meeting: Meeting, drain: Drain, key: str):
    acme.rooms["theirs"] = Held(key, later())
    assert found() == [f"acme: foreign: {key}"]
    work(drain)
    assert acme.rooms["theirs"].is_open


def test_account_that_does_not_answer_keeps_nothing_from_the_others(acme: Acme, meeting: Meeting, drain: Drain):
    connect(make_tutor())
    connect(make_tutor(), account="second@zoom.test")
    acme.rooms["lost"] = Held(f"{meeting.booking.reference}-7", later())
    acme.plan = [ProviderUnavailable(detail="silence")]
    said = found()
    assert len(said) == 2
    assert any("no answer" in line and "silence" in line for line in said)
    assert any("unwanted" in line for line in said)


def test_room_that_a_month_of_tries_has_not_closed_is_told_of_and_left(acme: Acme, meeting: Meeting, drain: Drain):
    VendorRoom.objects.update(state="closed", attempts=A_MONTH)
    Meeting.objects.update(status="cancelled")
    assert found() == [f"acme: unwanted: {meeting.booking.reference}-0"]
    work(drain)
    assert acme.calls == ["create", "list"]


@pytest.mark.parametrize("tail", ["0" * 100, "7\x00", "99999", "\ud800-0", "ſ-0"])
def test_key_that_somebody_made_up_keeps_nothing_from_the_others(acme: Acme, meeting: Meeting, drain: Drain, tail: str):
    """Whoever owns the account can write what they like where a vendor keeps our keys."""
    acme.rooms["odd"] = Held(f"{meeting.booking.reference}-{tail}", later())
    acme.rooms["lost"] = Held(f"{meeting.booking.reference}-7", later())
    said = found()
    assert [line.split(": ")[1] for line in said] == ["foreign", "unwanted"]
    assert all(line.isascii() and len(line) < 150 for line in said)
    work(drain)
    assert (acme.rooms["odd"].is_open, acme.rooms["lost"].is_open) == (True, False)


def test_two_rooms_of_one_unknown_key_are_both_closed(acme: Acme, meeting: Meeting, drain: Drain):
    key = f"{meeting.booking.reference}-7"
    acme.rooms |= {"lost": Held(key, later()), "twin": Held(key, later())}
    assert found() == [f"acme: unwanted: {key}", f"acme: twice: {key}"]
    work(drain)
    assert [held.key for held in acme.open_rooms()] == [f"{meeting.booking.reference}-0"]


def test_room_found_by_a_key_ahead_takes_no_later_room_its_key(acme: Acme, meeting: Meeting, drain: Drain):
    acme.rooms["lost"] = Held(f"{meeting.booking.reference}-2", later())
    found()
    work(drain)
    acme.rooms.clear()
    assert found() == [f"acme: gone: {meeting.booking.reference}-0"]
    work(drain)
    meeting.refresh_from_db()
    assert (meeting.is_ready, meeting.generation) == (True, 3)


def test_unforeseen_trouble_with_one_room_or_account_keeps_nothing_from_the_others(
    acme: Acme, meeting: Meeting, drain: Drain
):
    connect(make_tutor())
    acme.rooms["twin"] = Held(f"{meeting.booking.reference}-0", later())
    acme.rooms["lost"] = Held(f"{meeting.booking.reference}-7", later())
    list_fails, list_works, cancel_fails = RuntimeError("odd list"), "", RuntimeError("odd room")
    acme.plan = [list_fails, list_works, cancel_fails]
    with pytest.raises(RuntimeError, match="odd list"):
        found()
    work(drain)
    assert (acme.rooms["twin"].is_open, acme.rooms["lost"].is_open) == (True, False)


def test_command_prints_every_difference_and_changes_nothing_on_a_dry_run(
    acme: Acme, meeting: Meeting, capsys, drain: Drain
):
    acme.rooms["lost"] = Held(f"{meeting.booking.reference}-7", later())
    call_command("reconcile_meetings", "--dry-run")
    assert capsys.readouterr().out == f"acme: unwanted: {meeting.booking.reference}-7\n1 difference.\n"
    assert VendorRoom.objects.count() == 1
    call_command("reconcile_meetings")
    assert capsys.readouterr().out == f"acme: unwanted: {meeting.booking.reference}-7\n1 difference, mended.\n"
    work(drain)
    assert len(acme.open_rooms()) == 1
    call_command("reconcile_meetings")
    assert capsys.readouterr().out == "0 differences.\n"


def test_command_prints_what_it_finds_before_it_fails(acme: Acme, meeting: Meeting, capsys):
    connect(make_tutor())
    acme.rooms["lost"] = Held(f"{meeting.booking.reference}-7", later())
    acme.plan = ["", RuntimeError("odd list")]
    with pytest.raises(RuntimeError, match="odd list"):
        call_command("reconcile_meetings", "--dry-run")
    assert capsys.readouterr().out == f"acme: unwanted: {meeting.booking.reference}-7\n"
