"""When a tutor teaches: hours of the week, and dates that differ. Wall time in the tutor's own zone."""

from __future__ import annotations

from datetime import time

from django.db import models
from django.utils.formats import date_format, time_format
from django.utils.translation import gettext_lazy as _

from bookings.models.people import Tutor


class Weekday(models.IntegerChoices):
    MONDAY = 0, _("Monday")
    TUESDAY = 1, _("Tuesday")
    WEDNESDAY = 2, _("Wednesday")
    THURSDAY = 3, _("Thursday")
    FRIDAY = 4, _("Friday")
    SATURDAY = 5, _("Saturday")
    SUNDAY = 6, _("Sunday")


_MIDNIGHT_ENDS_THE_DAY = models.Q(ends="00:00") | models.Q(ends__gt=models.F("starts"))


class WeeklyHours(models.Model):
    tutor = models.ForeignKey(Tutor, on_delete=models.CASCADE, related_name="weekly_hours", verbose_name=_("tutor"))
    weekday = models.PositiveSmallIntegerField(_("day"), choices=Weekday)
    starts = models.TimeField(_("from"))
    ends = models.TimeField(_("until"), help_text=_("00:00 is the end of that day."))

    class Meta:
        verbose_name = verbose_name_plural = _("weekly hours")
        ordering = ["weekday", "starts"]
        constraints = [
            models.CheckConstraint(condition=_MIDNIGHT_ENDS_THE_DAY, name="weekly_hours_end_after_start"),
            models.CheckConstraint(condition=models.Q(weekday__lte=6), name="weekly_hours_weekday_exists"),
        ]

    def __str__(self) -> str:
        return f"{self.get_weekday_display()} {_span(self.starts, self.ends)}"


class DateOverride(models.Model):
    tutor = models.ForeignKey(Tutor, on_delete=models.CASCADE, related_name="date_overrides", verbose_name=_("tutor"))
    date = models.DateField(_("date"))
    starts = models.TimeField(_("from"), null=True, blank=True)
    ends = models.TimeField(_("until"), null=True, blank=True, help_text=_("Both empty: closed that day."))

    class Meta:
        verbose_name = _("date override")
        verbose_name_plural = _("date overrides")
        ordering = ["date", "starts"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(starts=None, ends=None)
                | (models.Q(starts__isnull=False, ends__isnull=False) & _MIDNIGHT_ENDS_THE_DAY),
                name="date_override_closed_or_end_after_start",
            )
        ]

    def __str__(self) -> str:
        if self.starts is None or self.ends is None:
            return f"{date_format(self.date, 'DATE_FORMAT')} {_('closed')}"
        return f"{date_format(self.date, 'DATE_FORMAT')} {_span(self.starts, self.ends)}"


def _span(starts: time, ends: time) -> str:
    return f"{time_format(starts, 'TIME_FORMAT')}–{time_format(ends, 'TIME_FORMAT')}"
