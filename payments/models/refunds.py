"""Money on its way back to the payer."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from bookings.models import Booking
from bookings.money import Money
from bookings.references import new_code
from payments.models.payments import Payment


def new_refund_reference() -> str:
    return f"RF-{new_code()}"


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
        OTHER = "other", _("other")

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
    created_at = models.DateTimeField(_("made at"), auto_now_add=True)
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)

    class Meta:
        verbose_name = _("refund")
        verbose_name_plural = _("refunds")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gte=1), name="refund_amount_positive"),
            models.UniqueConstraint(
                fields=["payment"],
                condition=Q(reason__in=["late", "twice"]),
                name="refund_of_a_whole_payment_once",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["pending", "submitted", "succeeded", "failed", "manual"]),
                name="refund_status_is_known",
            ),
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def money(self) -> Money:
        return Money(self.amount, self.payment.money_held.currency)

    @property
    def is_open(self) -> bool:
        """True while the money has not reached the payer."""
        return self.status != self.Status.SUCCEEDED

    def mark_sent(self, *, at: datetime, note: str) -> None:
        """The money is back with the payer."""
        self.status = self.Status.SUCCEEDED
        self.finished_at = at
        self.note = note[:500]
