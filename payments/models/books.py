"""What tutors earn and are paid out, and the counters of receipts."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from bookings.models import Booking, Tutor, User
from bookings.money import Money
from bookings.references import new_code


def new_payout_reference() -> str:
    return f"PO-{new_code()}"


class ReceiptCounter(models.Model):
    """The last number of a kind of receipt in a year: taken under its row's lock, so that no number is left out."""

    kind = models.CharField(max_length=10)  # "payment" or "refund"
    year = models.PositiveSmallIntegerField()
    last = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "year"], name="receipt_counter_once_a_year")]

    def __str__(self) -> str:
        return f"{self.kind} {self.year}: {self.last}"


class Payout(models.Model):
    """What a tutor is paid for a period, in one currency."""

    class Status(models.TextChoices):
        OPEN = "open", _("to be paid")
        PAID = "paid", _("paid")

    reference = models.CharField(_("reference"), max_length=20, unique=True, default=new_payout_reference, editable=False)
    tutor = models.ForeignKey(Tutor, on_delete=models.PROTECT, related_name="payouts", verbose_name=_("tutor"))
    currency = models.CharField(_("currency"), max_length=3)
    amount = models.PositiveBigIntegerField(_("amount"))
    until = models.DateTimeField(_("everything due before"))
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.OPEN)
    note = models.CharField(_("how it was paid"), max_length=500, blank=True)
    made_at = models.DateTimeField(_("made at"), auto_now_add=True)
    made_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+", verbose_name=_("made by"))
    paid_at = models.DateTimeField(_("paid at"), null=True, blank=True)
    paid_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("marked by")
    )

    class Meta:
        verbose_name = _("payout")
        verbose_name_plural = _("payouts")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gte=1), name="payout_amount_positive"),
            models.CheckConstraint(condition=Q(status__in=["open", "paid"]), name="payout_status_is_known"),
            models.CheckConstraint(
                condition=Q(status="open", paid_at=None) | Q(status="paid", paid_at__isnull=False),
                name="payout_paid_has_its_time",
            ),
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def money(self) -> Money:
        return Money(self.amount, self.currency)


class Earning(models.Model):
    """A line of the tutor's account for one session: what it earned, or what was taken back of that. Never changed later.

    The lines of a session sum up to what the tutor gets for it. Only `due_at` and `payout` are filled in afterwards.
    """

    class Kind(models.TextChoices):
        SESSION = "session", _("session")
        CORRECTION = "correction", _("correction")

    booking = models.ForeignKey(Booking, on_delete=models.PROTECT, related_name="earnings", verbose_name=_("booking"))
    tutor = models.ForeignKey(Tutor, on_delete=models.PROTECT, related_name="earnings", verbose_name=_("tutor"))
    kind = models.CharField(_("kind"), max_length=12, choices=Kind, default=Kind.SESSION)
    currency = models.CharField(_("currency"), max_length=3)
    gross = models.BigIntegerField(_("what stays of the price"))
    fee_percent = models.PositiveSmallIntegerField(_("fee in percent"))
    fee = models.BigIntegerField(_("fee of the site"))
    net = models.BigIntegerField(_("for the tutor"))
    why = models.CharField(_("why"), max_length=200, blank=True)
    created_at = models.DateTimeField(_("made at"), auto_now_add=True)
    due_at = models.DateTimeField(_("to be paid out from"), null=True, blank=True)  # empty until the session is over
    payout = models.ForeignKey(
        Payout, on_delete=models.PROTECT, null=True, blank=True, related_name="earnings", verbose_name=_("payout")
    )

    class Meta:
        verbose_name = _("earning")
        verbose_name_plural = _("earnings")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["booking"], condition=Q(kind="session"), name="earning_once_per_session"),
            models.CheckConstraint(condition=Q(net=F("gross") - F("fee")), name="earning_net_is_gross_less_fee"),
            models.CheckConstraint(condition=Q(fee_percent__lte=100), name="earning_fee_percent_within_100"),
            models.CheckConstraint(condition=Q(payout=None) | Q(due_at__isnull=False), name="earning_paid_out_was_due"),
            models.CheckConstraint(condition=Q(kind__in=["session", "correction"]), name="earning_kind_is_known"),
        ]
        indexes = [
            models.Index(fields=["tutor", "due_at"], condition=Q(payout=None), name="earning_to_pay_out"),
            models.Index(fields=["booking"], condition=Q(due_at=None), name="earning_not_due"),
        ]

    def __str__(self) -> str:
        return f"{self.booking.reference} {self.money}"

    @property
    def gross_money(self) -> Money:
        """What stays of the session's price."""
        return Money(self.gross, self.currency)

    @property
    def fee_money(self) -> Money:
        """What the site keeps of it."""
        return Money(self.fee, self.currency)

    @property
    def money(self) -> Money:
        """What the tutor gets by this line; below zero where it takes back."""
        return Money(self.net, self.currency)
