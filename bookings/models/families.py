"""Who may book and pay for whom: a parent for a child. The student was invited by e-mail and has agreed once."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from bookings.models.people import User
from bookings.references import new_link_reference


class StudentLinkQuerySet(models.QuerySet["StudentLink"]):
    def standing(self) -> StudentLinkQuerySet:
        """Links that the student has accepted and nobody has ended."""
        return self.filter(accepted_at__isnull=False, ended_at=None)

    def open(self, now: datetime) -> StudentLinkQuerySet:
        """Invitations that can still be accepted."""
        return self.filter(accepted_at=None, ended_at=None, expires_at__gt=now)

    def between(self, *, payer: int, student: int) -> StudentLinkQuerySet:
        """The standing link that lets this payer book for this student, by their keys."""
        return self.standing().filter(payer=payer, student=student)

    def sent_to(self, user: User) -> StudentLinkQuerySet:
        """Invitations to this person's own address, which the site has confirmed."""
        return self.filter(email=user.email, accepted_at=None).exclude(payer=user)

    def visible_to(self, user: User) -> StudentLinkQuerySet:
        return self.filter(Q(payer=user) | Q(student=user))


class StudentLink(models.Model):
    """An invitation until it is accepted, then the leave to book for that student. `digest` is that of the mail's key."""

    class State(StrEnum):
        WAITING = "waiting"
        STANDING = "standing"
        DECLINED = "declined"
        WITHDRAWN = "withdrawn"
        RAN_OUT = "ran_out"
        ENDED = "ended"

    reference = models.CharField(_("reference"), max_length=20, unique=True, default=new_link_reference, editable=False)
    payer = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="student_links", verbose_name=_("payer")
    )
    student = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="payer_links",
        verbose_name=_("student"),
    )
    name = models.CharField(_("name"), max_length=100)
    email = models.EmailField(_("e-mail address"))
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(_("invited at"), auto_now_add=True)
    expires_at = models.DateTimeField(_("can be accepted until"))
    accepted_at = models.DateTimeField(_("accepted at"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        editable=False,
        verbose_name=_("ended by"),
    )
    mails = models.PositiveSmallIntegerField(_("mails sent"), default=1, editable=False)
    mailed_at = models.DateTimeField(_("last mail at"), default=timezone.now, editable=False)

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

    @property
    def state(self) -> State:
        """How the invitation or the link stands now. One that nobody answered runs out by itself."""
        if self.accepted_at is not None:
            return self.State.STANDING if self.ended_at is None else self.State.ENDED
        if self.ended_at is None:
            return self.State.WAITING if self.expires_at > timezone.now() else self.State.RAN_OUT
        if self.ended_by_id == self.payer_id:
            return self.State.WITHDRAWN
        return self.State.DECLINED if self.ended_at < self.expires_at else self.State.RAN_OUT

    @property
    def student_name(self) -> str:
        """What the payer calls the student: by the student's own name once there is one."""
        return (self.student.full_name if self.student else "") or self.name

    def accept(self, student: User, *, at: datetime) -> None:
        """Let the payer book for this student from now on."""
        self.student, self.accepted_at = student, at

    def end(self, *, by: User | None, at: datetime) -> None:
        """Withdraw, decline or end it; `by` is None when somebody declines who is not logged in."""
        self.ended_by, self.ended_at = by, at
