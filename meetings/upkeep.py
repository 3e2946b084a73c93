"""What the minute's round finds and finishes, whatever a lost signal or a dead worker left behind.

Every step is safe in two workers at once and may be cut off anywhere.
"""

from __future__ import annotations

import logging
from datetime import datetime

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from bookings.errors import DomainError
from bookings.kept import Kept
from bookings.models import Booking
from meetings import links, planning, provisioning
from meetings.errors import LinkSearchFailed
from meetings.models import Meeting, MeetingLink
from meetings.provisioning import BATCH, Tally

log = logging.getLogger("linkpool.meetings")
TOO_LATE = Kept("The session was over before a link was found.")

# A lesson that was to take place, whether or not it has.
STANDING = (
    Booking.Status.PAID,
    Booking.Status.COMPLETED,
    Booking.Status.NO_SHOW_STUDENT,
    Booking.Status.NO_SHOW_TUTOR,
)


def make_round(now: datetime) -> Tally:
    """Plan what was missed, move and drop what was moved and called off, end what is over, then provide what waits."""
    planned = plan_missed(now)
    moved = follow_moved()
    dropped = drop_called_off()
    links.empty_retired_links()
    ended = end_over(now)
    failed = give_up_over(now)
    if planned or moved or dropped or ended or failed:
        facts = {"planned": planned, "moved": moved, "dropped": dropped, "ended": ended, "failed": failed}
        log.info("meetings caught up", extra=facts)
    return provisioning.provision_due(now=timezone.now())  # later than `now`: what was planned just above is due


def plan_missed(now: datetime) -> int:
    """Plan meetings for paid bookings to come that have none. Returns how many."""
    missed = list(planning.bookings_without_meeting(now)[:BATCH])
    for booking in missed:
        planning.plan_meeting(booking)
    return len(missed)


def provide_missing() -> Tally:
    """Provide every paid session to come that has no address, now and whatever its turn, the earliest first."""
    tally = Tally(ready=0, errors=[])
    to_come = Booking.objects.paid().filter(during__endswith__gt=timezone.now())
    for booking in to_come.exclude(meeting__status__in=Meeting.HOLDING).order_by("during", "pk")[:BATCH]:
        try:
            provisioning.provision_meeting(planning.plan_paid_meeting(booking))
            tally.ready += 1
        except LinkSearchFailed:
            raise
        except DomainError as error:
            tally.errors.append((booking.reference, str(error)))
    return tally


def follow_moved() -> int:
    """Move live meetings whose session has another time by now: their news was lost. Returns how many."""
    live = Meeting.objects.filter(status__in=[Meeting.Status.WAITING, Meeting.Status.READY])
    behind = live.filter(booking__status=Booking.Status.PAID).exclude(during=F("booking__during"))
    moved = list(behind.select_related("booking")[:BATCH])
    for meeting in moved:
        planning.move_meeting(meeting.booking)
    return len(moved)


def drop_called_off() -> int:
    """Cancel live meetings of bookings that no longer stand. Returns how many."""
    live = Meeting.objects.filter(status__in=[Meeting.Status.WAITING, Meeting.Status.READY])
    called_off = list(live.exclude(booking__status__in=STANDING).select_related("booking")[:BATCH])
    for meeting in called_off:
        planning.drop_meeting(meeting.booking)
    return len(called_off)


def end_over(now: datetime) -> int:
    """Mark ready meetings as ended once their time, and the rest of their link, has passed. Returns how many."""
    over = Meeting.objects.filter(status=Meeting.Status.READY, during__endswith__lte=now)
    rested = over.filter(Q(reserved=None) | Q(reserved__endswith__lte=now)).order_by("pk")
    found = list(rested.values_list("pk", "link_id")[:BATCH])
    if not found:
        return 0
    with transaction.atomic():
        used = MeetingLink.objects.filter(pk__in={link for _meeting, link in found}).order_by("pk")
        links = {link.pk: link for link in used.select_for_update(no_key=True)}
        still = rested.filter(pk__in=[meeting for meeting, _link in found])
        ended = list(still.select_for_update(skip_locked=True, of=("self",)))
        Meeting.objects.filter(pk__in=[meeting.pk for meeting in ended]).update(status=Meeting.Status.ENDED)
        for meeting in ended:
            if meeting.link_id is not None:
                links[meeting.link_id].note_use(until=meeting.time.end)
        MeetingLink.objects.bulk_update(links.values(), ["last_used_at"])
    return len(ended)


def give_up_over(now: datetime) -> int:
    """Stop looking for links for lessons that are over, and say so to the admins. Returns how many."""
    over = Meeting.objects.waiting().filter(during__endswith__lte=now)[:BATCH]
    return sum(_give_up(meeting.pk, now=now) for meeting in over)


@transaction.atomic
def _give_up(key: int, *, now: datetime) -> bool:
    meeting = Meeting.objects.waiting().select_for_update(skip_locked=True).filter(pk=key).first()
    if meeting is None:
        return False
    meeting.mark_failed(why=TOO_LATE())
    meeting.save(update_fields=["status", "next_attempt_at", "last_error"])
    provisioning.tell_admins(meeting, now=now)
    return True


@transaction.atomic
def wake_waiting(now: datetime) -> int:
    """Bring forward the turn of all that wait for a pool link. Returns how many."""
    waiting = Meeting.objects.waiting().filter(provider=planning.POOL, next_attempt_at__gt=now).order_by("pk")
    keys = list(waiting.select_for_update(skip_locked=True).values_list("pk", flat=True))
    return Meeting.objects.filter(pk__in=keys).update(next_attempt_at=now)
