"""Close rooms at vendors that nobody wants any more, with the account that made them, until it is done.

A room in the state "closing" is work to do; `last_error` says why it is still there. One whose making was never
answered is looked for by its key first. One that cannot be closed is given up in the end: when its session is over, after
a month of tries, or when its account was let go and nobody may keep the tokens for it any longer.
"""

from __future__ import annotations

import logging
import random
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from bookings.errors import DomainError
from bookings.jobs import enqueue_once
from bookings.kept import Kept, in_english
from meetings.calls import note_call
from meetings.connections import access_for
from meetings.errors import ProviderLeftAlone, RoomGone
from meetings.models import Meeting, VendorRoom, VideoConnection
from meetings.models.rooms import VendorRoomQuerySet
from meetings.providers import find_maker
from meetings.providers.base import Access, Person, RoomMaker
from meetings.rooms import LEASE, release_room, settle_account
from meetings.silence import require_voice

log = logging.getLogger("linkpool.meetings")

BATCH = 500
AGAIN, AGAIN_AT_MOST = timedelta(seconds=30), timedelta(hours=6)
SPREAD = timedelta(minutes=1)  # over which those that wait for a silent vendor come again
NO_KEYS = Kept("This site has no keys for the provider any more.")
NOT_CONNECTED = Kept("The account that made the room must be connected again.")
OUR_TROUBLE = Kept("Something went wrong on our side; see the log.")
HALF_A_DAY, A_MONTH = 12, 130  # tries that take at least so long, with the pauses between them
SWITCHING = timedelta(minutes=30)  # a room made ahead of a switch may wait so long for its meeting
State = VendorRoom.State


def close_room(key: int) -> bool:
    """Close one room whose turn has come; says whether it is closed now. Trouble is written down, not raised."""
    now = timezone.now()
    room = _claim(key, now=now)
    if room is None:
        return False
    maker = find_maker(room.provider)
    if maker is None:
        return _try_later(room, NO_KEYS())
    if room.connection is not None and room.connection.status == VideoConnection.Status.BROKEN:
        return _try_later(room, NOT_CONNECTED())
    try:
        closed = _close(room, maker)
    except ProviderLeftAlone as error:
        return _put_off(room, error)
    except DomainError as error:
        return _try_later(room, in_english(error.message), after=getattr(error, "after", None))
    except Exception:
        log.exception("closing a room failed", extra={"room": room.key})
        return _try_later(room, OUR_TROUBLE())
    done = {"state": State.CLOSED, "closed_at": timezone.now(), "next_attempt_at": None, "last_error": ""}
    # One that turned up after we had looked for it in vain is still to be closed.
    if not VendorRoom.objects.filter(pk=room.pk, state=State.CLOSING, external_id=closed).update(**done):
        return False
    log.info("room closed", extra={"room": room.key})
    return True


def _claim(key: int, *, now: datetime) -> VendorRoom | None:
    with transaction.atomic():
        due = VendorRoom.objects.filter(state=State.CLOSING, next_attempt_at__lte=now, pk=key)
        room = due.select_for_update(skip_locked=True, of=("self",)).select_related("meeting", "connection").first()
        if room is not None:
            room.next_attempt_at, room.attempts = now + LEASE, room.attempts + 1
            room.save(update_fields=["next_attempt_at", "attempts"])
        return room


def _close(room: VendorRoom, maker: RoomMaker) -> str:
    """Return the number of the room that is closed now; empty if there was none."""
    require_voice(room.provider)
    access = access_for(room)
    external_id = room.external_id or _find(room, maker, access)
    if not external_id:
        return ""
    with note_call(
        provider=room.provider, what="cancel", connection=room.connection, meeting=room.meeting, attempt=room.attempts
    ) as call:
        maker.cancel(external_id, access)
    settle_account(room.connection, call)
    if call.trouble is not None and not isinstance(call.trouble, RoomGone):
        raise call.trouble
    return external_id


def _find(room: VendorRoom, maker: RoomMaker, access: Access | None) -> str:
    """Return the number of a room that may have been made by a call whose answer was lost, and keep it."""
    found, tutor = None, room.meeting.booking.tutor
    with note_call(
        provider=room.provider, what="find", connection=room.connection, meeting=room.meeting, attempt=room.attempts
    ) as call:
        found = maker.find(room.key, access, Person(str(tutor), tutor.user.email))
    settle_account(room.connection, call)
    if call.trouble is not None and not isinstance(call.trouble, RoomGone):
        raise call.trouble
    if found is None:
        return ""
    VendorRoom.objects.filter(pk=room.pk, external_id="").update(external_id=found.external_id)
    return found.external_id


