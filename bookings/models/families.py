"""Who may book and pay for whom: a parent for a child. The student was invited by e-mail and has agreed once."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from bookings.models.people import User


class StudentLinkQuerySet(models.QuerySet["StudentLink"]):
    def standing(self) -> StudentLinkQuerySet:
        """Links that the student has accepted and nobody has ended."""
        return self.filter(accepted_at__isnull=False, ended_at=None)

    def open(self, now: datetime) -> StudentLinkQuerySet:
        """Invitations that can still be accepted."""
        return self.filter(accepted_at=None, ended_at=None, expires_at__gt=now)

    def visible_to(self, user: User) -> StudentLinkQuerySet:
        return self.filter(Q(payer=user) | Q(student=user))


class StudentLink(models.Model):
    """An invitation until it is accepted, then the leave to book for that student. `digest` is that of the mail's key."""

    payer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="student_links")
    student = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="payer_links"
    )
    name = models.CharField(_("name"), max_length=100)
    email = models.EmailField(_("e-mail address"))
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(_("invited at"), auto_now_add=True)
    expires_at = models.DateTimeField(_("can be accepted until"))
    accepted_at = models.DateTimeField(_("accepted at"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)

    objects = StudentLinkQuerySet.as_manager()

    class Meta:
        verbose_name = _("leave to book for a student")
        verbose_name_plural = _("leaves to book for a student")
        ordering = ["name", "id"]
        constraints = [
            models.CheckConstraint(condition=Q(email=Lower("email")), name="student_link_email_is_lower_case"),
            models.CheckConstraint(
                condition=Q(accepted_at=None, student=None) | Q(accepted_at__isnull=False, student__isnull=False),
                name="student_link_accepted_by_somebody",
            ),
            models.CheckConstraint(condition=Q(student=None) | ~Q(student=F("payer")), name="student_link_is_of_two"),
            models.UniqueConstraint(
                fields=["payer", "student"],
                condition=Q(accepted_at__isnull=False, ended_at=None),
                name="student_link_stands_once",
            ),
            models.UniqueConstraint(
                fields=["payer", "email"],
                condition=Q(accepted_at=None, ended_at=None),
                name="student_link_invited_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.payer} → {self.name}"
