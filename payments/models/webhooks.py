"""The inbox: every message of a gateway, raw, stored before it is believed."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from payments.models.payments import Payment


class WebhookEventQuerySet(models.QuerySet["WebhookEvent"]):
    def unapplied(self) -> WebhookEventQuerySet:
        """Messages that still have to be applied; failed ones stay in line."""
        return self.filter(state__in=WebhookEvent.UNAPPLIED)

    def due(self, now: datetime) -> WebhookEventQuerySet:
        return self.unapplied().filter(next_attempt_at__lte=now).order_by("next_attempt_at", "id")


class WebhookEvent(models.Model):
    class State(models.TextChoices):
        NEW = "new", _("not applied yet")
        DONE = "done", _("applied")
        IGNORED = "ignored", _("nothing to do")
        FAILED = "failed", _("failed, will be tried again")

    UNAPPLIED = (State.NEW, State.FAILED)
    SETTLED = (State.DONE, State.IGNORED)

    gateway = models.CharField(_("gateway"), max_length=20)
    dedupe_key = models.CharField(max_length=200, editable=False)
    reference = models.CharField(_("payment's reference"), max_length=100, blank=True)
    kind = models.CharField(_("kind"), max_length=60, blank=True)
    body = models.BinaryField(_("raw body"))
    payment = models.ForeignKey(
        Payment, on_delete=models.PROTECT, null=True, blank=True, related_name="webhook_events", verbose_name=_("payment")
    )
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.NEW)
    attempts = models.PositiveIntegerField(_("tries"), default=0)
    copies = models.PositiveIntegerField(_("times received"), default=1)
    error = models.TextField(_("last error"), blank=True)
    received_at = models.DateTimeField(_("received at"), auto_now_add=True)
    next_attempt_at = models.DateTimeField(_("next try at"))
    applied_at = models.DateTimeField(_("applied at"), null=True, blank=True)

    objects = WebhookEventQuerySet.as_manager()

    class Meta:
        verbose_name = _("webhook event")
        verbose_name_plural = _("webhook events")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["gateway", "dedupe_key"], name="webhook_event_stored_once"),
            models.CheckConstraint(
                condition=Q(state__in=["new", "done", "ignored", "failed"]),
                name="webhook_event_state_is_known",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_attempt_at"],
                condition=Q(state__in=["new", "failed"]),
                name="webhook_event_unapplied",
            )
        ]

    def __str__(self) -> str:
        return f"{self.gateway} {self.kind} {self.reference}".strip()

    @property
    def is_settled(self) -> bool:
        return self.state in self.SETTLED

    @property
    def is_emptied(self) -> bool:
        """True once its body was thrown away for its age: no message is stored without one."""
        return not self.body

    def mark_new(self, *, next_attempt_at: datetime) -> None:
        """Put a message that is done back in line, to be applied once more."""
        self.state, self.next_attempt_at = self.State.NEW, next_attempt_at

    def mark_done(self, *, payment: Payment, at: datetime) -> None:
        """What the message said is in the books."""
        self.state, self.payment, self.applied_at, self.error = self.State.DONE, payment, at, ""
        self.attempts += 1

    def mark_ignored(self, *, payment: Payment | None, at: datetime, why: str) -> None:
        """The message changes nothing."""
        self.state, self.payment, self.applied_at, self.error = self.State.IGNORED, payment, at, why
        self.attempts += 1

    def mark_failed(self, *, error: str, next_attempt_at: datetime) -> None:
        """Keep the message in line for another try."""
        self.state, self.error, self.next_attempt_at = self.State.FAILED, error, next_attempt_at
        self.attempts += 1
