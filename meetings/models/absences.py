"""Somebody says that the other did not come, or that there was no room. The other may answer; an admin decides."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from bookings.models import Booking, User


class NoShowReportQuerySet(models.QuerySet["NoShowReport"]):
    def visible_to(self, user: User) -> NoShowReportQuerySet:
        """Reports about sessions in which this person learns or teaches, or for which they pay."""
        return self.filter(booking__in=Booking.objects.visible_to(user))

    def undecided(self) -> NoShowReportQuerySet:
        return self.filter(decision="")


class NoShowReport(models.Model):
    """One report per booking: whoever comes second answers the first."""

    class Absent(models.TextChoices):
        STUDENT = "student", _("the student")
        TUTOR = "tutor", _("the tutor")
        ROOM = "room", _("nobody: there was no room")

    class Decision(models.TextChoices):
        STUDENT_ABSENT = "student_absent", _("the student was absent")
        TUTOR_ABSENT = "tutor_absent", _("the tutor was absent")
        UNCLEAR = "unclear", _("it is not clear who was absent")
        TOOK_PLACE = "took_place", _("the session took place")
        NO_ROOM = "no_room", _("there was no room, so the session did not take place")

    booking = models.OneToOneField(
        Booking, on_delete=models.PROTECT, related_name="no_show_report", verbose_name=_("booking")
    )
    absent = models.CharField(_("who was absent"), max_length=10, choices=Absent)
    # Empty: the site itself, of a session that ended without a room.
    reported_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("reported by"),
    )
    statement = models.TextField(_("what happened"), max_length=2000, blank=True)
    reported_at = models.DateTimeField(_("reported at"))
    answer_until = models.DateTimeField(_("can be answered until"))
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("answered by"),
    )
    answer = models.TextField(_("answer"), max_length=2000, blank=True)
    answered_at = models.DateTimeField(_("answered at"), null=True, blank=True)
    decision = models.CharField(_("decision"), max_length=20, choices=Decision, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("decided by"),
    )
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True)
    decision_note = models.CharField(_("why"), max_length=500, blank=True)

    objects = NoShowReportQuerySet.as_manager()

    class Meta:
        verbose_name = _("absence report")
        verbose_name_plural = _("absence reports")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(answered_at=None, answer="") | (Q(answered_at__isnull=False) & ~Q(answer="")),
                name="no_show_report_answer_has_its_time",
            ),
            models.CheckConstraint(
                condition=Q(decided_at=None, decision="") | (Q(decided_at__isnull=False) & ~Q(decision="")),
                name="no_show_report_decision_has_its_time",
            ),
            models.CheckConstraint(
                condition=Q(decision__in=["", "student_absent", "tutor_absent", "unclear", "took_place", "no_room"]),
                name="no_show_report_decision_is_known",
            ),
            models.CheckConstraint(
                condition=Q(reported_by__isnull=False) | Q(absent="room"), name="no_show_report_of_a_person_has_its_name"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.booking.reference}: {self.get_absent_display()}"

    @property
    def is_of_room(self) -> bool:
        """True where nobody is called absent."""
        return self.absent == self.Absent.ROOM
