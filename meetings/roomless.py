"""Sessions that were over and never had a room: nobody can have been absent from them.

The staff hear of each by itself, as a report that nobody had to write: people who paid must not depend on complaining. What
goes back to them is the staff's decision, as with any other report.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from bookings.absence import HAPPENED
from bookings.history import record_booking_change
from bookings.jobs import enqueue
from bookings.models import Booking, Notice
from bookings.notices import parties_of, tell
from meetings.models import Attendance, Meeting, NoShowReport

log = logging.getLogger("linkpool.meetings")

LOOKED_BACK = timedelta(days=7)  # a worker may have been away for so long
BATCH = 200


def had_room(booking: Booking) -> bool:
    """Say whether people could meet: there was a room before the end of the session, at its time.

    One that was lost again counts if somebody went through its door; an address that was given after the end does not. At
    most one query; wants the booking with its meeting.
    """
    meeting: Meeting | None = getattr(booking, "meeting", None)
    if meeting is None or meeting.time != booking.time:
        return False
    ready_at = meeting.ready_at or (meeting.requested_at if meeting.status in Meeting.HOLDING else None)
    if ready_at is not None and ready_at < booking.ends_at:
        return True
    came = Attendance.objects.filter(meeting=meeting, last_opened_at__gte=booking.join_opens_at)
    return came.filter(opened_at__lt=booking.ends_at).exists()


def ended_without_room(booking: Booking, now: datetime) -> bool:
    """True once a session that was paid for is over and had no room."""
    return booking.status in (*HAPPENED, *Booking.OVER) and booking.ends_at <= now and not had_room(booking)


@transaction.atomic
def report_roomless(now: datetime) -> int:
    """Put the sessions that ended without a room before the staff, and tell their people. Returns how many.

    Safe in two workers at once: rows that another one works on are left to the next round.
    """
    keys = _over_without_room(now)
    if not keys:
        return 0
    unsettled = Booking.objects.filter(pk__in=keys, status__in=HAPPENED, refund=None).with_people().order_by("pk")
    locked = unsettled.select_related("meeting").select_for_update(of=("self",), skip_locked=True)
    bookings = [booking for booking in locked if not had_room(booking)]
    # Only now: one that was reported while we came to the lock is not in an answer from before.
    known = set(NoShowReport.objects.filter(booking__in=bookings).values_list("booking", flat=True))
    reports = [_report(booking, now=now) for booking in bookings if booking.pk not in known]
    if reports:
        enqueue("meetings.mail_staff_of_roomless", report_ids=[report.pk for report in reports])
        log.warning("sessions had no room", extra={"count": len(reports)})
    return len(reports)


def _over_without_room(now: datetime) -> list[int]:
    """Return bookings that may have had no room. Two statements, each with an index of the few that it is about."""
    over = Q(during__endswith__lte=now, during__endswith__gt=now - LOOKED_BACK)
    failed = Meeting.objects.filter(over, status=Meeting.Status.FAILED, booking__status__in=HAPPENED)
    given_up = failed.filter(booking__refund=None, booking__no_show_report=None).order_by("during__endswith")
    unplanned = Booking.objects.paid().filter(over, meeting=None, refund=None, no_show_report=None)
    keys = given_up.values_list("booking", flat=True)[:BATCH]
    return [*keys, *unplanned.order_by("during__endswith").values_list("pk", flat=True)[:BATCH]]


def _report(booking: Booking, *, now: datetime) -> NoShowReport:
    until = now + timedelta(hours=settings.NO_SHOW_ANSWER_HOURS)
    absent = NoShowReport.Absent.ROOM
    report = NoShowReport.objects.create(booking=booking, absent=absent, reported_at=now, answer_until=until)
    record_booking_change(booking, what="absence reported", became=absent)
    tell(
        Notice.Fact.ABSENCE_REPORTED,
        to=parties_of(booking),
        booking=booking,
        absent=absent.value,
        answer_until=until.isoformat(),
    )
    return report
