"""Background work of this app. Each job may run twice, in two workers, and be killed halfway.

A round that asks vendors has a `lock`: the next one begins when it has ended, so a vendor that hangs holds one worker and
not all of them. Such a round ends in time (vendor_rounds.py) and is never tried again: while a job waits for its next try,
all others of its lock wait with it. `queueing_lock` keeps more than one from waiting.
"""

from __future__ import annotations

import logging

from django.utils import timezone
from procrastinate.contrib.django import app

from bookings.jobs import HASTE, LEISURE, WHEN_DATABASE_IS_BACK, Backoff
from meetings import (
    account_tasks,
    alarms,
    alerts,
    closing,
    ending,
    hygiene,
    kept_calls,
    many,
    nightly,
    overrun,
    provisioning,
    upkeep,
)
from meetings.models import Alert, Meeting, MeetingLink, NoShowReport

log = logging.getLogger("linkpool.meetings")

__all__ = ["account_tasks"]  # found by procrastinate through this module


@app.task(name="meetings.provision_meeting", retry=Backoff(runs=4), priority=LEISURE)
def provision_meeting(meeting_id: int) -> None:
    """Make one meeting ready, if it is its turn. What goes wrong is written down; the round of every minute goes on."""
    provisioning.provision_in_turn(meeting_id)


@app.periodic(cron="* * * * *")
@app.task(
    name="meetings.provision_meetings",
    queueing_lock="meetings.provision_meetings",
    lock="meetings.provision_meetings",
    priority=HASTE,
)
def provision_meetings(timestamp: int) -> None:
    """Find and finish whatever was left behind, then try every waiting meeting whose turn has come."""
    upkeep.make_round(timezone.now())


@app.periodic(cron="* * * * *")
@app.task(name="meetings.make_way", queueing_lock="meetings.make_way", lock="meetings.make_way", priority=HASTE)
def make_way(timestamp: int) -> None:
    """Move sessions out of the way of those that run over."""
    overrun.make_way(timezone.now())


@app.periodic(cron="* * * * *")
@app.task(name="meetings.end_calls", queueing_lock="meetings.end_calls", lock="meetings.end_calls", priority=HASTE)
def end_calls(timestamp: int) -> None:
    """End the calls of sessions that are over."""
    ending.end_calls(timezone.now())


@app.task(name="meetings.alert_of_overrun", retry=Backoff())
def alert_of_overrun(meeting_id: int, earlier_id: int) -> None:
    """Mail the staff about a session whose link is still in use."""
    meetings = Meeting.objects.select_related("booking", "link").in_bulk([meeting_id, earlier_id])
    alerts.mail_staff_of_overrun(meetings[meeting_id], meetings[earlier_id])


@app.task(name="meetings.provision_waiting", retry=Backoff(runs=4))
def provision_waiting() -> None:
    """Links came free: try all that wait for one, the earliest lesson first."""
    now = timezone.now()
    upkeep.wake_waiting(now)
    many.share_out(now)


@app.periodic(cron="* * * * *")
@app.task(name="meetings.watch", queueing_lock="meetings.watch", priority=HASTE)
def watch(timestamp: int) -> None:
    """Tell the staff what needs them, and what is over."""
    alarms.watch(timezone.now())


@app.periodic(cron="7 * * * *")
@app.task(name="meetings.watch_forecast", queueing_lock="meetings.watch_forecast")
def watch_forecast(timestamp: int) -> None:
    """Tell the staff once that the coming two weeks need nearly all pool links."""
    alarms.follow(Alert.Kind.FORECAST, now=timezone.now())


@app.periodic(cron="25 1 * * *")
@app.task(name="meetings.keep_calls", queueing_lock="meetings.keep_calls")
def keep_calls(timestamp: int) -> None:
    """Write down what the days came to, and delete the calls that are too old."""
    now = timezone.now()
    kept_calls.close_days(now)
    kept_calls.delete_old_calls(now)


@app.task(name="meetings.mail_staff_of_absence", retry=Backoff())
def mail_staff_of_absence(report_id: int) -> None:
    """Tell the staff of a report of absence, or of the answer to it."""
    alerts.mail_staff_about_absence(NoShowReport.objects.select_related("booking").get(pk=report_id))


@app.task(name="meetings.mail_staff_of_roomless", retry=Backoff())
def mail_staff_of_roomless(report_ids: list[int]) -> None:
    """Tell the staff which sessions ended without a room."""
    reports = NoShowReport.objects.undecided().filter(pk__in=report_ids).select_related("booking")
    alerts.mail_staff_about_roomless(list(reports.order_by("booking__during", "pk")))


@app.task(name="meetings.close_room", retry=WHEN_DATABASE_IS_BACK, priority=LEISURE)
def close_room(room_id: int) -> None:
    """Close a room that nobody wants any more; its row says when to try again."""
    closing.close_room(room_id)


@app.periodic(cron="7 * * * *")
@app.task(name="meetings.try_vendors_again", queueing_lock="meetings.try_vendors_again")
def try_vendors_again(timestamp: int) -> None:
    """Ask the providers that were given up once more for what still waits."""
    upkeep.try_vendors_again(timezone.now())


@app.periodic(cron="23 19 * * *")  # UTC: between two and three at night in Jakarta
@app.task(name="meetings.reconcile_rooms", queueing_lock="meetings.reconcile_rooms", priority=LEISURE)
def reconcile_rooms(timestamp: int) -> None:
    """Compare our rooms with those that the vendors have, and mend what differs if it is little."""
    closing.forget_over(timezone.now())
    nightly.reconcile_by_night(timezone.now())


@app.periodic(cron="20 3 * * *")
@app.task(name="meetings.look_after_links", queueing_lock="meetings.look_after_links", priority=LEISURE)
def look_after_links(timestamp: int) -> None:
    """Set aside the rooms that Google is about to forget, and check those of this site."""
    now = timezone.now()
    hygiene.set_old_links_aside(now)
    hygiene.check_due(now)


@app.task(name="meetings.mail_staff_of_old_links", retry=Backoff())
def mail_staff_of_old_links(link_ids: list[int]) -> None:
    """Tell the staff which rooms somebody has to open."""
    alerts.mail_staff_about_old_links(list(MeetingLink.objects.filter(pk__in=link_ids).order_by("pk")))


@app.periodic(cron="*/5 * * * *")
@app.task(name="meetings.fill_pool", queueing_lock="meetings.fill_pool", priority=LEISURE)
def fill_pool(timestamp: int) -> None:
    """Make pool links at Google up to POOL_TARGET_SIZE, as fast as Google lets us."""
    hygiene.fill_pool()
