"""What happens to a tutor's account at a vendor: it is kept, looked at, let go.

Lock order: `lock_tutor`, then connections, and the Tutor's row last.
"""

from __future__ import annotations

import logging
from datetime import datetime

from django.db import connection as database
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.functional import Promise

from bookings.jobs import enqueue
from bookings.kept import in_english
from bookings.models import Tutor
from meetings.calls import note_call
from meetings.connections import RIGHTS_LACK, access_to, mark_broken, mark_refused, take_tokens
from meetings.errors import (
    AccountTaken,
    ConnectionBroken,
    ConsentRefused,
    ProviderCannot,
    ProviderMisconfigured,
    ProviderTrouble,
)
from meetings.models import VideoConnection
from meetings.oauth import get_vendor
from meetings.oauth.base import AccountLook, Tokens
from meetings.providers import find_maker
from meetings.providers.base import ABILITY_UNSEEN, Access

log = logging.getLogger("linkpool.meetings")

ACCOUNT_LOCK, TUTOR_LOCK = 76005, 76006


@transaction.atomic
def keep_account(tutor: Tutor, provider: str, tokens: Tokens, look: AccountLook) -> VideoConnection:
    """Keep what the tutor consented to. The same account again renews its connection, another one takes its place.

    The old account stays readable for its rooms, which are moved and closed with it. Raises AccountTaken when another
    tutor has connected the account, ConsentRefused when there is nothing to renew it with.
    """
    now = timezone.now()
    lock_tutor(tutor)
    _lock_account(provider, look.account_id)
    here = VideoConnection.objects.connected().filter(provider=provider)
    if here.filter(account_id=look.account_id, tutor__isnull=False).exclude(tutor=tutor).exists():
        raise AccountTaken
    known = VideoConnection.objects.select_for_update(no_key=True).filter(tutor=tutor, provider=provider).order_by("pk")
    rows = list(known.order_by(F("disconnected_at").desc(nulls_first=True)))
    same = next((row for row in rows if row.account_id in ("", look.account_id)), None)
    if not tokens.refresh_token and same is None:
        raise ConsentRefused
    for row in rows:
        if row != same and row.disconnected_at is None:
            _let_go(row, now)
    row = same or VideoConnection(tutor=tutor, provider=provider)
    _renew_consent(row, tokens, look, now)
    row.save()
    enqueue("meetings.try_again_for", tutor_id=tutor.pk)  # a job: it locks meetings, and they come before connections
    return row


@transaction.atomic
def disconnect(connection: VideoConnection) -> None:
    """End a connection: no new room is made with it. A second call changes nothing.

    Its tokens are kept while a room needs them to be closed, then they are given back and erased (`give_back`).
    """
    if connection.tutor is not None:
        lock_tutor(connection.tutor)
    row = VideoConnection.objects.select_for_update(no_key=True).get(pk=connection.pk)
    if row.disconnected_at is None:
        _let_go(row, timezone.now())
        log.info("account disconnected", extra={"connection": row.pk, "provider": row.provider})


def check_account(connection: VideoConnection) -> None:
    """Ask the vendor for a new token and look at the account: is it as we think? Raises ProviderTrouble.

    An account that cannot be read, or lacks a right, is marked as broken.
    """
    access = access_to(connection)
    if connection.tutor_id is None:
        _look_at_site(connection, access)
        return
    token = access.renewed(access.token())
    vendor = get_vendor(connection.provider)
    row = VideoConnection.objects.get(pk=connection.pk)
    if vendor.lacking(row.granted):
        mark_broken(row, why=RIGHTS_LACK)
        raise ConnectionBroken(detail="a right is missing")
    with note_call(provider=connection.provider, what="look", connection=connection) as call:
        look = vendor.look_at(token)
        _write_look(connection, look)
    if call.trouble is not None:
        raise call.trouble


