"""The way in of one person, found at the moment of the click: some vendors have more to say then than can be kept.

Zoom's host is let in by an address that is good for two hours and signs its bearer in; 100ms is told who comes. Such an
address is followed and forgotten: it is in no row, page, mail, log or answer of the API. Nobody is kept out by what goes
wrong here: the stored address is a way in as well.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.utils import timezone

from bookings.models import Booking, User
from meetings.calls import note_call
from meetings.joining import hand_out_address
from meetings.models import Meeting, ProviderCall, VideoConnection
from meetings.providers import find_maker
from meetings.providers.base import RoomMaker, Visitor
from meetings.silence import ENTER, LOOKED_BACK, is_silent
from meetings.tokens_at_hand import token_at_hand

log = logging.getLogger("linkpool.meetings")

REFUSED = timedelta(seconds=30)  # what was refused to an account, or went wrong there, is not asked again for so long


def enter(booking: Booking, user: User) -> str:
    """Return where one of the two parties goes in now, and note that the address is known; empty if the door is shut.

    The booking's door was open a moment ago. The vendor is asked first, outside of any transaction; then the meeting is
    locked and read again, and what was found counts only if the session is still held in the same room.
    """
    stored = booking.meeting.address_for(is_tutor=user.pk == booking.tutor.user_id)
    way = _find_way(booking, user, stored)
    address = hand_out_address(booking, user, now=timezone.now())
    return way if address == stored else address


def has_ways(maker: RoomMaker | None) -> bool:
    """Say whether this provider leads people in by more than the stored address."""
    return maker is not None and type(maker).way_in is not RoomMaker.way_in


def _find_way(booking: Booking, user: User, stored: str) -> str:
    meeting: Meeting = booking.meeting
    maker = find_maker(meeting.provider) if meeting.link_id is None and meeting.external_id else None
    if maker is None or not has_ways(maker) or not stored:
        return stored
    visitor = _visitor(booking, user)
    account = _own_account(meeting, booking) if visitor.is_tutor else None
    try:
        if account is not None:
            return _ask(maker, meeting, visitor, account, stored)
        return maker.way_in(stored, meeting.external_id, visitor, None)
    except Exception:
        log.exception("way in not found", extra={"meeting": meeting.pk, "provider": meeting.provider})
        return stored


def _ask(maker: RoomMaker, meeting: Meeting, visitor: Visitor, account: VideoConnection, stored: str) -> str:
    """Return what the vendor gives to the tutor whose account this is; the stored address if it gives nothing."""
    access = None if _is_left_alone(account, now=timezone.now()) else token_at_hand(account)
    way = stored
    if access is not None:
        with note_call(provider=meeting.provider, what=ENTER, connection=account, meeting=meeting):
            way = maker.way_in(stored, meeting.external_id, visitor, access)
    return way


def _visitor(booking: Booking, user: User) -> Visitor:
    """Name the person to the vendor: by the booking's reference, which opens nothing and which the two know anyway."""
    is_tutor = user.pk == booking.tutor.user_id
    role = "tutor" if is_tutor else "student"
    return Visitor(code=f"{booking.reference}-{role}", name=user.full_name, is_tutor=is_tutor)


def _own_account(meeting: Meeting, booking: Booking) -> VideoConnection | None:
    """Return the tutor's own account if the room was made with it and it still works."""
    own = VideoConnection.objects.usable().filter(
        tutor=booking.tutor_id,
        rooms__meeting=meeting,
        rooms__provider=meeting.provider,
        rooms__generation=meeting.generation,
        rooms__external_id=meeting.external_id,
    )
    account: VideoConnection | None = own.first()
    return account


def _is_left_alone(account: VideoConnection, *, now: datetime) -> bool:
    """True where nobody should wait: the vendor let somebody wait in vain, refused this account, or asked for a pause."""
    if account.paused_until is not None and account.paused_until > now:
        return True
    tried = ProviderCall.objects.filter(connection=account, what=ENTER, began_at__gt=now - REFUSED)
    was_refused = tried.filter(outcome__in=ProviderCall.TROUBLE).exists()
    return was_refused or is_silent(account.provider, since=now - LOOKED_BACK)
