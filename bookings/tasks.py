"""Background work of this app. Each job may run twice, in two workers, and be killed halfway."""

from __future__ import annotations

import logging

from django.utils import timezone
from procrastinate import JobContext
from procrastinate.contrib.django import app
from procrastinate.exceptions import UniqueViolation
from procrastinate.jobs import Status

from bookings import completion, invitations, notice_mails, orders, reminders
from bookings.jobs import Backoff

log = logging.getLogger("linkpool.jobs")


@app.periodic(cron="* * * * *")
@app.task(name="bookings.expire_unpaid", queueing_lock="bookings.expire_unpaid")
def expire_unpaid(timestamp: int) -> None:
    """Free what was not paid in time."""
    orders.expire_unpaid(now=timezone.now())


@app.task(name="bookings.mail_notice", retry=Backoff())
def mail_notice(notice_id: int) -> None:
    """Make the mail of one notice, right after the change that it tells of."""
    notice_mails.mail_notice(notice_id)


@app.periodic(cron="* * * * *")
@app.task(name="bookings.mail_unfinished", queueing_lock="bookings.mail_unfinished")
def mail_unfinished(timestamp: int) -> None:
    """Find notices whose mail was lost on its way."""
    notice_mails.mail_unfinished(now=timezone.now())


@app.periodic(cron="* * * * *")
@app.task(name="bookings.remind", queueing_lock="bookings.remind")
def remind(timestamp: int) -> None:
    """Remind people of the sessions that are a day or an hour away."""
    reminders.remind(now=timezone.now())


@app.periodic(cron="* * * * *")
@app.task(name="bookings.complete_sessions", queueing_lock="bookings.complete_sessions")
def complete_sessions(timestamp: int) -> None:
    """Close sessions that are over."""
    completion.complete_over(now=timezone.now())


@app.periodic(cron="* * * * *")
@app.task(name="bookings.take_up_stalled_jobs", queueing_lock="bookings.take_up_stalled_jobs", pass_context=True)
async def take_up_stalled_jobs(context: JobContext, timestamp: int) -> None:
    """Queue again what a worker was doing when it died: it tells of its life every 10 seconds, and has not for 30."""
    jobs = context.app.job_manager
    for job in await jobs.get_stalled_jobs(seconds_since_heartbeat=30):
        log.warning("job taken up again", extra={"job": job.id, "task": job.task_name, "attempt": job.attempts})
        try:
            await jobs.retry_job(job)
        except UniqueViolation:  # its queueing lock is taken: the next of its kind waits already and does the work
            await jobs.finish_job(job, status=Status.ABORTED, delete_job=True)


@app.task(name="bookings.mail_invitation", retry=Backoff())
def mail_invitation(link_id: int, key: str) -> None:
    """Mail the address that opens an invitation."""
    invitations.mail_invitation(link_id, key=key)
