"""The week and the rules as one form: added to, copied and looked at before it is saved."""

from __future__ import annotations

import re

from django.http import QueryDict
from django.utils.functional import Promise

from bookings.drafts import Draft
from bookings.errors import HoursChanged, InvalidInput
from bookings.hours import Span, replace_hours, version_of
from bookings.models import Tutor
from bookings.models.availability import Weekday
from bookings.views.teaching.rules_form import RulesForm
from bookings.views.teaching.spans import WeekRows

_ACT = re.compile(r"(add|remove|copy)-([0-6])(?:-(\d{1,2}))?", re.ASCII)


class HoursForm:
    """What a tutor says about their week, unsaved. `version` marks what was saved when they began."""

    def __init__(self, tutor: Tutor, posted: QueryDict | None = None) -> None:
        self.tutor, self.posted = tutor, posted
        self.refusal: str | Promise = ""
        self.is_outdated = False
        if posted is None:
            self.rows, self.rules = WeekRows.of(saved_week(tutor)), RulesForm(saved=tutor)
            self.version = version_of(tutor)
        else:
            self.rows, self.rules = WeekRows.read(posted), RulesForm(posted, saved=tutor)
            self.version = posted.get("version", "")[:16]

    def is_valid(self) -> bool:
        rows, rules = self.rows.is_valid, self.rules.is_valid()
        return rows and rules

    @property
    def wrong_days(self) -> list[Weekday]:
        """Return the days with a row that is wrong, once the form has been checked."""
        return [day.weekday for day in self.rows.days if any(row.error for row in day.rows)]

    def edit(self, act: str) -> None:
        """Add an empty row, take one away, or copy a day to those ticked. Anything else changes nothing."""
        found = _ACT.fullmatch(act)
        if found is None or self.posted is None:
            return
        weekday, day = int(found[2]), self.rows.days[int(found[2])]
        if found[1] == "add":
            day.add()
        elif found[1] == "remove":
            day.remove(int(found[3] or 0))
        else:
            ticked = self.posted.getlist(f"copy-{weekday}")
            self.rows.copy(weekday, to=[int(one) for one in ticked if one in set("0123456")])

    def save(self) -> bool:
        """Save all of it. If something is wrong, keep what was typed, say what is wrong, and return False."""
        rules = self.rules.rules()
        if not self.is_valid() or rules is None:
            return False
        try:
            replace_hours(self.tutor, week=self.rows.week, rules=rules, seen=self.version)
        except HoursChanged as refusal:
            self.refusal, self.is_outdated = refusal.message, True
            self.version = version_of(Tutor.objects.get(pk=self.tutor.pk))
        except InvalidInput as refusal:
            self.refusal = refusal.message
        return not self.refusal

    def put_into(self, draft: Draft) -> Draft | None:
        """Return the draft with what is typed, None while that cannot be read."""
        rules = self.rules.rules()
        if rules is None or not self.rows.is_valid:
            return None
        return draft.with_week(self.rows.week, rules)


def saved_week(tutor: Tutor) -> dict[int, list[Span]]:
    """Return the hours of each weekday as they are saved."""
    week: dict[int, list[Span]] = {}
    for row in tutor.weekly_hours.order_by("weekday", "starts"):
        week.setdefault(row.weekday, []).append(Span(row.starts, row.ends))
    return week