def _try_later(room: VendorRoom, why: str, *, after: timedelta | None = None) -> bool:
    doubled = AGAIN * 2 ** min(room.attempts - 1, 12)
    jitter = timedelta(seconds=random.random())  # noqa: S311 - spreads load only
    pause = max(min(doubled, AGAIN_AT_MOST), after or timedelta()) + jitter
    mine = VendorRoom.objects.filter(pk=room.pk, state=State.CLOSING)
    mine.update(last_error=why[:500], next_attempt_at=timezone.now() + pause)
    log.warning("room not closed", extra={"room": room.key, "reason": why})
    return False


def _put_off(room: VendorRoom, error: ProviderLeftAlone) -> bool:
    """Take the try back: nobody was asked."""
    pause = (error.after or timedelta()) + random.random() * SPREAD  # noqa: S311 - spreads load only
    mine = VendorRoom.objects.filter(pk=room.pk, state=State.CLOSING, attempts__gt=0)
    mine.update(
        last_error=in_english(error.message)[:500], attempts=F("attempts") - 1, next_attempt_at=timezone.now() + pause
    )
    return False


def close_due(now: datetime) -> int:
    """Have every room closed whose turn has come, whatever became of its job. Returns how many."""
    due = VendorRoom.objects.filter(state=State.CLOSING, next_attempt_at__lte=now).order_by("next_attempt_at")
    keys = list(due.values_list("pk", flat=True)[:BATCH])
    for key in keys:
        enqueue_once("meetings.close_room", lock=f"meetings.close_room:{key}", room_id=key)
    return len(keys)


@transaction.atomic
def close_soon(room: VendorRoom) -> None:
    """Have a room that is to be closed tried at once, because a person asks. One that is closed by now stays so."""
    mine = VendorRoom.objects.filter(pk=room.pk, state=State.CLOSING)
    if mine.update(next_attempt_at=timezone.now()):
        enqueue_once("meetings.close_room", lock=f"meetings.close_room:{room.pk}", room_id=room.pk)


def let_go_of_unwanted(now: datetime) -> int:
    """Have rooms closed that stand for meetings which moved on while nobody looked. Returns how many.

    A room is wanted by a meeting of its own generation that waits for it or is held in it.
    """
    quiet = Q(next_attempt_at=None) | Q(next_attempt_at__lte=now)
    standing = VendorRoom.objects.filter(quiet, state__in=[State.ASKED, State.MADE], asked_at__lt=now - LEASE)
    same = Q(generation=F("meeting__generation"), provider=F("meeting__provider"))
    held = same & Q(meeting__status__in=Meeting.HOLDING, external_id=F("meeting__external_id"))
    waited_for = same & Q(meeting__status=Meeting.Status.WAITING)
    ahead = Q(generation__gt=F("meeting__generation"), meeting__status=Meeting.Status.READY, asked_at__gt=now - SWITCHING)
    # By the time they were asked for, which has an index of those that stand: by the key all that ever were would be read.
    oldest = standing.exclude(held | waited_for | ahead).order_by("asked_at")
    keys = list(oldest.values_list("pk", "meeting_id")[:BATCH])
    return sum(_let_go(room, meeting, standing.exclude(held | waited_for | ahead)) for room, meeting in keys)


@transaction.atomic
def _let_go(key: int, meeting: int, unwanted: VendorRoomQuerySet) -> bool:
    Meeting.objects.select_for_update().get(pk=meeting)
    room = unwanted.filter(pk=key).select_for_update(of=("self",)).first()
    if room is not None:
        release_room(room)
    return room is not None


def forget_over(now: datetime) -> int:
    """Count rooms as closed with which nothing is to be done any more. Returns how many.

    They are those of sessions that ended a day ago, and those that no try of a month has closed.
    """
    over = Q(meeting__during__endswith__lt=now - timedelta(days=1))
    left_open = Q(state=State.MADE, meeting__status=Meeting.Status.ENDED)
    tried = Q(state=State.CLOSING, attempts__gt=0)
    in_vain = Q(state=State.CLOSING, attempts__gte=A_MONTH)
    return _forget(VendorRoom.objects.filter(over & (left_open | tried) | in_vain), now)


def give_up(connection: VideoConnection, now: datetime) -> int:
    """Count those rooms of an account as closed that no try of half a day has closed. Returns how many."""
    closing = VendorRoom.objects.filter(connection=connection, state=State.CLOSING)
    return _forget(closing.filter(attempts__gte=HALF_A_DAY), now)


def _forget(rooms: VendorRoomQuerySet, now: datetime) -> int:
    """Let `last_error` stay to be read: it says why nobody closed them."""
    return rooms.update(state=State.CLOSED, closed_at=now, next_attempt_at=None)
