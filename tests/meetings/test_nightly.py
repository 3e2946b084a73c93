"""At night little is mended by itself: where much of an account differs nothing is changed, and the staff are told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.core.management import call_command
from django.utils import timezone

from bookings.models import Booking
from bookings.times import During
from meetings import nightly, tasks
from meetings.errors import ProviderUnavailable
from meetings.models import Meeting, VendorRoom, VideoConnection
from meetings.planning import plan_meeting
from meetings.provisioning import provision_meeting
from tests.conftest import Drain
from tests.factories import an_hour, make_booking, make_tutor, make_user, tomorrow
from tests.meetings.acme import Acme, Held
from tests.meetings.conftest import connect

pytestmark = pytest.mark.django_db
START = tomorrow(12, days=9)
TOO_MANY = nightly.BELIEVABLE + 1
WELL_AGAIN = "[Linkpool] All well again: more rooms differ than is believable"


@pytest.fixture(autouse=True)
def _staff(settings: Any) -> None:
    settings.ADMINS = [("Root", "root@example.com")]


@pytest.fixture
def meeting(acme: Acme) -> Meeting:
    return in_a_room()


def in_a_room() -> Meeting:
    """A session of a tutor of its own, in a room at "acme"."""
    booking = make_booking(
        make_user(), make_tutor(meeting_provider="acme"), during=an_hour(START), status=Booking.Status.PAID
    )
    meeting = plan_meeting(booking)
    assert meeting is not None
    return provision_meeting(meeting)


def lose(acme: Acme, meeting: Meeting, number: int) -> None:
    """Let so many rooms be at the vendor that no row here tells of."""
    during = During(START + timedelta(hours=3), START + timedelta(hours=4))
    acme.rooms |= {f"lost-{one}": Held(f"{meeting.booking.reference}-{one}", during) for one in range(1, number + 1)}


def know(meeting: Meeting, number: int, connection: VideoConnection | None = None) -> None:
    """Have so many rooms stand besides, with this account."""
    now = timezone.now()
    facts = {"meeting": meeting, "provider": "zoom" if connection else "acme", "connection": connection, "asked_at": now}
    rows = [VendorRoom(**facts, generation=one, key=f"known-{one}", state="closing") for one in range(500, 500 + number)]
    VendorRoom.objects.bulk_create(rows)


def night(number: int = 1) -> list[str]:
    """Make the round of that night, some seconds less than a day after the last; return the subjects of the mails."""
    mail.outbox.clear()
    with time_machine.travel(timezone.now() + timedelta(days=number - 1, hours=1, seconds=-30 * number), tick=False):
        tasks.reconcile_rooms(0)
    return [str(letter.subject) for letter in mail.outbox]


@pytest.mark.defect("CE-24")
def test_account_of_which_too_much_differs_is_left_and_the_staff_told_every_night(acme: Acme, meeting: Meeting):
    lose(acme, meeting, TOO_MANY)

    for number in (1, 2):
        assert night(number) == ["[Linkpool] Too many rooms differ, so nothing was changed: Acme"]
        assert "Acme: 21 to close and 0 to make anew, of 1 that we know" in mail.outbox[0].body
        assert "\nmanage.py reconcile_meetings --dry-run\n" in mail.outbox[0].body
        assert "\nmanage.py reconcile_meetings\n" in mail.outbox[0].body

    assert len(acme.open_rooms()) == TOO_MANY + 1
    assert VendorRoom.objects.count() == 1


def test_person_has_it_all_mended_and_it_is_over(acme: Acme, meeting: Meeting, capsys: Any, drain: Drain):
    lose(acme, meeting, TOO_MANY)
    night()
    mail.outbox.clear()

    call_command("reconcile_meetings", "--dry-run")
    assert capsys.readouterr().out.endswith(f"\n{TOO_MANY} differences.\n")
    assert not mail.outbox
    call_command("reconcile_meetings")
    assert [str(letter.subject) for letter in mail.outbox] == [WELL_AGAIN]
    with time_machine.travel(timezone.now() + timedelta(hours=2), tick=False):
        drain()

    assert [held.key for held in acme.open_rooms()] == [f"{meeting.booking.reference}-0"]
    assert night(2) == []


def test_what_is_believable_in_a_night_is_mended(acme: Acme, meeting: Meeting):
    lose(acme, meeting, nightly.BELIEVABLE)
    assert night() == []
    assert VendorRoom.objects.filter(state="closing").count() == nightly.BELIEVABLE


def test_tenth_of_many_rooms_is_believable(acme: Acme, meeting: Meeting):
    lose(acme, meeting, TOO_MANY)
    know(meeting, 10 * TOO_MANY - 1)
    assert night() == []
    assert VendorRoom.objects.filter(key__startswith="BK", state="closing").count() == TOO_MANY


def test_account_that_is_left_keeps_nothing_from_the_others(acme: Acme, meeting: Meeting):
    """Both accounts list the same rooms here; the second one has so many that it may close them."""
    lose(acme, meeting, TOO_MANY)
    know(meeting, 10 * TOO_MANY, connect(make_tutor()))

    assert night() == ["[Linkpool] Too many rooms differ, so nothing was changed: Acme"]
    assert VendorRoom.objects.filter(provider="zoom", key__startswith="BK", state="closing").count() == TOO_MANY


def test_sessions_whose_rooms_are_gone_are_counted_as_well(acme: Acme, meeting: Meeting, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(nightly, "BELIEVABLE", 1)
    acme.rooms.clear()
    lose(acme, meeting, 1)

    assert len(night()) == 1

    assert "Acme: 1 to close and 1 to make anew, of 1 that we know" in mail.outbox[0].body
    assert Meeting.objects.get().is_ready


def test_what_is_only_told_of_is_not_counted(acme: Acme, meeting: Meeting):
    during = During(START, START + timedelta(hours=1))
    acme.rooms |= {f"theirs-{one}": Held(f"BK-OTHERSITE-{one}", during) for one in range(TOO_MANY)}
    lose(acme, meeting, 1)
    assert night() == []
    assert VendorRoom.objects.count() == 2


def test_account_that_does_not_answer_the_next_night_is_not_said_to_be_well(acme: Acme, meeting: Meeting):
    lose(acme, meeting, TOO_MANY)
    night()
    acme.plan = [ProviderUnavailable(status=503)]
    assert night(2) == []
    acme.rooms = {number: held for number, held in acme.rooms.items() if not number.startswith("lost")}
    acme.plan = [RuntimeError("odd list")]
    with pytest.raises(RuntimeError):
        night(3)
    assert mail.outbox == []
    assert night(4) == [WELL_AGAIN]


def test_part_of_what_was_held_back_is_not_mended_when_the_vendor_falls_silent(
    acme: Acme, meeting: Meeting, monkeypatch: pytest.MonkeyPatch
):
    """What it shows before is a part that is believable; of the rest nobody knows."""
    monkeypatch.setattr(nightly, "BELIEVABLE", 1)
    for _number in range(2):
        in_a_room()
    acme.rooms.clear()
    assert len(night()) == 1

    acme.plan = ["", "", *[ProviderUnavailable(status=503)] * 2]  # the list and one of the rooms
    assert night(2) == []
    assert Meeting.objects.filter(status=Meeting.Status.READY).count() == 3

    assert night(3) == ["[Linkpool] Too many rooms differ, so nothing was changed: Acme"]
    assert "Acme: 0 to close and 3 to make anew, of 3 that we know" in mail.outbox[0].body


def test_person_has_it_mended_while_that_account_does_not_answer_and_it_is_not_over(acme: Acme, meeting: Meeting):
    lose(acme, meeting, TOO_MANY)
    night()
    mail.outbox.clear()

    acme.plan = [ProviderUnavailable(status=503)]
    call_command("reconcile_meetings")
    assert mail.outbox == []

    connect(make_tutor())
    acme.plan = ["", ProviderUnavailable(status=503)]  # now another account has no answer
    call_command("reconcile_meetings")
    assert [str(letter.subject) for letter in mail.outbox] == [WELL_AGAIN]
