"""The end of a consent: handed back to the vendor, and what we kept of it erased.

Tokens outlive a disconnection as long as rooms stand that only they can close: those of sessions that could not be moved,
or that take place right now. For one that cannot be closed they are kept no longer than PATIENCE.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from bookings.jobs import enqueue_once
from meetings.calls import note_call
from meetings.closing import give_up
from meetings.connections import access_to
from meetings.errors import ConnectionBroken, ProviderTrouble, ProviderUnavailable
from meetings.models import ProviderSwitch, VendorRoom, VideoConnection
from meetings.models.connections import VideoConnectionQuerySet
from meetings.oauth import get_vendor, has_vendor
from meetings.silence import require_voice

log = logging.getLogger("linkpool.meetings")

AGAIN = timedelta(minutes=2)  # usually enough for the rooms of an account that was let go
PATIENCE = timedelta(days=7)  # after this long tokens are erased even if the vendor never answered, or closed a room


def take_turn(connection: VideoConnection) -> None:
    """Try to give a consent back, and soon again where that is worth it; else the round of every hour does. Never raises
    trouble of the vendor.
    """
    try:
        is_to_wait = not give_back(connection) and is_soon_free(connection)
    except ProviderUnavailable:
        is_to_wait = True
    if is_to_wait:
        line_up(connection.pk, wait=AGAIN)


def line_up(key: int, *, wait: timedelta = timedelta()) -> None:
    """Have a job give a consent back, unless one waits already: those of an hour ago and this one are not to go on side by
    side, each making the next.
    """
    enqueue_once("meetings.give_back", lock=f"meetings.give_back:{key}", wait=wait, connection_id=key)


def give_back(connection: VideoConnection) -> bool:
    """Hand a consent that was ended back to the vendor and erase its tokens. True when they are gone.

    False while rooms need them. Raises ProviderUnavailable: ask again later. A second call changes nothing.
    """
    row = VideoConnection.objects.filter(pk=connection.pk, disconnected_at__isnull=False).first()
    if row is None:
        return False
    now = timezone.now()
    is_late = row.disconnected_at <= now - PATIENCE
    if row.status == VideoConnection.Status.ACTIVE:
        if is_late:
            give_up(row, now)
        if VendorRoom.objects.standing().filter(connection=row).exists():
            return False
        trouble = _revoke(row)
        if isinstance(trouble, ProviderUnavailable) and not is_late:
            raise trouble
    return _erase(row)


def is_soon_free(connection: VideoConnection) -> bool:
    """True if an ended connection waits for nothing but sessions on their way elsewhere, or rooms that are being closed."""
    standing = VendorRoom.objects.standing().filter(connection=connection, connection__disconnected_at__isnull=False)
    if not standing.exists():
        return False
    if ProviderSwitch.objects.filter(tutor=connection.tutor, finished_at=None).exists():
        return True
    return not standing.exclude(state=VendorRoom.State.CLOSING).exists()


def to_give_back() -> VideoConnectionQuerySet:
    """Return the connections that were ended and whose tokens are still kept."""
    ended: VideoConnectionQuerySet = VideoConnection.objects.filter(disconnected_at__isnull=False, tutor__isnull=False)
    return ended.exclude(refresh_token="")


def _revoke(row: VideoConnection) -> ProviderTrouble | None:
    """Give the consent back, unless the same account is connected anew: vendors would end that consent too.

    Whoever disconnects and connects again at once may do so while the token is on its way, so the row is looked at last
    thing. What stays is a consent that is given while the vendor is being asked: no lock and no pause rules that out, for
    nobody knows of it here before its answer comes back. Its first call then finds that it is gone, and its tutor is asked
    to connect again.
    """
    if not has_vendor(row.provider) or _is_wanted_again(row):
        return None
    try:
        require_voice(row.provider)
        token = access_to(row).token()
    except ConnectionBroken:
        return None
    except ProviderTrouble as trouble:
        return trouble
    if _is_wanted_again(row):
        return None
    with note_call(provider=row.provider, what="revoke", connection=row) as call:
        get_vendor(row.provider).revoke(token)
    return None if isinstance(call.trouble, ConnectionBroken) else call.trouble


def _is_wanted_again(row: VideoConnection) -> bool:
    """Say whether the account was connected again since the row was read, in this row or in another one."""
    is_as_it_was: bool = VideoConnection.objects.filter(pk=row.pk, disconnected_at=row.disconnected_at).exists()
    others = VideoConnection.objects.connected().filter(provider=row.provider, account_id=row.account_id)
    return not is_as_it_was or others.exists()


@transaction.atomic
def _erase(row: VideoConnection) -> bool:
    """Erase the tokens, unless the account was connected again in the meantime."""
    locked = VideoConnection.objects.select_for_update(no_key=True).get(pk=row.pk)
    if locked.disconnected_at != row.disconnected_at:
        return False
    locked.access_token = locked.refresh_token = ""
    locked.expires_at = None
    locked.save(update_fields=["access_token", "refresh_token", "expires_at"])
    log.info("tokens erased", extra={"connection": row.pk, "provider": row.provider})
    return True
