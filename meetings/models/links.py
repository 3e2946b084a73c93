"""The pool: pre-made meeting addresses, each in use by one lesson at a time."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from meetings.models.connections import VideoConnection


class MeetingLinkQuerySet(models.QuerySet["MeetingLink"]):
    def available(self) -> MeetingLinkQuerySet:
        """Links that may be given to a new meeting."""
        return self.filter(status=MeetingLink.Status.AVAILABLE)


class MeetingLink(models.Model):
    class Status(models.TextChoices):
        AVAILABLE = "available", _("available")
        CORDONED = "cordoned", _("cordoned: no new use")
        RETIRED = "retired", _("retired: never again")

    url = models.URLField(_("address"), max_length=500, unique=True)
    label = models.CharField(_("label"), max_length=100, blank=True)
    status = models.CharField(_("state"), max_length=10, choices=Status, default=Status.AVAILABLE)
    notes = models.TextField(_("notes"), blank=True, max_length=2000)
    last_used_at = models.DateTimeField(_("last used at"), null=True, blank=True, editable=False)
    provider_space_id = models.CharField(max_length=100, blank=True, editable=False)
    connection = models.ForeignKey(
        VideoConnection,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="links",
        verbose_name=_("made with"),
    )
    checked_at = models.DateTimeField(_("checked at"), null=True, blank=True, editable=False)
    fault = models.CharField(_("what the check found"), max_length=500, blank=True, editable=False)
    leaked_at = models.DateTimeField(_("reported as leaked at"), null=True, blank=True, editable=False)
    created_at = models.DateTimeField(_("added at"), auto_now_add=True)

    objects = MeetingLinkQuerySet.as_manager()

    class Meta:
        verbose_name = _("pool link")
        verbose_name_plural = _("pool links")
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=["available", "cordoned", "retired"]),
                name="meeting_link_status_is_known",
            ),
            models.CheckConstraint(condition=Q(url__startswith="https://"), name="meeting_link_is_https"),
        ]
        indexes = [
            models.Index(fields=["id"], condition=Q(status="available"), name="meeting_link_available"),
        ]

    def __str__(self) -> str:
        return self.label or f"link {self.pk}"

    def note_use(self, *, until: datetime) -> None:
        """Remember when it was last used; an earlier use changes nothing."""
        self.last_used_at = max(until, self.last_used_at or until)
