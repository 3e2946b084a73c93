"""Accounts at vendors: which one holds a tutor's meetings, its token kept fresh, and the end of a consent.

A token is renewed under the lock of its row, the one call to a vendor that is made so: at some vendors a second renewal
with the old token destroys the consent. Whoever waited for the lock uses what the first one got.
"""

from __future__ import annotations

import json
import logging
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _

from bookings.jobs import enqueue
from bookings.kept import Kept, in_english
from bookings.models import Tutor
from meetings.calls import note_call
from meetings.errors import ConnectionBroken, ProviderTrouble, ProviderUnavailable, TokenUnreadable
from meetings.models import ProviderCall, VendorRoom, VideoConnection
from meetings.models.connections import UNREADABLE
from meetings.models.fields import are_keys_good
from meetings.oauth import get_vendor, has_vendor
from meetings.oauth.base import Tokens
from meetings.providers import get_provider
from meetings.providers.base import ABILITY_UNSEEN, Access, Owner, RoomMaker
from meetings.silence import newest_in_vain

log = logging.getLogger("linkpool.meetings")

CONSENT_GONE = Kept("The consent was withdrawn or has ended at the provider.")
RIGHTS_LACK = Kept("The account does not give us the rights that meetings need.")
OTHER_ACCOUNT = _("The site has another account there by now. Only the one that made the room can move or close it.")
ASKED_FOR = Kept("Our team asks you to connect this account again.")

AHEAD = timedelta(minutes=5)  # a token is renewed when it has less than this to live
LEAST_LIFE = timedelta(minutes=1)  # …but is good enough with this much, if nobody answers
SAFETY = timedelta(seconds=60)  # a token is taken to end this much earlier than the vendor says
SILENCE = timedelta(seconds=15)  # after waiting in vain the vendor is not asked again for so long


class StoredAccess(Access):
    """The account of a connection that a person made: tokens come from its row."""

    def __init__(self, connection: VideoConnection) -> None:
        self.connection = connection
        self.account = connection.account
        self.base_url = connection.base_url

    def token(self) -> str:
        row = _read(self.connection)
        return row.access_token if _lives(row, AHEAD) else _renew(row, refused="")

    def renewed(self, refused: str) -> str:
        return _renew(self.connection, refused=refused)


def can_connect(provider: str) -> bool:
    """Say whether tutors can connect an account here: the site has the vendor's keys, and one to keep tokens with."""
    return has_vendor(provider) and are_keys_good()


def access_to(connection: VideoConnection) -> Access:
    """Return what opens the account. Its methods raise ConnectionBroken or ProviderUnavailable, never in a transaction.

    Raises ConnectionBroken for an account of the site whose keys are gone, or to which those of another one were given: that
    one would say of every room that it is not there.
    """
    if connection.tutor_id is not None:
        return StoredAccess(connection)
    access = site_access(connection.provider)
    if access is None:
        raise ConnectionBroken(detail="the site has no account of its own there any more")
    if _is_another(connection, access):
        raise ConnectionBroken(OTHER_ACCOUNT, detail="the site has another account there now")
    return access


def _is_another(connection: VideoConnection, access: Access) -> bool:
    """True if that is not the account of this row of the site; one that tells no name is taken for it."""
    there = access.account[:254].lower()
    return bool(connection.account and there) and connection.account.lower() != there


def access_for(room: VendorRoom) -> Access | None:
    """Return what opens the account with which this room is made, moved and closed; None where none is needed."""
    return access_to(room.connection) if room.connection else None


def site_access(provider: str) -> Access | None:
    """Return the site's own account there, or None: `MEETING_PROVIDERS[…]["SITE_ACCESS"]`, one object for each process."""
    entry = settings.MEETING_PROVIDERS.get(provider, {}).get("SITE_ACCESS")
    if not entry:
        return None
    return _made_once(entry["BACKEND"], json.dumps(entry["OPTIONS"], sort_keys=True))


