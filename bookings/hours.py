"""What a tutor says about their time: the hours of the week, the rules of booking, and a pause.

Every verb locks the Tutor first (holds do too) and changes all or nothing. Bookings that exist are never touched.
`bookings/overrides.py` has the dates that differ.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import time
from itertools import pairwise
from typing import TypeVar

from django.db import transaction
from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bookings import times
from bookings.digests import digest
from bookings.errors import HoursChanged, InvalidInput
from bookings.models import Tutor, WeeklyHours
from bookings.models.availability import Weekday
from bookings.windows import Hours

log = logging.getLogger("linkpool.hours")
SPANS_A_DAY = 12


@dataclass(frozen=True)
class Span:
    """From and until on one day of the tutor's, as typed: nobody has looked at it yet. `ends` 00:00 is the day's end."""

    starts: time
    ends: time

    @property
    def minutes(self) -> tuple[int, int]:
        """Both as minutes of the day."""
        return _minute(self.starts), _minute(self.ends) or 24 * 60


@dataclass(frozen=True)
class Fault:
    """What is wrong with one span of a day: its place in the list, and a sentence."""

    place: int
    sentence: str | Promise


@dataclass(frozen=True)
class BookingRules:
    """A tutor's rules, with the zone in which their hours are meant. None is the usual step, or no limit."""

    time_zone: str
    notice_minutes: int
    horizon_days: int
    buffer_before_minutes: int
    buffer_after_minutes: int
    slot_step_minutes: int | None
    daily_limit: int | None
    approves_first: bool

    @classmethod
    def of(cls, tutor: Tutor) -> BookingRules:
        """Return the rules as they are saved."""
        return cls(**{name: getattr(tutor, name) for name in cls.__dataclass_fields__})


Week = Mapping[int, Sequence[Span]]
T = TypeVar("T")

# (field, least, most, sentence): what the database allows too.
_BOUNDS = [
    ("notice_minutes", 0, 60 * 24 * 60, gettext_lazy("The minimum notice is between 0 minutes and 60 days.")),
    ("horizon_days", 0, 366, gettext_lazy("Sessions can be booked between 0 and 366 days ahead.")),
    ("buffer_before_minutes", 0, 24 * 60, gettext_lazy("The free time before a session is a day at most.")),
    ("buffer_after_minutes", 0, 24 * 60, gettext_lazy("The free time after a session is a day at most.")),
    ("slot_step_minutes", 5, 24 * 60, gettext_lazy("Start times lie between 5 minutes and a day apart.")),
    ("daily_limit", 1, 288, gettext_lazy("The daily limit is between 1 and 288 sessions.")),
]


@transaction.atomic
def replace_hours(tutor: Tutor, *, week: Week, rules: BookingRules, seen: str) -> Tutor:
    """Keep these hours and rules in place of all that were there.

    `week` says the spans of each weekday (0 = Monday), in the zone of `rules`; `seen` is the `version_of` what was
    edited. Raises InvalidInput, or HoursChanged when somebody else has saved other hours since.
    """
    kept = lock_tutor(tutor)
    if version_of(kept) != seen:
        raise HoursChanged
    _require_week(week)
    _require_rules(rules)
    for name, value in asdict(rules).items():
        setattr(kept, name, value)
    kept.save(update_fields=list(asdict(rules)))
    kept.weekly_hours.all().delete()
    WeeklyHours.objects.bulk_create(
        WeeklyHours(tutor=kept, weekday=weekday, starts=span.starts, ends=span.ends)
        for weekday, spans in week.items()
        for span in spans
    )
    log.info("hours saved", extra={"tutor": kept.slug, "spans": sum(map(len, week.values())), "zone": rules.time_zone})
    return kept


def copy_day(week: Mapping[int, Sequence[T]], weekday: int, *, to: Iterable[int]) -> dict[int, list[T]]:
    """Return the week with what one weekday has on others too, in place of theirs. Nothing is saved."""
    targets = set(to) - {weekday}
    return {day: list(week.get(weekday if day in targets else day, ())) for day in range(7)}


def pause(tutor: Tutor) -> None:
    """Offer nothing until the tutor goes on. A second call changes nothing."""
    _set_paused(tutor, to=True)


def resume(tutor: Tutor) -> None:
    """Offer times again. A second call changes nothing."""
    _set_paused(tutor, to=False)


def version_of(tutor: Tutor) -> str:
    """Return a short mark of the saved hours and rules: another one means that somebody has changed them."""
    rows = list(tutor.weekly_hours.order_by("weekday", "starts", "ends").values_list("weekday", "starts", "ends"))
    return digest(rows, BookingRules.of(tutor))


def lock_tutor(tutor: Tutor) -> Tutor:
    """Return the tutor as saved, locked until the end of this transaction."""
    return Tutor.objects.select_for_update(no_key=True).get(pk=tutor.pk)


def faults_of(spans: Sequence[Span]) -> list[Fault]:
    """Return what is wrong with the hours of one day; touching spans are fine."""
    found = [Fault(SPANS_A_DAY, _too_many())] if len(spans) > SPANS_A_DAY else []
    for place, span in enumerate(spans):
        if span.starts.second or span.ends.second or span.starts.tzinfo or span.ends.tzinfo:
            found.append(Fault(place, _("Please give hours and minutes.")))
        elif span.minutes[0] >= span.minutes[1]:
            found.append(Fault(place, _("These hours must end after they start.")))
    in_order = sorted(enumerate(spans), key=lambda one: one[1].minutes)
    for (_place, earlier), (place, later) in pairwise(in_order):
        if later.minutes[0] < earlier.minutes[1] and not any(fault.place == place for fault in found):
            found.append(Fault(place, _("These hours overlap others of the same day.")))
    return sorted(found, key=lambda fault: fault.place)


def hours_of(week: Week) -> list[Hours]:
    """Return the week as `slots` reads it. Raises ValueError for a span that ends before it starts."""
    return [Hours(weekday, span.starts, span.ends) for weekday, spans in week.items() for span in spans]


def _set_paused(tutor: Tutor, *, to: bool) -> None:
    with transaction.atomic():
        kept = lock_tutor(tutor)
        if kept.is_paused == to:
            return
        kept.is_paused = to
        kept.save(update_fields=["is_paused"])
        log.info("bookings paused" if to else "bookings resumed", extra={"tutor": kept.slug})


def _require_week(week: Week) -> None:
    if not set(week) <= set(range(7)):
        raise InvalidInput(_("There is no such day of the week."))
    for weekday, spans in week.items():
        for fault in faults_of(spans):
            raise InvalidInput(format_lazy("{day}: {sentence}", day=Weekday(weekday).label, sentence=fault.sentence))


def _require_rules(rules: BookingRules) -> None:
    try:
        times.parse_zone(rules.time_zone)
    except ValueError:
        raise InvalidInput(_("This is not a time zone. Please choose one from the list.")) from None
    for name, least, most, sentence in _BOUNDS:
        value = getattr(rules, name)
        is_missing = value is None and name in ("slot_step_minutes", "daily_limit")
        if not is_missing and not (isinstance(value, int) and least <= value <= most):
            raise InvalidInput(sentence)


def _too_many() -> str:
    return _("A day has at most %(most)d spans of hours.") % {"most": SPANS_A_DAY}


def _minute(clock: time) -> int:
    return clock.hour * 60 + clock.minute
