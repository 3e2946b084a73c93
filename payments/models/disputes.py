"""A payer's bank takes a payment back, or asks to: a chargeback at one gateway, a dispute at another."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from bookings.money import Money
from payments.models.payments import Payment


class DisputeQuerySet(models.QuerySet["Dispute"]):
    def open(self) -> DisputeQuerySet:
        return self.filter(status=Dispute.Status.OPEN)


class Dispute(models.Model):
    class Status(models.TextChoices):
        OPEN = "open", _("open")
        WON = "won", _("won: the money stays")
        LOST = "lost", _("lost: the money is gone")

    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="disputes", verbose_name=_("payment"))
    external_id = models.CharField(_("gateway's number"), max_length=200)
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.OPEN)
    gateway_status = models.CharField(_("the gateway's word"), max_length=60, blank=True)
    amount = models.PositiveBigIntegerField(_("amount"))
    currency = models.CharField(_("currency"), max_length=3)
    reason = models.CharField(_("the payer's reason"), max_length=100, blank=True)
    note = models.CharField(_("note"), max_length=500, blank=True)
    opened_at = models.DateTimeField(_("opened at"))
    closed_at = models.DateTimeField(_("closed at"), null=True, blank=True)
    created_at = models.DateTimeField(_("heard of at"), auto_now_add=True)

    objects = DisputeQuerySet.as_manager()

    class Meta:
        verbose_name = _("dispute")
        verbose_name_plural = _("disputes")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["payment", "external_id"], name="dispute_known_once"),
            models.CheckConstraint(condition=Q(status__in=["open", "won", "lost"]), name="dispute_status_is_known"),
            models.CheckConstraint(
                condition=Q(status="open", closed_at=None) | (~Q(status="open") & Q(closed_at__isnull=False)),
                name="dispute_closed_has_its_time",
            ),
        ]
        indexes = [models.Index(fields=["payment"], condition=Q(status="open"), name="dispute_open_by_payment")]

    def __str__(self) -> str:
        return f"{self.payment.reference} {self.external_id}"

    @property
    def money(self) -> Money:
        return Money(self.amount, self.currency)

    @property
    def is_open(self) -> bool:
        return self.status == self.Status.OPEN
