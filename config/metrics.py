"""Figures for Prometheus, counted in PostgreSQL when they are asked for: right with any number of processes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Model

from bookings.job_queue import count_jobs_by_state, oldest_wait_seconds, read_pulse
from bookings.models import Booking, Notice
from bookings.notice_mails import GIVE_UP_AFTER
from meetings.models import Meeting, MeetingLink
from payments.models import Payment, Refund, WebhookEvent

LATE = timedelta(minutes=10)


@dataclass(frozen=True)
class Gauge:
    """One figure, or one for each value of a label. Nothing in it names a person."""

    name: str
    sentence: str
    values: Mapping[str, float]
    label: str = ""

    def lines(self) -> Iterator[str]:
        """Yield the lines of Prometheus' text format."""
        yield f"# HELP {self.name} {self.sentence}"
        yield f"# TYPE {self.name} gauge"
        for value_of_label, value in self.values.items():
            labels = f'{{{self.label}="{value_of_label}"}}' if self.label else ""
            yield f"{self.name}{labels} {value:g}"


def render_metrics(now: datetime) -> str:
    """Return all figures in Prometheus' text format. Takes a fixed number of queries."""
    return "".join(f"{line}\n" for gauge in read_gauges(now) for line in gauge.lines())


def read_gauges(now: datetime) -> Iterator[Gauge]:
    """Yield every figure as it is now."""
    yield _one("linkpool_paid_without_link", "Paid sessions to come without a ready meeting.", count_without_link(now))
    yield _states("linkpool_bookings", "Bookings by state.", Booking, "status", Booking.Status.values)
    yield _states("linkpool_meetings", "Meetings by state.", Meeting, "status", Meeting.Status.values)
    yield _states("linkpool_links", "Pool links by state.", MeetingLink, "status", MeetingLink.Status.values)
    yield _one("linkpool_links_in_use", "Pool links taken now, rest included.", count_links_in_use(now))
    yield _states("linkpool_payments", "Attempts to pay by state.", Payment, "status", Payment.Status.values)
    yield _states("linkpool_refunds", "Refunds by state.", Refund, "status", Refund.Status.values)
    yield _states("linkpool_webhook_events", "Messages by state.", WebhookEvent, "state", WebhookEvent.State.values)
    yield _one("linkpool_notices_late", "Notices whose mail has not left for ten minutes.", count_late_notices(now))
    yield Gauge("linkpool_jobs", "Background jobs by state.", count_jobs_by_state(), "state")
    yield _one("linkpool_oldest_job_seconds", "Longest wait of a job that could run.", oldest_wait_seconds(now))
    pulse = read_pulse(now)
    yield _one("linkpool_workers", "Workers that give signs of life.", pulse.workers)
    if pulse.heartbeat_seconds is not None:
        yield _one("linkpool_worker_heartbeat_seconds", "Age of the latest sign of life.", pulse.heartbeat_seconds)


def count_without_link(now: datetime) -> int:
    """Return how many paid sessions that are not over lack a ready meeting."""
    to_come = Booking.objects.paid().filter(during__endswith__gt=now)
    return to_come.exclude(meeting__status=Meeting.Status.READY).count()


def count_links_in_use(now: datetime) -> int:
    """Return how many pool links are taken at this moment, the rest between two uses included."""
    return Meeting.objects.holding_links().filter(reserved__contains=now).values("link").distinct().count()


def count_late_notices(now: datetime) -> int:
    """Return how many notices have waited too long for their mail to leave; those given up are told no more."""
    return Notice.objects.filter(sent_at=None, dropped_at=None, created_at__range=(now - GIVE_UP_AFTER, now - LATE)).count()


def _one(name: str, sentence: str, value: float) -> Gauge:
    return Gauge(name, sentence, {"": value})


def _states(name: str, sentence: str, model: type[Model], field: str, known: list[str]) -> Gauge:
    """Count rows by state; states of no row show as 0, so that an alarm always has something to look at."""
    counted = model._default_manager.order_by().values_list(field).annotate(number=Count("pk"))
    return Gauge(name, sentence, dict.fromkeys(known, 0) | dict(counted), "state")
