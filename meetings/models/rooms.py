"""What is asked of vendors: each room from the wish to its end, and every call with its outcome."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from meetings.models.connections import VideoConnection
from meetings.models.meetings import Meeting


class VendorRoomQuerySet(models.QuerySet["VendorRoom"]):
    def standing(self) -> VendorRoomQuerySet:
        """Rooms that are, or may be, there at the vendor."""
        return self.exclude(state=VendorRoom.State.CLOSED)


class VendorRoom(models.Model):
    """One room at a vendor. The row comes before the call, so a room made by a call whose answer was lost is known."""

    class State(models.TextChoices):
        ASKED = "asked", _("asked for")  # nobody knows whether it is there
        MADE = "made", _("made")
        CLOSING = "closing", _("to be closed")
        CLOSED = "closed", _("closed")

    meeting = models.ForeignKey(Meeting, on_delete=models.PROTECT, related_name="rooms", verbose_name=_("meeting"))
    provider = models.CharField(_("provider"), max_length=20)
    # What made it also moves and closes it, whatever the tutor connects later.
    connection = models.ForeignKey(
        VideoConnection,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="rooms",
        verbose_name=_("connection"),
    )
    generation = models.PositiveIntegerField(_("generation"))
    key = models.CharField(_("key"), max_length=100, unique=True)
    external_id = models.CharField(_("number at the provider"), max_length=200, blank=True)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.ASKED)
    asked_at = models.DateTimeField(_("asked for at"))
    made_at = models.DateTimeField(_("made at"), null=True, blank=True)
    closed_at = models.DateTimeField(_("closed at"), null=True, blank=True)
    next_attempt_at = models.DateTimeField(_("next try to close it"), null=True, blank=True)
    attempts = models.PositiveIntegerField(_("tries to close it"), default=0)
    last_error = models.CharField(_("why not yet closed"), max_length=500, blank=True)

    objects = VendorRoomQuerySet.as_manager()

    class Meta:
        verbose_name = _("room at a provider")
        verbose_name_plural = _("rooms at providers")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["meeting", "generation"], name="vendor_room_once_per_generation"),
            models.CheckConstraint(
                condition=Q(state__in=["asked", "made", "closing", "closed"]), name="vendor_room_state_is_known"
            ),
            models.CheckConstraint(condition=~Q(state="made") | ~Q(external_id=""), name="vendor_room_made_has_its_number"),
        ]
        indexes = [
            models.Index(fields=["next_attempt_at"], condition=Q(state="closing"), name="vendor_room_to_close"),
            models.Index(fields=["connection"], condition=~Q(state="closed"), name="vendor_room_standing"),
            models.Index(fields=["asked_at"], condition=Q(state__in=["asked", "made"]), name="vendor_room_by_asking"),
        ]

    def __str__(self) -> str:
        return self.key

    def is_being_asked_for(self, now: datetime) -> bool:
        """True while a call about it may be under way: `next_attempt_at` is when a worker that died is given up."""
        return self.state == self.State.ASKED and self.next_attempt_at is not None and self.next_attempt_at > now


class ProviderCall(models.Model):
    """What became of one call to a vendor. No address, no token and nobody's name is kept."""

    class Outcome(models.TextChoices):
        DONE = "done", _("done")
        PENDING = "pending", _("still being made")
        UNAVAILABLE = "unavailable", _("no answer, or later")
        BROKEN = "broken", _("consent gone")
        CANNOT = "cannot", _("not possible there")
        MISCONFIGURED = "misconfigured", _("refused: set-up")
        GONE = "gone", _("not there any more")

    # What was asked for did not come about; a room that is gone is an answer like another.
    TROUBLE = (Outcome.UNAVAILABLE, Outcome.BROKEN, Outcome.CANNOT, Outcome.MISCONFIGURED)

    meeting = models.ForeignKey(
        Meeting, on_delete=models.CASCADE, null=True, blank=True, related_name="calls", verbose_name=_("meeting")
    )
    connection = models.ForeignKey(
        VideoConnection, on_delete=models.CASCADE, null=True, blank=True, related_name="calls", verbose_name=_("connection")
    )
    provider = models.CharField(_("provider"), max_length=20)
    what = models.CharField(_("what"), max_length=20)  # create, move, cancel, check, end, enter, find, list, refresh
    attempt = models.PositiveIntegerField(_("try"), default=1)
    began_at = models.DateTimeField(_("began at"))
    seconds = models.FloatField(_("seconds"))
    outcome = models.CharField(_("outcome"), max_length=20, choices=Outcome)
    http_status = models.PositiveSmallIntegerField(_("HTTP status"), null=True, blank=True)
    code = models.CharField(_("vendor's code"), max_length=100, blank=True)
    detail = models.CharField(_("detail"), max_length=500, blank=True)
    # Until when the vendor does not want to be asked for rooms again, where it said so.
    paused_until = models.DateTimeField(_("left alone until"), null=True, blank=True)

    class Meta:
        verbose_name = _("call to a provider")
        verbose_name_plural = _("calls to providers")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(outcome__in=["done", "pending", "unavailable", "broken", "cannot", "misconfigured", "gone"]),
                name="provider_call_outcome_is_known",
            ),
        ]
        indexes = [
            models.Index(fields=["connection", "began_at"], name="provider_call_of_connection"),
            models.Index(fields=["began_at"], name="provider_call_by_time"),
            models.Index(
                fields=["began_at"],
                condition=Q(outcome__in=["unavailable", "broken", "cannot", "misconfigured"]),
                name="provider_call_trouble",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.what} {self.outcome}"

    @property
    def ended_at(self) -> datetime:
        """When the answer came, or was not waited for any more."""
        return self.began_at + timedelta(seconds=self.seconds)
