"""What the front page of the admin shows: who has no link yet, who learns today, and what else needs a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.models import AnonymousUser
from django.db.models import Count, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from bookings import times
from bookings.job_queue import SILENT_SECONDS, count_jobs_by_state, count_late_jobs, read_pulse
from bookings.models import Booking, User
from bookings.models.bookings import BookingQuerySet
from meetings.dashboard import absences_to_decide, sessions_during, sessions_without_link
from meetings.pool import capacity
from payments.dashboard import count_refunds, failed_events, open_disputes, payments_to_look_at

ROWS = 25
MOST_TODAY = 200  # of a busier day, those to come; the calendar has them all
LATE_AFTER = timedelta(minutes=2)


@dataclass(frozen=True)
class Card:
    """One figure, what it means, and where to read more. A bad one is red: somebody must do something."""

    title: str | Promise
    figure: str
    sentence: str | Promise
    url: str
    is_bad: bool = False


@dataclass(frozen=True)
class FrontPage:
    """The cards, and the two lists below them; None where this person may not look."""

    cards: list[Card]
    without_link: Sequence[Booking] | None = None
    today: Sequence[Booking] | None = None
    more_today: int = 0


def build_front_page(user: User | AnonymousUser, *, now: datetime) -> FrontPage:
    """Return what this person may see, in a fixed number of queries. "Today" is that of the reader's zone."""
    cards: list[Card] = []
    without_link = today = None
    more_today = 0
    if user.has_perms(["bookings.view_booking", "meetings.view_meeting"]):
        missing = sessions_without_link(now)
        without_link, number = list(missing[:ROWS]), missing.count()
        sessions = _sessions_of_today(now)
        count = sessions.aggregate(all=Count("pk"), left=Count("pk", filter=Q(during__endswith__gt=now)))
        is_busy = count["all"] > MOST_TODAY
        today = list(sessions.filter(during__endswith__gt=now)[:MOST_TODAY] if is_busy else sessions)
        more_today = count["all"] - len(today)
        cards += [_without_link(number), _today(count["all"], count["left"]), _links(now)]
    if user.has_perm("meetings.view_noshowreport"):
        cards.append(_absences(now))
    if user.has_perms(["payments.view_payment", "payments.view_refund", "payments.view_webhookevent"]):
        cards += [_payments(), _refunds(), _messages()]
    if user.has_perm("payments.view_dispute"):
        cards.append(_disputes())
    if user.has_perm("procrastinate.view_procrastinatejob"):
        cards += [_jobs(now), _worker(now)]
    return FrontPage(cards, without_link, today, more_today)


def _sessions_of_today(now: datetime) -> BookingQuerySet:
    zone = times.parse_zone(timezone.get_current_timezone_name())
    day = times.local(now, zone).date()
    return sessions_during(times.day_bounds(day, day, zone))


def _without_link(number: int) -> Card:
    sentence = _("Their links are missing: see the list below.") if number else _("Every paid session has its link.")
    return Card(_("Paid sessions without a link"), str(number), sentence, _list("meetings_meeting"), number > 0)


def _today(number: int, left: int) -> Card:
    sentence = ngettext("%(count)d is still to come or running.", "%(count)d are still to come or running.", left)
    return Card(_("Sessions today"), str(number), sentence % {"count": left}, _list("bookings_booking", "day=today"))


def _links(now: datetime) -> Card:
    pool = capacity(now)
    usable = pool.available + pool.cordoned
    sentence = _("%(free)d can be given to new sessions.") % {"free": pool.available}
    figure = _("%(used)d of %(all)d") % {"used": pool.in_use, "all": usable}
    return Card(_("Links in use now"), figure, sentence, _list("meetings_meetinglink"), pool.available == 0)


def _absences(now: datetime) -> Card:
    number = absences_to_decide(now).count()
    known = _("Both sides were heard or had their time, or there was no room.")
    sentence = known if number else _("Nobody waits for a decision.")
    return Card(_("Absences to decide"), str(number), sentence, _list("meetings_noshowreport"), number > 0)


def _payments() -> Card:
    number = payments_to_look_at().count()
    sentence = _("The gateway's word does not fit what was asked.") if number else _("Every payment is settled.")
    where = _list("payments_payment", "status__exact=needs_review")
    return Card(_("Payments that need a look"), str(number), sentence, where, number > 0)


def _refunds() -> Card:
    number, under_way = count_refunds()
    told = ngettext("%(count)d more is on its way by itself.", "%(count)d more are on their way by themselves.", under_way)
    sentence = told % {"count": under_way} if under_way else _("Nothing else is on its way back.")
    return Card(_("Refunds that need a person"), str(number), sentence, _list("payments_refund", "needs=person"), number > 0)


def _disputes() -> Card:
    number = open_disputes().count()
    sentence = _("Answer at the gateway in time: silence loses.") if number else _("No payer’s bank asks for money.")
    where = _list("payments_dispute", "status__exact=open")
    return Card(_("Open disputes"), str(number), sentence, where, number > 0)


def _messages() -> Card:
    number = failed_events().count()
    sentence = _("They could not be applied and are tried again.") if number else _("Every message was applied.")
    where = _list("payments_webhookevent", "state__exact=failed")
    return Card(_("Failed webhook events"), str(number), sentence, where, number > 0)


def _jobs(now: datetime) -> Card:
    counted = count_jobs_by_state()
    late = count_late_jobs(now, after=LATE_AFTER)
    sentence = _("%(failed)d failed, %(late)d late; %(waiting)d wait in all, for their time or a worker.")
    told = sentence % {"failed": counted["failed"], "late": late, "waiting": counted["todo"]}
    number = counted["failed"] + late
    where = _list("procrastinate_procrastinatejob", "status__exact=failed" if counted["failed"] else "")
    return Card(_("Jobs that failed or are late"), str(number), told, where, number > 0)


def _worker(now: datetime) -> Card:
    pulse = read_pulse(now)
    where = _list("procrastinate_procrastinatejob", "status__exact=doing")
    if pulse.heartbeat_seconds is None or pulse.heartbeat_seconds > SILENT_SECONDS:
        return Card(_("Worker"), _("silent"), _("Start it: without it nobody gets links or mails."), where, is_bad=True)
    told = _("Last sign of life %(seconds)d seconds ago.") % {"seconds": pulse.heartbeat_seconds}
    return Card(_("Worker"), _("running"), told, where)


def _list(name: str, query: str = "") -> str:
    return reverse(f"admin:{name}_changelist") + (f"?{query}" if query else "")
