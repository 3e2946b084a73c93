"""Where and when a booking happens. The row also is what a pool link is won with."""

from __future__ import annotations

from datetime import datetime

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import ArrayField, DateTimeRangeField, RangeOperators
from django.db import models
from django.db.models import F, Func, Q
from django.utils.translation import gettext_lazy as _

from bookings.models import Booking
from bookings.times import During
from meetings.models.links import MeetingLink


class MeetingQuerySet(models.QuerySet["Meeting"]):
    def waiting(self) -> MeetingQuerySet:
        return self.filter(status=Meeting.Status.WAITING)

    def due(self, now: datetime) -> MeetingQuerySet:
        """Waiting meetings whose turn has come, the earliest lesson first."""
        return self.waiting().filter(next_attempt_at__lte=now).order_by("during", "id")

    def holding_links(self) -> MeetingQuerySet:
        """Meetings that occupy a pool link for the time in `reserved`."""
        return self.filter(link__isnull=False, status__in=Meeting.HOLDING)


class Meeting(models.Model):
    class Status(models.TextChoices):
        WAITING = "waiting", _("being prepared")
        READY = "ready", _("ready")
        ENDED = "ended", _("over")
        FAILED = "failed", _("failed")
        CANCELLED = "cancelled", _("cancelled")

    class Trouble(models.TextChoices):
        """Why there is no address yet, for those who watch."""

        POOL_FULL = "pool_full", _("the pool is full")
        RECONNECT = "reconnect", _("the tutor's account must be connected again")
        UNREACHABLE = "unreachable", _("the provider does not answer")
        CANNOT = "cannot", _("the provider cannot hold it")
        SET_UP = "set_up", _("the set-up needs an operator")
        BY_HAND = "by_hand", _("a person has to give an address")
        OTHER = "other", _("something went wrong on our side")

    # An ended meeting goes on holding its link for its time: its rest must not be cut short.
    HOLDING = (Status.READY, Status.ENDED)

    booking = models.OneToOneField(Booking, on_delete=models.PROTECT, related_name="meeting", verbose_name=_("booking"))
    provider = models.CharField(_("provider"), max_length=20)
    # Where the two of the session believe it to be held: see news.py.
    told_provider = models.CharField(max_length=20, blank=True, editable=False)
    link = models.ForeignKey(
        MeetingLink,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="meetings",
        db_index=False,
        verbose_name=_("link"),
    )
    external_id = models.CharField(max_length=200, blank=True, editable=False)
    join_url_tutor = models.URLField(max_length=1000, blank=True, editable=False)
    join_url_student = models.URLField(max_length=1000, blank=True, editable=False)
    during = DateTimeRangeField(_("time"))
    reserved = DateTimeRangeField(_("link taken, rest included"), null=True, blank=True)
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.WAITING)
    generation = models.PositiveIntegerField(default=0, editable=False)
    attempts = models.PositiveIntegerField(_("tries"), default=0)
    next_attempt_at = models.DateTimeField(_("next try at"), null=True, blank=True)
    trouble = models.CharField(_("kind of trouble"), max_length=20, choices=Trouble, blank=True, editable=False)
    passed_over = ArrayField(
        models.CharField(max_length=20), default=list, blank=True, editable=False, verbose_name=_("providers given up")
    )
    last_error = models.CharField(_("why not yet"), max_length=500, blank=True)
    requested_at = models.DateTimeField(_("asked for at"))
    # When the money for it was taken; empty from the second wish on, which nobody has just paid for.
    paid_at = models.DateTimeField(null=True, blank=True, editable=False)
    ready_at = models.DateTimeField(_("ready at"), null=True, blank=True)
    # The first time that anybody was told the raw address: from then on it is not changed without need.
    seen_at = models.DateTimeField(_("address first seen at"), null=True, blank=True, editable=False)
    closed_at = models.DateTimeField(_("call ended at"), null=True, blank=True, editable=False)
    alerted_at = models.DateTimeField(_("admins told at"), null=True, blank=True, editable=False)

    objects = MeetingQuerySet.as_manager()

    class Meta:
        verbose_name = _("meeting")
        verbose_name_plural = _("meetings")
        ordering = ["during", "id"]
        constraints = [
            ExclusionConstraint(
                name="meeting_link_used_once_at_a_time",
                # link first: the other order is half as fast
                expressions=[("link", RangeOperators.EQUAL), ("reserved", RangeOperators.OVERLAPS)],
                condition=Q(link__isnull=False, status__in=["ready", "ended"]),
            ),
            models.CheckConstraint(
                condition=Q(link=None, reserved=None)
                | Q(link__isnull=False, reserved__isnull=False, reserved__contains=F("during")),
                name="meeting_link_reserved_for_its_time",
            ),
            models.CheckConstraint(condition=~Q(status="waiting") | Q(link=None), name="meeting_waiting_has_no_link"),
            models.CheckConstraint(
                condition=~Q(status="ready") | Q(link__isnull=False) | ~Q(join_url_student=""),
                name="meeting_ready_has_an_address",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["waiting", "ready", "ended", "failed", "cancelled"]),
                name="meeting_status_is_known",
            ),
        ]
        indexes = [
            models.Index(
                F("link"),
                Func(F("reserved"), function="lower", output_field=models.DateTimeField()),
                condition=Q(link__isnull=False, status__in=["ready", "ended"]),
                name="meeting_link_predecessor",
            ),
            models.Index(
                Func(F("during"), function="upper", output_field=models.DateTimeField()),
                condition=Q(status="ready"),
                name="meeting_ready_by_end",
            ),
            models.Index(
                Func(F("during"), function="upper", output_field=models.DateTimeField()),
                condition=Q(status__in=["ready", "ended"], closed_at=None),
                name="meeting_call_by_end",
            ),
            models.Index(
                Func(F("during"), function="upper", output_field=models.DateTimeField()),
                condition=Q(status="failed"),
                name="meeting_failed_by_end",
            ),
            models.Index(fields=["next_attempt_at"], condition=Q(status="waiting"), name="meeting_waiting"),
            models.Index(fields=["requested_at"], name="meeting_by_request"),
            models.Index(fields=["alerted_at"], condition=Q(alerted_at__isnull=False), name="meeting_alerted"),
        ]

    def __str__(self) -> str:
        return str(_("meeting of %(booking)s") % {"booking": self.booking.reference})

    @property
    def time(self) -> During:
        """When the lesson is (UTC)."""
        return During(self.during.lower, self.during.upper)

    @property
    def is_ready(self) -> bool:
        return self.status == self.Status.READY

    @property
    def is_waiting(self) -> bool:
        return self.status == self.Status.WAITING

    @property
    def is_live(self) -> bool:
        """True while it is to take place: being prepared or ready."""
        return self.status in (self.Status.WAITING, self.Status.READY)

    def want_again(self, *, at: datetime) -> None:
        """Another address is wanted, since then: the payment tells no more how long somebody has waited for it."""
        self.requested_at, self.paid_at = at, None

    def mark_cancelled(self) -> None:
        """Call it off. Which link it had stays to be read; that link is free for others."""
        self.status = self.Status.CANCELLED
        self.next_attempt_at = None

    def mark_failed(self, *, why: str) -> None:
        """Give up: nothing can be done any more."""
        self.status = self.Status.FAILED
        self.next_attempt_at = None
        self.last_error = why[:500]

    def address_for(self, *, is_tutor: bool) -> str:
        """Return the raw join address, or an empty text. Only the join gate and the Bearer API may ask."""
        if self.link is not None:
            return self.link.url
        return self.join_url_tutor if is_tutor else self.join_url_student