def connection_for(tutor: Tutor, provider: str) -> VideoConnection | None:
    """Return the tutor's usable connection there, else the site's own, else None.

    None as well where neither consent nor account is needed: then the provider is called without.
    """
    maker = get_provider(provider) if provider in settings.MEETING_PROVIDERS else None
    owners = maker.owners if isinstance(maker, RoomMaker) else frozenset()
    if Owner.TUTOR in owners:
        held = {"tutor": tutor, "provider": provider, "can_host": True}
        own: VideoConnection | None = VideoConnection.objects.usable().filter(**held).first()
        if own is not None:
            return own
    if Owner.SITE in owners and site_access(provider) is not None:
        site = connection_of_site(provider)
        return site if site.is_usable and site.can_host else None
    return None


def connection_of_site(provider: str) -> VideoConnection:
    """Return the row of the site's own account there: rooms and calls hang on it, tokens are never in it.

    Another account in the settings gets a row of its own: of what the one before has made it may know nothing. The staff
    are told what that leaves behind.
    """
    access = site_access(provider)
    account = access.account[:254] if access else ""
    row = _row_of_site(provider, account)
    if access is not None and _is_another(row, access):
        _replace(row)
        row = _row_of_site(provider, account)
    if account and not row.account:
        VideoConnection.objects.filter(pk=row.pk, account="").update(account=account)
        row.account = account
    return row


@transaction.atomic
def _replace(row: VideoConnection) -> None:
    if VideoConnection.objects.filter(pk=row.pk, disconnected_at=None).update(disconnected_at=timezone.now()):
        enqueue("meetings.mail_staff_of_other_account", connection_id=row.pk)


def _row_of_site(provider: str, account: str) -> VideoConnection:
    row: VideoConnection
    fresh = {"connected_at": timezone.now(), "account": account}
    row, _is_new = VideoConnection.objects.get_or_create(tutor=None, provider=provider, disconnected_at=None, defaults=fresh)
    return row


def mark_broken(connection: VideoConnection, *, why: Kept) -> None:
    """Write that the account must be connected again, and have its tutor told, once; alarms.py tells the staff.

    A second call changes nothing, nor does one about a consent that has been replaced meanwhile, or about an account of the
    site in whose place there is another one.
    """
    _write_broken(connection, why())


def mark_refused(connection: VideoConnection, trouble: ConnectionBroken) -> None:
    """As `mark_broken`, for what the vendor's answer says: which right is missing, what an organisation forbids."""
    says = trouble.own_message
    _write_broken(connection, CONSENT_GONE() if says is None else in_english(says))


@transaction.atomic
def _write_broken(connection: VideoConnection, why: str) -> None:
    row = VideoConnection.objects.select_for_update(no_key=True).get(pk=connection.pk)
    if row.status == VideoConnection.Status.BROKEN or row.connected_at != connection.connected_at:
        return
    site = site_access(row.provider) if row.tutor_id is None else None
    if site is not None and _is_another(row, site):
        return
    row.status, row.broken_at, row.broken_why = VideoConnection.Status.BROKEN, timezone.now(), why[:500]
    row.save(update_fields=["status", "broken_at", "broken_why"])
    log.warning("connection broken", extra={"connection": row.pk, "provider": row.provider, "reason": why})
    if row.disconnected_at is None:
        enqueue("meetings.tell_of_broken_connection", connection_id=row.pk)


def revive(connection: VideoConnection) -> bool:
    """Take back that an account is broken, where that can be seen without its owner: its tokens can be read again.

    True if it counts as working now. An account of the site is tried whatever broke it: its keys may have been mended.
    """
    if connection.tutor_id is not None:
        if not connection.is_unreadable:
            return False
        try:
            VideoConnection.objects.defer(None).get(pk=connection.pk)
        except TokenUnreadable:
            return False
    broken = VideoConnection.objects.filter(pk=connection.pk, broken_at=connection.broken_at)
    fresh = {"status": VideoConnection.Status.ACTIVE, "broken_at": None, "broken_why": "", "told_at": None}
    return bool(broken.update(**fresh))