def _look_at_site(connection: VideoConnection, access: Access) -> None:
    """Get a token for an account of the site, and ask its provider whether it can hold meetings as far as we may see."""
    maker = find_maker(connection.provider)
    with note_call(provider=connection.provider, what="refresh", connection=connection) as call:
        access.token()
        _write_ability(connection, maker.why_it_cannot_host(access) if maker else "")
    if isinstance(call.trouble, ConnectionBroken):
        mark_refused(connection, call.trouble)
    if call.trouble is not None:
        raise call.trouble


def _write_ability(connection: VideoConnection, why_not: str | Promise | None) -> None:
    """Write whether the account can hold meetings. What a room remarked stays, such as a limit of 40 minutes."""
    unseen = in_english(ABILITY_UNSEEN)
    remark = connection.remark if connection.can_host and connection.remark != unseen else ""
    if why_not is None and connection.last_used_at is None:
        remark = unseen
    if why_not:
        remark = in_english(why_not)
        log.warning("account cannot host", extra={"connection": connection.pk, "provider": connection.provider})
    row = VideoConnection.objects.filter(pk=connection.pk)
    row.update(can_host=not why_not, remark=remark[:500], checked_at=timezone.now())


def note_refusal(connection: VideoConnection, trouble: ProviderTrouble) -> None:
    """Keep what the plan of an account or a policy forbids, for its tutor to read; a limit that passes is not kept.

    Of the site's own account what its set-up lacks is kept as well, for those who run the site.
    """
    says, kinds = trouble.own_message, (ProviderCannot if connection.tutor_id else (ProviderCannot, ProviderMisconfigured))
    if isinstance(trouble, kinds) and says is not None and trouble.pause is None:
        VideoConnection.objects.filter(pk=connection.pk).update(refused_why=in_english(says)[:500])


def lock_tutor(tutor: Tutor) -> None:
    """Let others who change this tutor's connections or choice wait until this transaction ends.

    Not with the tutor's row: whoever holds a slot, accepts or moves a session locks that, and a connection is waited for as
    long as its vendor takes to renew a token. So write that row last.
    """
    with database.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [TUTOR_LOCK, tutor.pk % 2**31])


def _lock_account(provider: str, account_id: str) -> None:
    """Let other tutors who connect this very account at this moment wait until this transaction ends."""
    with database.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [ACCOUNT_LOCK, f"{provider}:{account_id}"])


def _renew_consent(row: VideoConnection, tokens: Tokens, look: AccountLook, now: datetime) -> None:
    row.status, row.broken_at, row.broken_why = VideoConnection.Status.ACTIVE, None, ""
    row.told_at = row.paused_until = row.disconnected_at = row.grant_ends_at = None
    row.base_url = row.refused_why = ""
    row.connected_at = now
    _put_look(row, look, now)
    take_tokens(row, tokens, now=now)


def _put_look(row: VideoConnection, look: AccountLook, now: datetime) -> None:
    is_known_by_now = look.remark == ABILITY_UNSEEN and row.last_used_at is not None
    row.account, row.account_id = look.account[:254], look.account_id[:200]
    row.can_host, row.checked_at = look.can_host, now
    row.remark = "" if is_known_by_now else in_english(look.remark)[:500]


def _write_look(connection: VideoConnection, look: AccountLook) -> None:
    """Write what the account is like, unless it was connected anew while we looked."""
    row = VideoConnection(pk=connection.pk, last_used_at=connection.last_used_at)
    _put_look(row, look, timezone.now())
    seen = {name: getattr(row, name) for name in ("account", "can_host", "remark", "checked_at")}
    VideoConnection.objects.filter(pk=connection.pk, connected_at=connection.connected_at).update(**seen)


def _let_go(row: VideoConnection, now: datetime) -> None:
    """End a locked connection."""
    row.disconnected_at = now
    row.save(update_fields=["disconnected_at"])
    enqueue("meetings.give_back", connection_id=row.pk)
