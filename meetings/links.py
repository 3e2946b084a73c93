"""What happens to links of the pool: they are added, cordoned, brought back, retired.

Who changes what may be given away locks the pool first (see pool.py), so no link is given while it goes.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from bookings.errors import BookingNotPaid
from bookings.history import record_booking_change
from bookings.models import Notice, User
from bookings.notices import tell, version_of
from meetings import planning, pool, provisioning
from meetings.addresses import normalise_address
from meetings.errors import LinkKnown, LinkRetired, NoLinkLeft
from meetings.link_lists import parse_list
from meetings.models import Meeting, MeetingLink

log = logging.getLogger("linkpool.pool")

Status = MeetingLink.Status


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


@transaction.atomic
def retire_link(link: MeetingLink, *, who: User | None = None) -> None:
    """Never use the link again. A second call changes nothing.

    Meetings whose door is open stay; each later one gets another link at once, or waits for one and the admins
    are told.
    """
    pool.lock_pool()
    link = MeetingLink.objects.select_for_update(no_key=True).get(pk=link.pk)
    if link.status == Status.RETIRED:
        return
    link.status = Status.RETIRED
    link.save(update_fields=["status"])
    log.info("link retired", extra={"link": link.pk})
    for meeting in _meetings_to_come(link, timezone.now()):
        _move_to_another_link(meeting, link, who=who)


def _change_status(link: MeetingLink, status: MeetingLink.Status) -> None:
    pool.lock_pool()
    locked = MeetingLink.objects.select_for_update(no_key=True).get(pk=link.pk)
    if locked.status == Status.RETIRED:
        raise LinkRetired
    locked.status = status
    locked.save(update_fields=["status"])
    log.info("link changed", extra={"link": link.pk, "status": status.value})


def _meetings_to_come(link: MeetingLink, now: datetime) -> list[Meeting]:
    """Meetings on the link whose door is still closed, locked, the earliest first.

    Its order is the order of days in which `assign_link` locks.
    """
    door_opens_later = now + timedelta(minutes=settings.JOIN_OPENS_MINUTES)
    on_link = Meeting.objects.filter(link=link, status=Meeting.Status.READY, during__startswith__gt=door_opens_later)
    people = ("booking__student", "booking__tutor__user")
    return list(on_link.order_by("during", "pk").select_for_update(of=("self",)).select_related(*people))


def _move_to_another_link(meeting: Meeting, link: MeetingLink, *, who: User | None) -> None:
    pool.free_link(meeting)
    meeting.save()
    try:
        became = str(pool.assign_link(meeting))
    except NoLinkLeft as error:
        became = ""
        provisioning.note_trouble(meeting, error)
    except BookingNotPaid:  # called off a moment ago: it needs no link
        planning.drop_meeting(meeting.booking)
        return
    record_booking_change(
        meeting.booking, what="meeting link", was=str(link), became=became, why="the link was retired", who=who
    )
    if became:
        _tell_of_another_room(meeting)


def _tell_of_another_room(meeting: Meeting) -> None:
    """Tell those who sit in the session; the address they join by stays the same (DESIGN D12)."""
    booking, again = meeting.booking, f"{version_of(meeting.booking)}:{meeting.generation}"
    tell(Notice.Fact.LINK_CHANGED, to=[booking.student, booking.tutor.user], booking=booking, key=again)
