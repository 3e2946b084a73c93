"""The health of pool links: which are old, never used or never seen to work; checked, and made, at Google where it lets us.

Google Meet forgets a room that nobody opened for 365 days (meetings.md section 4), so from 300 days on it is given to no
session any more until somebody has opened it. Rooms that this site made are known by their space, not by their code: a
code can be given to another room.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection as database
from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Coalesce, Greatest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from bookings.errors import DomainError
from bookings.jobs import enqueue
from bookings.kept import Kept
from meetings import links
from meetings.addresses import GOOGLE_MEET
from meetings.calls import note_call
from meetings.connections import access_to, connection_of_site, site_access
from meetings.errors import LinkKnown, LinkRetired, ProviderTrouble, ProviderUnavailable, RoomGone
from meetings.models import Meeting, MeetingLink, VideoConnection
from meetings.models.links import MeetingLinkQuerySet
from meetings.providers.meet_spaces import SPACES_SCOPE, MeetSpaces, Space

log = logging.getLogger("linkpool.pool")

FORGOTTEN_AFTER = timedelta(days=365)
OLD_AFTER = timedelta(days=300)
CHECKED_EVERY = timedelta(days=7)
BATCH = 50
MAKING_LOCK = (76003, 0)

IS_GONE = Kept("Google Meet does not know this room any more.")
HAS_ANOTHER_CODE = Kept("The room has another address by now; this one may lead to strangers.")
IS_OLD = Kept(
    "Nobody has opened it for %(days)s days; Google forgets a room after 365. Open it once, then say that it works."
)
NOT_SEEN = _("Google shows this room only to the account that made it. Open it yourself, then say that it works.")
NO_RIGHT = _("There is no Google account of the site that may check rooms. See POOL_GOOGLE_ACCOUNT in the settings.")


def pool_connection() -> VideoConnection | None:
    """Return the Google account with which rooms of the pool are made and checked, if there is one."""
    if settings.POOL_GOOGLE_ACCOUNT:
        named = VideoConnection.objects.usable().filter(provider="google", account__iexact=settings.POOL_GOOGLE_ACCOUNT)
        return next((one for one in named.order_by("pk") if SPACES_SCOPE in one.granted), None)
    return connection_of_site("google") if site_access("google") is not None else None


def google_meet() -> MeetSpaces:
    """Return Google Meet as this site reaches it."""
    return MeetSpaces(settings.GOOGLE_MEET_URL)


def forgotten_at(link: MeetingLink) -> datetime | None:
    """When Google forgets the room if nobody opens it before; None for rooms of others, who do not say."""
    if urlsplit(link.url).hostname != GOOGLE_MEET:
        return None
    return _opened_at(link) + FORGOTTEN_AFTER


def _opened_at(link: MeetingLink) -> datetime:
    """When somebody last was in the room, as far as is known: it was new when it was added."""
    return max(link.last_used_at or link.created_at, link.created_at)


def check_link(link: MeetingLink) -> MeetingLink:
    """Ask Google whether the room is there and still has this address; write down what was found.

    A room that is gone or has another address is retired, so its sessions move. Raises DomainError without an account
    that may ask, LinkRetired, or the kinds of ProviderTrouble: a room of somebody else cannot be seen, and only the
    account that made it can say that it is gone.
    """
    if link.status == MeetingLink.Status.RETIRED:
        raise LinkRetired
    account = link.connection if link.connection is not None and link.connection.is_usable else pool_connection()
    if account is None:
        raise DomainError(NO_RIGHT)
    fault = ""
    try:
        space = _ask(account, link.provider_space_id or _code_of(link))
        if space.code != _code_of(link):
            fault = HAS_ANOTHER_CODE()
    except RoomGone:
        if not link.provider_space_id or account != link.connection:
            raise RoomGone(NOT_SEEN) from None  # of somebody else's room Google says the same as of none
        fault = IS_GONE()
    _write_check(link, fault)
    return link


@transaction.atomic
def confirm_link(link: MeetingLink) -> MeetingLink:
    """Write that a person has opened the room and it works: to Google that is a use. Raises LinkRetired."""
    link = MeetingLink.objects.select_for_update(no_key=True).get(pk=link.pk)
    if link.status == MeetingLink.Status.RETIRED:
        raise LinkRetired
    link.checked_at, link.fault = timezone.now(), ""
    link.note_use(until=link.checked_at)
    link.save(update_fields=["checked_at", "fault", "last_used_at"])
    log.info("link confirmed", extra={"link": link.pk})
    return link


def old_links(now: datetime) -> MeetingLinkQuerySet:
    """Return Google's rooms in the pool that nobody opened for 300 days and that no session will open in time."""
    soon = Meeting.objects.holding_links().filter(link=OuterRef("pk"), during__startswith__gt=now)
    opened = Greatest(Coalesce("last_used_at", "created_at"), "created_at")
    mine = MeetingLink.objects.available().filter(url__startswith=f"https://{GOOGLE_MEET}/").annotate(opened_at=opened)
    return mine.filter(~Exists(soon), opened_at__lt=now - OLD_AFTER).order_by("pk")


