"""Try a meeting again because a person asks: at once, and with what the tutor wished first."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from bookings.models import Booking
from meetings import planning
from meetings.errors import MeetingNotWaiting
from meetings.models import Meeting


@transaction.atomic
def retry_meeting(booking: Booking) -> None:
    """Have a meeting without an address provided at once. Raises BookingNotPaid, MeetingNotWaiting.

    Nothing is called here: the job does it, and the page shows how it goes.
    """
    planned = planning.plan_paid_meeting(booking)
    meeting = Meeting.objects.select_for_update().get(pk=planned.pk)
    if meeting.status in Meeting.HOLDING:
        return
    if not meeting.is_waiting:
        raise MeetingNotWaiting
    meeting.next_attempt_at = timezone.now()
    meeting.passed_over, meeting.trouble, meeting.last_error = [], "", ""  # what is wrong is found out anew
    meeting.save(update_fields=["next_attempt_at", "passed_over", "trouble", "last_error"])
    planning.provide_soon(meeting)