def note_use(key: int, *, at: datetime, remark: str) -> None:
    """Write that a room was made with an account, and what the vendor remarked, if anything: for people only.

    Never while a booking is locked; not at all while somebody holds the row, for a renewal does so as long as the vendor
    takes. The next use writes it then.
    """
    with transaction.atomic():
        row = VideoConnection.objects.filter(pk=key).select_for_update(skip_locked=True, no_key=True).first()
        if row is None:
            return
        known = "" if row.remark == in_english(ABILITY_UNSEEN) else row.remark  # by now it is seen
        row.last_used_at, row.remark, row.refused_why = at, remark[:500] or known, ""
        row.save(update_fields=["last_used_at", "remark", "refused_why"])


def take_tokens(row: VideoConnection, tokens: Tokens, *, now: datetime) -> list[str]:
    """Put what a vendor gave into the locked row, and return the names of the fields to save."""
    row.access_token = tokens.access_token
    row.refresh_token = tokens.refresh_token or row.refresh_token
    row.expires_at = now + timedelta(seconds=tokens.expires_in) - SAFETY
    row.scopes = " ".join(sorted(tokens.scopes)) or row.scopes
    row.base_url = tokens.base_url or row.base_url
    if tokens.grant_ends_in is not None:
        row.grant_ends_at = now + timedelta(seconds=tokens.grant_ends_in)
    row.last_refreshed_at = now
    return [
        *("access_token", "refresh_token", "expires_at", "scopes"),
        *("base_url", "grant_ends_at", "last_refreshed_at"),
    ]


def _read(connection: VideoConnection) -> VideoConnection:
    """Read the tokens as they are now. Raises ConnectionBroken."""
    try:
        row: VideoConnection = VideoConnection.objects.defer(None).get(pk=connection.pk)
    except TokenUnreadable:
        raise _unreadable(connection) from None
    _require_tokens(row)
    return row


def _unreadable(connection: VideoConnection) -> ConnectionBroken:
    mark_broken(connection, why=UNREADABLE)
    return ConnectionBroken(detail="its tokens cannot be decrypted with TOKEN_KEYS")


def _require_tokens(row: VideoConnection) -> None:
    if row.status == VideoConnection.Status.BROKEN or not row.refresh_token:
        raise ConnectionBroken(detail="the connection is broken or has been ended")


def _lives(row: VideoConnection, at_least: timedelta) -> bool:
    return bool(row.access_token) and row.expires_at is not None and row.expires_at > timezone.now() + at_least


def _renew(connection: VideoConnection, *, refused: str) -> str:
    """Return another token than the refused one: somebody else's new one, else one from the vendor."""
    trouble: ProviderTrouble | None = None
    try:
        with transaction.atomic(durable=True):
            row: VideoConnection = VideoConnection.objects.defer(None).select_for_update(no_key=True).get(pk=connection.pk)
            _require_tokens(row)
            if _lives(row, AHEAD) and row.access_token != refused:
                return row.access_token
            trouble = _ask_for_tokens(row)
    except TokenUnreadable:
        raise _unreadable(connection) from None
    if trouble is None:
        return row.access_token
    if isinstance(trouble, ProviderUnavailable) and _lives(row, LEAST_LIFE) and row.access_token != refused:
        return row.access_token
    raise trouble


def _ask_for_tokens(row: VideoConnection) -> ProviderTrouble | None:
    """Ask the vendor for new tokens and write what comes, in the transaction that holds the row.

    No answer changes nothing: the new token may be lost, but nobody knows, so the old one is tried again later; if the
    vendor has thrown it away meanwhile, it says so then.
    """
    now = timezone.now()
    last = newest_in_vain(ProviderCall.objects.filter(connection=row, what="refresh"))
    if last is not None and last.ended_at > now - SILENCE:  # those who waited for the row do not each wait for the vendor
        return ProviderUnavailable(detail="no answer a moment ago", after=SILENCE)
    with note_call(provider=row.provider, what="refresh", connection=row) as call:
        tokens = get_vendor(row.provider).refresh(row.refresh_token)
        row.save(update_fields=take_tokens(row, tokens, now=now))
    if isinstance(call.trouble, ConnectionBroken):
        mark_refused(row, call.trouble)
    return call.trouble


@lru_cache(maxsize=16)
def _made_once(backend: str, options: str) -> Access:
    made: Any = import_string(backend)(**json.loads(options))
    access: Access = made
    return access
