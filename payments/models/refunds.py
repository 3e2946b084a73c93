"""Money on its way back to the payer."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from bookings.models import Booking, User
from bookings.money import Money
from bookings.references import new_code
from payments.models.payments import Payment

REFERENCE_BEGINS = "RF-"


def new_refund_reference() -> str:
    return f"{REFERENCE_BEGINS}{new_code()}"


class RefundQuerySet(models.QuerySet["Refund"]):
    def standing(self) -> RefundQuerySet:
        """What the payer has, or can still count on: without what was given up, or failed at the gateway unasked."""
        return self.exclude(status=Refund.Status.FAILED, finished_at__isnull=False).exclude(
            status=Refund.Status.FAILED, reason=Refund.Reason.VENDOR
        )

    def due(self, now: datetime) -> RefundQuerySet:
        """Refunds to be asked for, or looked after, by now; those first that an older version made, without a time."""
        timeless = Q(status=Refund.Status.PENDING, next_attempt_at=None)
        return self.filter(timeless | Q(next_attempt_at__lte=now)).order_by(F("next_attempt_at").asc(nulls_first=True), "id")

    def needing_person(self) -> RefundQuerySet:
        """What nobody but a person can send: the gateway cannot, or said no."""
        failed = Q(status=Refund.Status.FAILED, finished_at=None)
        return self.filter(Q(status=Refund.Status.MANUAL) | failed)


class Refund(models.Model):
    class Status(models.TextChoices):
        PENDING = "pending", _("to be sent back")
        SUBMITTED = "submitted", _("asked of the gateway")
        SUCCEEDED = "succeeded", _("sent back")
        FAILED = "failed", _("failed")
        MANUAL = "manual", _("to be sent back by hand")

    class Reason(models.TextChoices):
        LATE = "late", _("paid after the time was sold")
        TWICE = "twice", _("paid twice")
        CANCELLED = "cancelled", _("cancelled")
        ABSENT = "absent", _("somebody was absent")
        MISFIT = "misfit", _("did not fit its order")
        VENDOR = "vendor", _("sent back at the gateway itself")
        OTHER = "other", _("other")

    # With these and no session a payment goes back as a whole: it never paid for its order.
    WHOLE = (Reason.LATE, Reason.TWICE, Reason.CANCELLED, Reason.MISFIT)
    # These take from the payment; what failed does not, until it is tried again.
    COUNTED = (Status.PENDING, Status.SUBMITTED, Status.SUCCEEDED, Status.MANUAL)

    reference = models.CharField(_("reference"), max_length=20, unique=True, default=new_refund_reference, editable=False)
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="refunds", verbose_name=_("payment"))
    booking = models.OneToOneField(
        Booking,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="refunded",
        editable=False,
        verbose_name=_("booking"),
    )
    amount = models.PositiveBigIntegerField(_("amount"))
    reason = models.CharField(_("why"), max_length=20, choices=Reason)
    status = models.CharField(_("status"), max_length=20, choices=Status, default=Status.PENDING)
    note = models.CharField(_("note"), max_length=500, blank=True)
    why = models.CharField(_("reason in words"), max_length=500, blank=True)
    asked_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("asked for by")
    )
    external_id = models.CharField(_("gateway's number"), max_length=200, blank=True)
    # The gateway does the same refund once however often it is asked; a new round, after it failed for good, is another.
    round = models.PositiveSmallIntegerField(_("round"), default=1)
    attempts = models.PositiveIntegerField(_("times asked"), default=0)
    # When to ask, or to look, again; empty once nothing more can come of it by itself.
    next_attempt_at = models.DateTimeField(_("next asked at"), null=True, blank=True, default=timezone.now)
    receipt_number = models.CharField(_("receipt number"), max_length=30, unique=True, null=True, blank=True, editable=False)
    created_at = models.DateTimeField(_("made at"), auto_now_add=True)
    submitted_at = models.DateTimeField(_("asked of the gateway at"), null=True, blank=True)
    # When the money arrived; of one that failed, when it was given up.
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)

    objects = RefundQuerySet.as_manager()

    class Meta:
        verbose_name = _("refund")
        verbose_name_plural = _("refunds")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gte=1), name="refund_amount_positive"),
            models.UniqueConstraint(
                fields=["payment"],
                condition=Q(reason__in=["late", "twice"], booking=None),
                name="refund_of_a_whole_payment_once",
            ),
            models.UniqueConstraint(
                fields=["payment", "external_id"], condition=~Q(external_id=""), name="refund_external_id_unique_per_payment"
            ),
            models.CheckConstraint(
                condition=~Q(status="succeeded") | Q(finished_at__isnull=False), name="refund_success_has_its_time"
            ),
            models.CheckConstraint(
                condition=Q(status__in=["pending", "submitted", "succeeded", "failed", "manual"]),
                name="refund_status_is_known",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_attempt_at"], condition=Q(next_attempt_at__isnull=False), name="refund_by_next_attempt"
            ),
            models.Index(
                fields=["id"], condition=Q(status="pending", next_attempt_at=None), name="refund_pending_without_time"
            ),
            models.Index(
                fields=["finished_at"], condition=Q(status="succeeded", receipt_number=None), name="refund_without_number"
            ),
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def money(self) -> Money:
        return Money(self.amount, self.payment.money_held.currency)

    @property
    def key(self) -> str:
        """What makes the gateway do this refund once, however often it is asked (letters, digits and hyphens)."""
        return self.reference if self.round == 1 else f"{self.reference}-{self.round}"

    @property
    def has_arrived(self) -> bool:
        return self.status == self.Status.SUCCEEDED

    @property
    def is_given_up(self) -> bool:
        """True when it failed and nothing more is to be done about it."""
        return self.status == self.Status.FAILED and self.finished_at is not None

    @property
    def is_open(self) -> bool:
        """True while the money has not reached the payer, and still should."""
        return not self.has_arrived and not self.is_given_up

    @property
    def is_of_whole(self) -> bool:
        """True when all of its payment is to go back, for it never paid for its order."""
        return self.booking_id is None and self.reason in self.WHOLE

    @property
    def is_under_way(self) -> bool:
        """True while the gateway does the work: it is to be asked, or has been."""
        return self.status in (self.Status.PENDING, self.Status.SUBMITTED)

    @property
    def needs_person(self) -> bool:
        return self.status == self.Status.MANUAL or (self.status == self.Status.FAILED and self.finished_at is None)

    def mark_sent(self, *, at: datetime, note: str) -> None:
        """The money is back with the payer."""
        self.status = self.Status.SUCCEEDED
        self.finished_at = at
        self.next_attempt_at = None
        self.note = note[:500]

    def mark_submitted(self) -> None:
        """The gateway has begun; it is asked what became of it."""
        self.status = self.Status.SUBMITTED
        self.note = ""

    def mark_failed(self, *, note: str) -> None:
        """The gateway said no, or the money came back to it: a person must look."""
        self.status = self.Status.FAILED
        self.finished_at = self.next_attempt_at = None
        self.note = note[:500]

    def mark_manual(self, *, note: str) -> None:
        """The gateway cannot do it: a person must."""
        self.status = self.Status.MANUAL
        self.next_attempt_at = None
        self.note = note[:500]

    def mark_given_up(self, *, at: datetime, note: str) -> None:
        """Nothing goes back by this any more, and nothing is left to do about it."""
        self.status = self.Status.FAILED
        self.finished_at, self.next_attempt_at = at, None
        self.note = note[:500]

    def mark_less(self, *, by: int) -> None:
        """So much of it has gone another way. What is to be asked for gets a new key: the old one stands for the old sum."""
        self.amount -= by
        if self.status == self.Status.PENDING:
            self.round += 1

    def mark_to_be_sent(self, *, at: datetime) -> None:
        """Ask once more. What failed for good gets a new key: the gateway would only repeat its answer to the old one.

        The number of what failed is kept until there is another, so that late words about it are known for what they are.
        """
        if self.status == self.Status.FAILED:
            self.round += 1
        self.status = self.Status.PENDING
        self.finished_at, self.next_attempt_at, self.note = None, at, ""
