"""What the minute's round finds and finishes, whatever a lost signal or a dead worker left behind.

Every step is safe in two workers at once and may be cut off anywhere.
"""

from __future__ import annotations

import logging
from datetime import datetime

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from bookings.kept import Kept
from bookings.models import Booking
from meetings import closing, links, many, planning, roomless
from meetings.chain import POOL
from meetings.models import Meeting, MeetingLink
from meetings.provisioning import BATCH, Tally
from meetings.rooms import release_rooms
from meetings.troubles import tell_admins

log = logging.getLogger("linkpool.meetings")
TOO_LATE = Kept("The session was over before a link was found.")

FOR_A_PERSON = (Meeting.Trouble.BY_HAND, Meeting.Trouble.RECONNECT, Meeting.Trouble.SET_UP)

# A lesson that was to take place, whether or not it has.
STANDING = (Booking.Status.PAID, *Booking.OVER)


def make_round(now: datetime) -> Tally:
    """Catch up, then provide what waits and have rooms closed that nobody wants.

    The tally is of links of the pool; meetings at vendors and rooms to close get a job each.
    """
    catch_up(now)
    closing.close_due(timezone.now())
    return many.share_out(timezone.now())  # later than `now`: what was planned just above is due


def catch_up(now: datetime) -> None:
    """Plan what was missed, move and drop what was moved and called off, end what is over, report what had no room."""
    facts = {
        "planned": plan_missed(now),
        "moved": follow_moved(),
        "dropped": drop_called_off(),
        "left": links.empty_retired_links(),
        "ended": end_over(now),
        "failed": give_up_over(now),
        "reported": roomless.report_roomless(now),
        "let_go": closing.let_go_of_unwanted(now),
    }
    if any(facts.values()):
        log.info(
            "meetings caught up", extra={"reason": ", ".join(f"{number} {what}" for what, number in facts.items() if number)}
        )


def plan_missed(now: datetime) -> int:
    """Plan meetings for paid bookings to come that have none. Returns how many."""
    missed = list(planning.bookings_without_meeting(now)[:BATCH])
    for booking in missed:
        planning.plan_meeting(booking)
    return len(missed)


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
    rested = over.filter(Q(reserved=None) | Q(reserved__endswith__lte=now))
    # By the end, which has an index of those that are ready: by the key every meeting there ever was would be read.
    found = list(rested.order_by("during__endswith").values_list("pk", "link_id")[:BATCH])
    if not found:
        return 0
    with transaction.atomic():
        used = MeetingLink.objects.filter(pk__in={link for _meeting, link in found}).order_by("pk")
        links = {link.pk: link for link in used.select_for_update(no_key=True)}
        still = rested.filter(pk__in=[meeting for meeting, _link in found]).order_by("pk")
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
    over = Meeting.objects.waiting().filter(pk=key, during__endswith__lte=now)  # still: it may have moved meanwhile
    meeting = over.select_for_update(skip_locked=True).first()
    if meeting is None:
        return False
    meeting.mark_failed(why=TOO_LATE())
    release_rooms(meeting)
    meeting.save(update_fields=["status", "next_attempt_at", "last_error"])
    tell_admins(meeting, now=now)
    return True


@transaction.atomic
def wake_waiting(now: datetime) -> int:
    """Bring forward the turn of all that wait for a pool link, in another's place too. Returns how many."""
    for_a_person = Q(trouble__in=FOR_A_PERSON, booking__tutor__fallback_providers__contains=[POOL])
    waiting = Meeting.objects.waiting().filter(Q(provider=POOL) | for_a_person, next_attempt_at__gt=now).order_by("pk")
    keys = list(waiting.select_for_update(skip_locked=True, of=("self",)).values_list("pk", flat=True))
    return Meeting.objects.filter(pk__in=keys).update(next_attempt_at=now)


@transaction.atomic
def try_vendors_again(now: datetime) -> int:
    """Have the providers that were given up asked once more for all that still waits. Returns how many.

    A day's limit, a pause or an outage is over some day; one that is not costs a call an hour.
    """
    waiting = Meeting.objects.waiting().exclude(passed_over=[]).order_by("pk")
    keys = list(waiting.select_for_update(skip_locked=True).values_list("pk", flat=True)[:BATCH])
    return Meeting.objects.filter(pk__in=keys).update(passed_over=[], next_attempt_at=now)
