"""What happens to links of the pool: they are added, cordoned, brought back, retired.

Who changes what may be given away locks the pool first (see pool.py), so no link is given while it goes. The sessions
of a link that is retired leave it afterwards, one by one; the minute's round goes on where somebody was cut off.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from bookings.errors import BookingNotPaid
from bookings.history import record_booking_change
from bookings.models import Booking, Notice, User
from bookings.notices import tell, version_of
from meetings import planning, pool
from meetings.addresses import normalise_address
from meetings.errors import LinkKnown, LinkRetired, MeetingNotWaiting, NoLinkLeft
from meetings.link_lists import parse_list
from meetings.models import Meeting, MeetingLink
from meetings.troubles import note_trouble

log = logging.getLogger("linkpool.pool")

Status = MeetingLink.Status
RETIRED, LEAKED = "the link was retired", "strangers may know the link"


@transaction.atomic
def add_link(url: str, *, label: str = "", notes: str = "") -> MeetingLink:
    """Put a link into the pool; whoever waits for one is served at once. Raises LinkAddressRefused, LinkKnown."""
    link = MeetingLink(url=normalise_address(url), label=label, notes=notes)
    try:
        with transaction.atomic():
            link.save()
    except IntegrityError:
        raise LinkKnown from None
    log.info("link added", extra={"link": link.pk})
    planning.tell_links_came_free()
    return link


@transaction.atomic
def add_links(text: str) -> list[MeetingLink]:
    """Put a whole list of links into the pool, one address a line, or none of it.

    Raises LinkListRefused with every fault, InvalidInput for an empty list, LinkKnown if somebody else added one
    of them at this very moment.
    """
    links = [MeetingLink(url=address) for address in parse_list(text)]
    try:
        with transaction.atomic():
            MeetingLink.objects.bulk_create(links, batch_size=1000)
    except IntegrityError:
        raise LinkKnown from None
    log.info("links added", extra={"number": len(links)})
    planning.tell_links_came_free()
    return links


@transaction.atomic
def cordon_link(link: MeetingLink) -> None:
    """Give the link to no more meetings; those that have it keep it. A second call changes nothing.

    Raises LinkRetired.
    """
    _change_status(link, Status.CORDONED)


@transaction.atomic
def uncordon_link(link: MeetingLink) -> None:
    """Let the link be given away again; whoever waits for one is served at once. Raises LinkRetired."""
    _change_status(link, Status.AVAILABLE)
    planning.tell_links_came_free()


def retire_link(link: MeetingLink, *, who: User | None = None) -> None:
    """Never use the link again. A second call changes nothing.

    Meetings whose door is open stay; each later one gets another link at once, or waits for one and the admins
    are told.
    """
    _retire(link, leaked_at=None)
    _empty_link(link, who=who)


def report_leaked(link: MeetingLink, *, who: User | None = None) -> None:
    """Retire the link, as `retire_link` does, because strangers may know its address. A second call changes nothing."""
    _retire(link, leaked_at=timezone.now())
    _empty_link(link, who=who)


def empty_retired_links() -> int:
    """Give other links to sessions to come that a retired one still has: whoever retired it was cut off.

    Returns how many they are.
    """
    behind = _to_come(timezone.now()).filter(link__status=Status.RETIRED).values("link")
    return sum(_empty_link(link, who=None) for link in MeetingLink.objects.filter(pk__in=behind).order_by("pk"))


@transaction.atomic
def _retire(link: MeetingLink, *, leaked_at: datetime | None) -> None:
    """Write it down. Nobody is given the link after the commit."""
    pool.lock_pool()
    locked = MeetingLink.objects.select_for_update(no_key=True).get(pk=link.pk)
    locked.status, locked.leaked_at = Status.RETIRED, locked.leaked_at or leaked_at
    locked.save(update_fields=["status", "leaked_at"])
    log.info("link retired", extra={"link": link.pk, "leaked": locked.leaked_at is not None})


def _empty_link(link: MeetingLink, *, who: User | None) -> int:
    """Give every session to come on the link another one, the earliest first, each in a transaction of its own."""
    keys = list(_to_come(timezone.now()).filter(link=link).order_by("during", "pk").values_list("pk", flat=True))
    is_leaked = MeetingLink.objects.filter(pk=link.pk, leaked_at__isnull=False).exists()
    why = LEAKED if is_leaked else RETIRED
    return sum(_move_to_another_link(key, link, why=why, who=who) for key in keys)


def _change_status(link: MeetingLink, status: MeetingLink.Status) -> None:
    pool.lock_pool()
    locked = MeetingLink.objects.select_for_update(no_key=True).get(pk=link.pk)
    if locked.status == Status.RETIRED:
        raise LinkRetired
    locked.status = status
    locked.save(update_fields=["status"])
    log.info("link changed", extra={"link": link.pk, "status": status.value})


def _to_come(now: datetime) -> QuerySet[Meeting]:
    """Meetings that have a link and whose door is still closed."""
    door_opens_later = now + timedelta(minutes=settings.JOIN_OPENS_MINUTES)
    ready = Meeting.objects.filter(link__isnull=False, status=Meeting.Status.READY)
    return ready.filter(during__startswith__gt=door_opens_later)


def _move_to_another_link(key: int, link: MeetingLink, *, why: str, who: User | None) -> bool:
    """Take one session off the link and give it another one; say whether it still was on it."""
    departure = _leave(key, link, why=why, who=who)
    if departure is None:
        return False
    if departure.meeting.is_waiting:
        try:
            departure.record(was="", became=str(pool.assign_link(departure.meeting)))
        except NoLinkLeft as error:
            note_trouble(departure.meeting, error)
        except (BookingNotPaid, MeetingNotWaiting):
            log.info("session called off while its link was retired", extra={"meeting": key})
    return True


@transaction.atomic
def _leave(key: int, link: MeetingLink, *, why: str, who: User | None) -> _Departure | None:
    """Take the session off the link; it gets one that is free, if there is one, or waits. None if it was not on it.

    The booking is locked before the meeting, and both before the days (see pool.py); nobody else changes links here.
    """
    booking = Booking.objects.with_people().select_for_update(of=("self",), no_key=True).get(meeting=key)
    meeting = _to_come(timezone.now()).filter(pk=key, link=link).select_for_update(of=("self",), no_key=True).first()
    if meeting is None:
        return None
    departure = _Departure(meeting, booking, meeting.seen_at is not None, why, who)
    if booking.is_paid:
        pool.free_link(meeting)
        meeting.save()
        departure.record(was=str(link), became=str(pool.give_free_link(meeting) or ""))
    else:  # called off a moment ago: it needs no link
        planning.drop_meeting(booking)
    meeting.refresh_from_db()
    return departure


@dataclass(frozen=True)
class _Departure:
    """A session that leaves a link: whether its address was known to anybody, why it leaves and who wants it."""

    meeting: Meeting
    booking: Booking
    was_known: bool
    why: str
    who: User | None

    @transaction.atomic
    def record(self, *, was: str, became: str) -> None:
        """Write the change down. Those who sit in the session are told of another room if they knew the one before.

        The address they join by stays the same (DESIGN D12).
        """
        record_booking_change(self.booking, what="meeting link", was=was, became=became, why=self.why, who=self.who)
        if became and self.was_known:
            again = f"{version_of(self.booking)}:{self.meeting.generation}"
            parties = [self.booking.student, self.booking.tutor.user]
            tell(Notice.Fact.LINK_CHANGED, to=parties, booking=self.booking, key=again)
