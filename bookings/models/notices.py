"""What people are told: one row per fact and person, shown on the site and sent by mail once."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from bookings.models.bookings import Booking
from bookings.models.orders import Order
from bookings.models.people import User


class NoticeQuerySet(models.QuerySet["Notice"]):
    def visible_to(self, user: User) -> NoticeQuerySet:
        return self.filter(to=user)

    def standing(self) -> NoticeQuerySet:
        """Without what was no longer true when its mail was made: a newer notice tells how things are."""
        return self.filter(dropped_at=None)

    def unread(self) -> NoticeQuerySet:
        return self.standing().filter(read_at=None)

    def with_rows(self) -> NoticeQuerySet:
        """With all that the words of a notice speak of."""
        people = ("booking__student", "booking__tutor__user", "booking__order__payer", "booking__cancelled_by")
        return self.select_related("to", "order__payer", *people)

    def unmailed(self, *, since: datetime) -> NoticeQuerySet:
        """Notices from before then whose mail has not been made: their job was lost."""
        return self.filter(mailed_at=None, dropped_at=None, created_at__lt=since)

    def unsent(self, *, since: datetime) -> NoticeQuerySet:
        """Notices whose mail was made before then and has not been taken by a mail server."""
        return self.filter(mailed_at__lt=since, sent_at=None, dropped_at=None)


class Notice(models.Model):
    """A fact that one person is told of. The words are made when it is read or sent, in that person's language.

    `key` says which fact it is (its booking and the version of the calendar entry, for instance): the same fact is never
    told twice. `details` are plain values that the words need and the rows no longer hold (the time before a move).
    """

    class Fact(models.TextChoices):
        PAID = "paid", _("paid")
        MOVED = "moved", _("moved")
        CANCELLED = "cancelled", _("cancelled")
        REQUESTED = "requested", _("requested")
        PROPOSED = "proposed", _("another time proposed")
        ACCEPTED = "accepted", _("accepted")
        DECLINED = "declined", _("declined")
        UNANSWERED = "unanswered", _("not answered in time")
        UNPAID = "unpaid", _("not paid in time")
        REMINDER_DAY = "reminder_day", _("reminder a day before")
        REMINDER_HOUR = "reminder_hour", _("reminder an hour before")
        LINK_CHANGED = "link_changed", _("link changed")
        ADDRESS_WANTED = "address_wanted", _("address wanted")
        ABSENCE_REPORTED = "absence_reported", _("absence reported")
        ABSENCE_DECIDED = "absence_decided", _("absence decided")
        INVITATION_ACCEPTED = "invitation_accepted", _("invitation accepted")

    to = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="notices", verbose_name=_("recipient")
    )
    fact = models.CharField(_("fact"), max_length=30, choices=Fact)
    booking = models.ForeignKey(
        Booking, on_delete=models.PROTECT, null=True, blank=True, related_name="notices", verbose_name=_("booking")
    )
    order = models.ForeignKey(
        Order, on_delete=models.PROTECT, null=True, blank=True, related_name="notices", verbose_name=_("order")
    )
    key = models.CharField(max_length=120)
    details = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(_("made at"), auto_now_add=True)
    read_at = models.DateTimeField(_("read at"), null=True, blank=True)
    mailed_at = models.DateTimeField(_("mail queued at"), null=True, blank=True)
    # What its mail told a calendar: REQUEST puts the session in, CANCEL takes it out, empty leaves it alone.
    entry = models.CharField(max_length=10, blank=True, editable=False)
    sent_at = models.DateTimeField(_("mail sent at"), null=True, blank=True)
    dropped_at = models.DateTimeField(_("mail dropped at"), null=True, blank=True, help_text=_("It was no longer true."))

    objects = NoticeQuerySet.as_manager()

    class Meta:
        verbose_name = _("notice")
        verbose_name_plural = _("notices")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["to", "fact", "key"], name="notice_told_once"),
        ]
        indexes = [
            models.Index(fields=["to"], condition=Q(read_at=None), name="notice_unread"),
            models.Index(fields=["created_at"], condition=Q(mailed_at=None, dropped_at=None), name="notice_unmailed"),
            models.Index(fields=["mailed_at"], condition=Q(sent_at=None, dropped_at=None), name="notice_unsent"),
        ]

    def __str__(self) -> str:
        return f"{self.fact} → {self.to}"
