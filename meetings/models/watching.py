"""What those who run the site are told of meetings as a whole: alerts under way, and what each day came to."""

from __future__ import annotations

from datetime import datetime

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class Alert(models.Model):
    """One kind of trouble: since when it is there, and which of it the staff have been told of. One row for each kind."""

    class Kind(models.TextChoices):
        MISSING = "missing", _("sessions without an address")
        PROVIDERS = "providers", _("a provider fails")
        SET_UP = "set_up", _("calls refused because of the set-up")
        CONNECTIONS = "connections", _("broken connections")
        QUEUE = "queue", _("background work is late")
        POOL = "pool", _("the pool is nearly full")
        FORECAST = "forecast", _("the pool will be nearly full")
        DIFFERENCES = "differences", _("more rooms differ than is believable")

    kind = models.CharField(_("kind"), max_length=20, choices=Kind, unique=True)
    begun_at = models.DateTimeField(_("begun at"), null=True, blank=True)
    ended_at = models.DateTimeField(_("over at"), null=True, blank=True)
    mailed_at = models.DateTimeField(_("last mailed at"), null=True, blank=True)
    mails = models.PositiveIntegerField(_("mails since it began"), default=0)
    # Booking references, names of providers and the like: a new one is news, one that is known is not.
    told = ArrayField(models.CharField(max_length=60), default=list, blank=True, verbose_name=_("told of"))

    class Meta:
        verbose_name = _("alert")
        verbose_name_plural = _("alerts")
        ordering = ["kind"]
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    kind__in=[
                        *("missing", "providers", "set_up", "connections"),
                        *("queue", "pool", "forecast", "differences"),
                    ]
                ),
                name="alert_kind_is_known",
            ),
            models.CheckConstraint(
                condition=Q(ended_at=None) | Q(begun_at__isnull=False), name="alert_that_is_over_had_begun"
            ),
        ]

    def __str__(self) -> str:
        return self.get_kind_display()

    @property
    def is_on(self) -> bool:
        return self.begun_at is not None and self.ended_at is None

    @property
    def was_mailed(self) -> bool:
        """True if somebody was mailed since it began."""
        return self.mails > 0

    def begin(self, *, at: datetime) -> None:
        """Note that the trouble is there; it may have been there before."""
        self.begun_at, self.ended_at, self.mails = at, None, 0

    def end(self, *, at: datetime) -> None:
        """Note that it is over. When it was last mailed stays known: the quiet period goes on."""
        self.ended_at = at


class ProviderDay(models.Model):
    """How many calls of one day (UTC) had that outcome at a provider. Kept when the calls themselves are deleted."""

    day = models.DateField(_("day"))
    provider = models.CharField(_("provider"), max_length=20)
    outcome = models.CharField(_("outcome"), max_length=20)
    calls = models.PositiveIntegerField(_("calls"))
    seconds = models.FloatField(_("seconds in all"))

    class Meta:
        verbose_name = _("day at a provider")
        verbose_name_plural = _("days at providers")
        ordering = ["day", "provider", "outcome"]
        constraints = [
            models.UniqueConstraint(fields=["day", "provider", "outcome"], name="provider_day_once"),
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.provider} {self.outcome}"
