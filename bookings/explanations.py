"""“Why is this time not offered?”: the rule that hides it in one sentence, and where that rule can be changed.

For the tutor's own eyes and for admins: the answer may name a session and its student.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.formats import date_format, time_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from bookings import availability, times
from bookings.lengths import in_words
from bookings.models import Booking, SessionType, User
from bookings.slots import Reason
from bookings.times import ONE_DAY, During, WallClock, local, midnight

WEEK, DATES, RULES, PAUSE, NOWHERE = "week", "dates", "rules", "pause", ""


@dataclass(frozen=True)
class Explanation:
    """The answer for one instant. `change_at` names the part of the page of hours that holds the rule."""

    starts_at: datetime
    is_offered: bool
    sentence: str
    advice: str = ""
    change_at: str = NOWHERE
    sessions: list[Booking] = field(default_factory=list)
    nearest: list[During] = field(default_factory=list)


@dataclass(frozen=True)
class Reading:
    """What a clock that reads some date and time means: no instant, one, or two."""

    instants: list[datetime]
    moved_to: datetime | None = None  # the first instant after a time that the clock jumps over


def read_clock(day: date, clock: time, zone: ZoneInfo) -> Reading:
    """Return the instants (UTC) at which the clocks of the zone show this. Raises ValueError outside the calendar."""
    if not times.EARLIEST.date() + ONE_DAY < day < times.LATEST.date() - 2 * ONE_DAY:
        raise ValueError("A day must lie in the years 2 to 9998.")
    reading = midnight(day) + timedelta(hours=clock.hour, minutes=clock.minute)
    wall = WallClock.covering(day, day, zone)
    passes = wall.spans(reading, reading + timedelta(minutes=1))
    if passes:
        return Reading([one.start for one in passes])
    return Reading([], moved_to=wall.first_at(reading))


def explain(session_type: SessionType, *, starts_at: datetime, student: User | None = None) -> Explanation:
    """Return whether this start is offered (to that student), and if not, by which rule and what helps.

    What hides all of a tutor's times is said before any rule of time.
    """
    now = timezone.now()
    hidden = _why_nothing_is_offered(session_type, starts_at)
    if hidden is not None:
        return hidden
    reason = availability.why_not(session_type, starts_at=starts_at, student=student, now=now)
    if reason is None:
        return Explanation(starts_at, True, _("This time is offered."))
    found = _Case(session_type, starts_at, now, student)
    return _ANSWERS[reason](found)


def _why_nothing_is_offered(session_type: SessionType, starts_at: datetime) -> Explanation | None:
    tutor = session_type.tutor
    if not tutor.user.is_active:
        return Explanation(starts_at, False, _("This tutor's account is closed, so nothing is offered."))
    if not tutor.is_approved:
        advice = _("The team of the site approves new tutors in the admin.")
        return Explanation(starts_at, False, _("This tutor is not approved yet, so nothing is offered."), advice)
    if tutor.is_paused:
        advice = _("Take bookings again to end the pause.")
        return Explanation(starts_at, False, _("Bookings are paused, so nothing is offered."), advice, PAUSE)
    if not session_type.is_active:
        advice = _("Put the session on sale again.")
        return Explanation(starts_at, False, _("This session is not on sale, so none of its times is offered."), advice)
    return None


class _Case:
    """One start that is hidden, and what each reason has to say about it. Times and dates are the tutor's."""

    def __init__(self, session_type: SessionType, starts_at: datetime, now: datetime, student: User | None) -> None:
        self.session_type, self.tutor, self.now, self.student = session_type, session_type.tutor, now, student
        self.starts_at, self.zone = starts_at, times.parse_zone(self.tutor.time_zone)
        self.day = local(starts_at, self.zone).date()

    def past(self) -> Explanation:
        return self._answer(_("This time is over."))

    def notice(self) -> Explanation:
        told = _("Sessions can be booked until %(notice)s before they start, and this time is nearer than that.")
        notice = in_words(self.tutor.notice_minutes)
        return self._answer(told % {"notice": notice}, _("A shorter minimum notice would open it."), RULES)

    def horizon(self) -> Explanation:
        days = self.tutor.horizon_days
        told = ngettext(
            "Sessions can be booked %(days)d day ahead, that is until %(last)s.",
            "Sessions can be booked %(days)d days ahead, that is until %(last)s.",
            days,
        )
        last = date_format(local(self.now, self.zone).date() + days * ONE_DAY, "LONG_DATE_FORMAT")
        return self._answer(told % {"days": days, "last": last}, _("More days ahead would open it."), RULES)

    def closed(self) -> Explanation:
        told = _("%(day)s is closed by an exception.") % {"day": self._day()}
        return self._answer(told, _("Change or remove the exception to open that day."), DATES)

    def outside_hours(self) -> Explanation:
        dated = list(self.tutor.date_overrides.filter(date=self.day).order_by("starts").values_list("starts", "ends"))
        weekly = self.tutor.weekly_hours.filter(weekday=self.day.weekday()).order_by("starts")
        spans = dated or list(weekly.values_list("starts", "ends"))
        said = {
            "day": self._day(),
            "hours": ", ".join(
                f"{time_format(starts)}–{time_format(ends)}" for starts, ends in spans if starts and ends is not None
            ),
            "length": in_words(self.session_type.minutes),
        }
        if dated:
            told = _("On %(day)s other hours count, %(hours)s, and %(length)s from this time on would not fit inside.")
            return self._answer(told % said, _("Change the exception to open it."), DATES)
        if not spans:
            told = _("The week has no hours on the weekday of %(day)s.")
            return self._answer(told % said, _("Add hours to that weekday, or an exception for this date."), WEEK)
        told = _("The hours of %(day)s are %(hours)s, and %(length)s from this time on would not fit inside.")
        return self._answer(told % said, _("Change the hours of that weekday, or add an exception for this date."), WEEK)

    def off_grid(self) -> Explanation:
        step = availability.rules_of(self.session_type).step // timedelta(minutes=1)
        told = _("Start times lie %(step)s apart, counted from where the hours begin; this one lies between two of them.")
        return self._answer(told % {"step": in_words(step)}, _("Other start times, or other hours, would open it."), RULES)

    def booked(self) -> Explanation:
        around = self._bookings(During(self.starts_at, self._ends_at()))
        sessions = [one for one in around if one.starts_at < self._ends_at() and self.starts_at < one.ends_at]
        if not sessions:
            return self.buffer()
        if any(one.status == Booking.Status.HELD for one in sessions):
            until = max(one.held_until for one in sessions if one.held_until)
            told = _("Somebody is booking this time. Unless they pay, it is open again at %(until)s.")
            return self._answer(told % {"until": time_format(local(until, self.zone))})
        return self._answer(_("Another session is booked at this time."), sessions=sessions)

    def buffer(self) -> Explanation:
        before = timedelta(minutes=self.tutor.buffer_before_minutes)
        after = timedelta(minutes=self.tutor.buffer_after_minutes)
        sessions = self._bookings(During(self.starts_at - before, self._ends_at() + after))
        told = _("This time is too near to another session: the free time before and after sessions would be missing.")
        kept = [one for one in sessions if one.status != Booking.Status.HELD]
        return self._answer(told, _("Less free time around sessions would open it."), RULES, sessions=kept)

    def daily_limit(self) -> Explanation:
        limit = self.tutor.daily_limit or 0
        told = ngettext(
            "%(day)s has %(limit)d session already, which is the daily limit.",
            "%(day)s has %(limit)d sessions already, which is the daily limit.",
            limit,
        )
        return self._answer(told % {"day": self._day(), "limit": limit}, _("A higher daily limit would open it."), RULES)

    def student_busy(self) -> Explanation:
        return self._answer(_("This student has another session at that time."))

    def no_room(self) -> Explanation:
        told = _("Every meeting room of the site is taken at this time, so there would be nowhere to meet.")
        return self._answer(told, _("The team of the site can add rooms."))

    def _answer(
        self, sentence: str, advice: str = "", change_at: str = NOWHERE, *, sessions: list[Booking] | None = None
    ) -> Explanation:
        near = max(self.starts_at, self.now)
        nearest = availability.next_slots(self.session_type, near=near, student=self.student, most=4)
        return Explanation(self.starts_at, False, sentence, advice, change_at, sessions or [], nearest)

    def _bookings(self, during: During) -> list[Booking]:
        blocking = Booking.objects.blocking(self.now).filter(tutor=self.tutor)
        return list(blocking.blocks_overlapping(during).with_people().order_by("during"))

    def _ends_at(self) -> datetime:
        return self.starts_at + timedelta(minutes=self.session_type.minutes)

    def _day(self) -> str:
        return date_format(self.day, "FULL_DAY_FORMAT")


_ANSWERS: dict[Reason, Callable[[_Case], Explanation]] = {
    Reason.PAST: _Case.past,
    Reason.NOTICE: _Case.notice,
    Reason.HORIZON: _Case.horizon,
    Reason.CLOSED: _Case.closed,
    Reason.OUTSIDE_HOURS: _Case.outside_hours,
    Reason.OFF_GRID: _Case.off_grid,
    Reason.BOOKED: _Case.booked,
    Reason.BUFFER: _Case.buffer,
    Reason.DAILY_LIMIT: _Case.daily_limit,
    Reason.STUDENT_BUSY: _Case.student_busy,
    Reason.NO_ROOM: _Case.no_room,
}