@transaction.atomic
def set_old_links_aside(now: datetime) -> list[MeetingLink]:
    """Cordon rooms that Google is about to forget, have the staff told, and return them. A second call finds none."""
    found = list(old_links(now)[:BATCH])
    for link in found:
        links.cordon_link(link)
        MeetingLink.objects.filter(pk=link.pk).update(fault=IS_OLD(days=(now - _opened_at(link)).days))
    if found:
        enqueue("meetings.mail_staff_of_old_links", link_ids=[link.pk for link in found])
    return found


def check_due(now: datetime) -> int:
    """Check rooms of this site that were not checked for a week, the longest ago first. Returns how many were.

    Those whose account no longer works are passed over: another one cannot tell whether they are there.
    """
    made = MeetingLink.objects.exclude(provider_space_id="").exclude(status=MeetingLink.Status.RETIRED)
    mine = made.filter(connection__in=VideoConnection.objects.usable())
    due = mine.filter(Q(checked_at=None) | Q(checked_at__lt=now - CHECKED_EVERY)).order_by("checked_at", "pk")
    number = 0
    for link in due.select_related("connection")[:BATCH]:
        try:
            check_link(link)
            number += 1
        except ProviderUnavailable:
            break  # Google is busy: the next night finds the rest
        except DomainError as refusal:
            log.warning("link not checked", extra={"link": link.pk, "reason": str(refusal)})
    return number


def fill_pool() -> int:
    """Make rooms at Google until the pool has POOL_TARGET_SIZE links to give. Returns how many; the next round goes on.

    One process at a time: two would make too many. A room whose answer is lost stays unused at Google.
    """
    account = pool_connection() if settings.POOL_TARGET_SIZE else None
    if account is None or not _lock_making():
        return 0
    made = 0
    try:
        while MeetingLink.objects.available().count() < settings.POOL_TARGET_SIZE:
            if not _keep_room(_ask(account), account):
                break  # else a Google that gives the same room again and again would be asked for ever
            made += 1
    except ProviderTrouble as trouble:
        log.warning("pool not filled", extra={"reason": trouble.detail, "number": made})
    finally:
        _unlock_making()
    return made


def _ask(account: VideoConnection, name: str = "") -> Space:
    """Look at the room, or make one where no name is given. Raises the kinds of ProviderTrouble."""
    spaces, access = google_meet(), access_to(account)
    found: Space | None = None
    with note_call(provider="google", what="check" if name else "create", connection=account) as call:
        found = spaces.look_at_space(name, access) if name else spaces.create_space(access)
    if found is None:
        raise call.trouble or ProviderUnavailable
    return found


def _keep_room(space: Space, account: VideoConnection) -> bool:
    """Put the room into the pool; False if Google gave one that is here already."""
    try:
        link = links.add_link(space.url)
    except LinkKnown:
        return False
    made = MeetingLink.objects.filter(pk=link.pk)
    made.update(provider_space_id=space.name, connection=account, checked_at=timezone.now())
    log.info("link made", extra={"link": link.pk})
    return True


def _write_check(link: MeetingLink, fault: str) -> None:
    link.checked_at, link.fault = timezone.now(), fault
    link.save(update_fields=["checked_at", "fault"])
    log.info("link checked", extra={"link": link.pk, "reason": fault})
    if fault:
        links.retire_link(link)
        link.refresh_from_db(fields=["status"])


def _code_of(link: MeetingLink) -> str:
    return urlsplit(link.url).path.strip("/")


def _lock_making() -> bool:
    with database.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", MAKING_LOCK)
        return bool(cursor.fetchone()[0])


def _unlock_making() -> None:
    with database.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_unlock(%s, %s)", MAKING_LOCK)
