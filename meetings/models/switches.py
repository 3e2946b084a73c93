"""A tutor's sessions on their way from one provider to another, each with what became of it."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from bookings.models import Tutor, User
from meetings.models.meetings import Meeting


class ProviderSwitch(models.Model):
    """A tutor's wish that sessions to come be held elsewhere. The newest one of a tutor counts."""

    tutor = models.ForeignKey(Tutor, on_delete=models.PROTECT, related_name="provider_switches", verbose_name=_("tutor"))
    provider = models.CharField(_("to"), max_length=20)
    asked_by = models.ForeignKey(
        User,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("asked by"),
    )
    asked_at = models.DateTimeField(_("asked at"))
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)
    told_at = models.DateTimeField(_("students told at"), null=True, blank=True)

    class Meta:
        verbose_name = _("switch of provider")
        verbose_name_plural = _("switches of provider")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["tutor"], condition=Q(finished_at=None), name="provider_switch_one_at_a_time"),
        ]

    def __str__(self) -> str:
        return f"{self.tutor}: {self.provider}"


class SessionSwitchQuerySet(models.QuerySet["SessionSwitch"]):
    def visible_to(self, user: User) -> SessionSwitchQuerySet:
        return self.filter(switch__tutor__user=user)

    def waiting(self) -> SessionSwitchQuerySet:
        return self.filter(outcome=SessionSwitch.Outcome.WAITING)

    def settle(self, outcome: SessionSwitch.Outcome, why: str = "") -> int:
        """Write what became of those of them that still wait. Returns how many did."""
        return self.waiting().update(outcome=outcome, why=why, done_at=timezone.now(), next_attempt_at=None)

    def due(self, now: datetime) -> SessionSwitchQuerySet:
        """Those that wait and whose turn has come, the earliest session first."""
        return self.waiting().filter(next_attempt_at__lte=now).order_by("meeting__during", "id")


class SessionSwitch(models.Model):
    """One session of a switch. What is not moved keeps the address that it has."""

    class Outcome(models.TextChoices):
        WAITING = "waiting", _("is being moved")
        MOVED = "moved", _("moved")
        STAYED = "stayed", _("stays where it is")
        FAILED = "failed", _("could not be moved")

    switch = models.ForeignKey(ProviderSwitch, on_delete=models.CASCADE, related_name="sessions", verbose_name=_("switch"))
    meeting = models.ForeignKey(Meeting, on_delete=models.PROTECT, related_name="switches", verbose_name=_("meeting"))
    was_provider = models.CharField(_("from"), max_length=20)
    outcome = models.CharField(_("outcome"), max_length=10, choices=Outcome, default=Outcome.WAITING)
    why = models.CharField(_("why"), max_length=500, blank=True)
    attempts = models.PositiveIntegerField(_("tries"), default=0)
    next_attempt_at = models.DateTimeField(_("next try at"), null=True, blank=True)
    done_at = models.DateTimeField(_("done at"), null=True, blank=True)

    objects = SessionSwitchQuerySet.as_manager()

    class Meta:
        verbose_name = _("session of a switch")
        verbose_name_plural = _("sessions of a switch")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["switch", "meeting"], name="session_switch_once"),
            models.CheckConstraint(
                condition=Q(outcome__in=["waiting", "moved", "stayed", "failed"]), name="session_switch_outcome_is_known"
            ),
        ]
        indexes = [
            models.Index(fields=["next_attempt_at"], condition=Q(outcome="waiting"), name="session_switch_waiting"),
        ]

    def __str__(self) -> str:
        return f"{self.meeting_id}: {self.outcome}"
