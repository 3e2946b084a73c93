"""Figures for Prometheus, counted in PostgreSQL when they are asked for: right with any number of processes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db.models import Count, Model

from bookings.job_queue import count_jobs_by_state, oldest_wait_seconds, read_pulse
from bookings.models import Booking, Notice
from bookings.notice_mails import GIVE_UP_AFTER
from config.figures import Figure, labelled, single
from config.meeting_metrics import read_meeting_figures
from meetings.models import Meeting, MeetingLink
from payments.models import Payment, Refund, WebhookEvent

LATE = timedelta(minutes=10)


def render_metrics(now: datetime) -> str:
    """Return all figures in Prometheus' text format. Takes a fixed number of queries."""
    return "".join(f"{line}\n" for figure in read_figures(now) for line in figure.lines())


def read_figures(now: datetime) -> Iterator[Figure]:
    """Yield every figure as it is now."""
    yield from read_meeting_figures(now)
    yield _states("linkpool_bookings", "Bookings by state.", Booking, "status", Booking.Status.values)
    yield _states("linkpool_meetings", "Meetings by state.", Meeting, "status", Meeting.Status.values)
    yield _states("linkpool_links", "Pool links by state.", MeetingLink, "status", MeetingLink.Status.values)
    yield _states("linkpool_payments", "Attempts to pay by state.", Payment, "status", Payment.Status.values)
    yield _states("linkpool_refunds", "Refunds by state.", Refund, "status", Refund.Status.values)
    yield _states("linkpool_webhook_events", "Messages by state.", WebhookEvent, "state", WebhookEvent.State.values)
    yield single("linkpool_notices_late", "Notices whose mail has not left for ten minutes.", count_late_notices(now))
    yield labelled("linkpool_jobs", "Background jobs by state.", "state", count_jobs_by_state())
    yield single("linkpool_oldest_job_seconds", "Longest wait of a job that could run.", oldest_wait_seconds(now))
    pulse = read_pulse(now)
    yield single("linkpool_workers", "Workers that give signs of life.", pulse.workers)
    if pulse.heartbeat_seconds is not None:
        yield single("linkpool_worker_heartbeat_seconds", "Age of the latest sign of life.", pulse.heartbeat_seconds)


def count_late_notices(now: datetime) -> int:
    """Return how many notices have waited too long for their mail to leave; those given up are told no more."""
    return Notice.objects.filter(sent_at=None, dropped_at=None, created_at__range=(now - GIVE_UP_AFTER, now - LATE)).count()


def _states(name: str, sentence: str, model: type[Model], field: str, known: list[str]) -> Figure:
    """Count rows by state; states of no row show as 0, so that an alarm always has something to look at."""
    counted = model._default_manager.order_by().values_list(field).annotate(number=Count("pk"))
    return labelled(name, sentence, "state", dict.fromkeys(known, 0) | dict(counted))
