"""One attempt to pay an Order at one gateway."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import models
from django.db.models import Q
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from bookings.models import Order, User
from bookings.money import Money

OPENING_TIME = timedelta(seconds=30)  # longer than a gateway may take to answer


class PaymentQuerySet(models.QuerySet["Payment"]):
    def visible_to(self, user: User) -> PaymentQuerySet:
        """Attempts of this person's own orders."""
        return self.filter(order__payer=user)

    def pending(self) -> PaymentQuerySet:
        return self.filter(status=Payment.Status.PENDING)

    def needing_review(self) -> PaymentQuerySet:
        return self.filter(status=Payment.Status.NEEDS_REVIEW)

    def due_for_check(self, now: datetime) -> PaymentQuerySet:
        """Attempts whose gateway is to be asked again by now, the longest due first."""
        return self.filter(next_check_at__lte=now).order_by("next_check_at", "id")

    def unfinished(self) -> PaymentQuerySet:
        """Attempts of which money may still come: their page may be open, also after a try on it that was refused."""
        return self.filter(status__in=Payment.UNPAID, next_check_at__isnull=False)

    def due_for_closing(self, now: datetime) -> PaymentQuerySet:
        """Attempts whose page is to be closed at the gateway, or tried again to be, the longest due first."""
        return self.filter(next_close_at__lte=now).order_by("next_close_at", "id")


class Payment(models.Model):
    class Status(models.TextChoices):
        PENDING = "pending", _("waiting")
        SUCCEEDED = "succeeded", _("money received")
        FAILED = "failed", _("failed")
        EXPIRED = "expired", _("expired")
        NEEDS_REVIEW = "needs_review", _("needs a look")

    # The gateway holds money of ours in these; nothing later may make it look otherwise.
    MONEY_RECEIVED = (Status.SUCCEEDED, Status.NEEDS_REVIEW)
    UNPAID = (Status.PENDING, Status.FAILED, Status.EXPIRED)
    # After the money, and after each refund of it: the gateway is asked whether it still sees it so.
    LOOKS = (timedelta(minutes=10), timedelta(days=1), timedelta(days=7), timedelta(days=30))

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="payments", verbose_name=_("order"))
    number = models.PositiveSmallIntegerField(_("attempt"))
    # Another transaction was paid on the page of this attempt: the gateway knows both by the attempt's reference.
    page_of = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="beside",
        verbose_name=_("on the page of"),
    )
    reference = models.CharField(_("reference"), max_length=30, unique=True, editable=False)
    gateway = models.CharField(_("gateway"), max_length=20)
    amount = models.PositiveBigIntegerField(_("amount asked"))
    currency = models.CharField(_("currency"), max_length=3)
    status = models.CharField(_("status"), max_length=20, choices=Status, default=Status.PENDING)
    external_id = models.CharField(_("gateway's number"), max_length=200, blank=True)
    checkout_token = models.CharField(max_length=200, blank=True, editable=False)
    checkout_url = models.URLField(_("payment page"), max_length=5000, blank=True)  # as long as Stripe's may be
    method = models.CharField(_("paid by"), max_length=50, blank=True)
    received_amount = models.BigIntegerField(_("amount received"), null=True, blank=True)
    received_currency = models.CharField(_("currency received"), max_length=3, blank=True)
    # What has gone back or is to go back, in minor units: kept by a trigger, capped by a constraint.
    refunded_amount = models.PositiveBigIntegerField(_("goes back"), default=0, editable=False)
    receipt_number = models.CharField(_("receipt number"), max_length=30, unique=True, null=True, blank=True, editable=False)
    note = models.CharField(_("what happened"), max_length=500, blank=True)
    created_at = models.DateTimeField(_("made at"), auto_now_add=True)
    expires_at = models.DateTimeField(_("to be paid by"))
    succeeded_at = models.DateTimeField(_("paid at"), null=True, blank=True)
    checked_at = models.DateTimeField(_("last asked at"), null=True, blank=True)
    checks = models.PositiveIntegerField(_("times asked"), default=0)
    # When to ask the gateway again; empty once nothing more can come of it.
    next_check_at = models.DateTimeField(_("next asked at"), null=True, blank=True)
    # From when its page is to be closed at the gateway: another attempt took its place, or its order is given up.
    superseded_at = models.DateTimeField(_("to be closed since"), null=True, blank=True)
    closed_at = models.DateTimeField(_("closed at the gateway at"), null=True, blank=True)
    # When to try (again) to close it; empty once it is closed, or nothing is to be closed.
    next_close_at = models.DateTimeField(_("next tried to be closed at"), null=True, blank=True)

    objects = PaymentQuerySet.as_manager()

    class Meta:
        verbose_name = _("payment")
        verbose_name_plural = _("payments")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["order", "number"], name="payment_number_unique_per_order"),
            models.UniqueConstraint(
                fields=["gateway", "external_id"],
                condition=~Q(external_id=""),
                name="payment_external_id_unique_per_gateway",
            ),
            models.CheckConstraint(
                condition=~Q(status="succeeded") | Q(succeeded_at__isnull=False),
                name="payment_success_has_its_time",
            ),
            models.CheckConstraint(
                condition=Q(
                    refunded_amount__lte=Coalesce("received_amount", "amount", output_field=models.BigIntegerField())
                ),
                name="payment_refunds_within_received",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["pending", "succeeded", "failed", "expired", "needs_review"]),
                name="payment_status_is_known",
            ),
        ]
        indexes = [
            models.Index(fields=["next_check_at"], condition=Q(next_check_at__isnull=False), name="payment_by_next_check"),
            models.Index(fields=["next_close_at"], condition=Q(next_close_at__isnull=False), name="payment_by_next_close"),
            models.Index(
                fields=["superseded_at"], condition=Q(status="pending", superseded_at__isnull=False), name="payment_to_close"
            ),
            models.Index(
                fields=["succeeded_at"],
                condition=Q(status="succeeded", receipt_number=None),
                name="payment_without_number",
            ),
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def money(self) -> Money:
        """What we asked for."""
        return Money(self.amount, self.currency)

    @property
    def received(self) -> Money | None:
        """What the gateway says it took."""
        if self.received_amount is None or not self.received_currency:
            return None
        return Money(self.received_amount, self.received_currency)

    @property
    def money_held(self) -> Money:
        """What the gateway took, as far as we know."""
        return self.received or self.money

    @property
    def left(self) -> Money:
        """What of the money has neither gone back nor is on its way back. Wants the row as it is in the database."""
        held = self.money_held
        return Money(max(0, held.amount - self.refunded_amount), held.currency)

    @property
    def awaits_decision(self) -> bool:
        """True when money came that does not fit, and a person must say what becomes of it."""
        return self.status == self.Status.NEEDS_REVIEW and self.received is not None

    @property
    def is_pending(self) -> bool:
        return self.status == self.Status.PENDING

    @property
    def has_money(self) -> bool:
        return self.status in self.MONEY_RECEIVED

    @property
    def may_still_be_paid(self) -> bool:
        """True while no money has been seen: even an expired or failed attempt may turn out to be paid."""
        return not self.has_money or (self.status == self.Status.NEEDS_REVIEW and self.received_amount is None)

    def page_is_open(self, now: datetime) -> bool:
        """True while the payer can go (back) to the gateway's page of this attempt."""
        return self.is_pending and self.checkout_url != "" and now < self.expires_at and self.superseded_at is None

    def is_begun(self, now: datetime) -> bool:
        """True when the payer has begun to pay and the gateway has not said how it ended: its money may be on its way.

        Before its end an attempt expires by the gateway's word, and is over; after it by our clock alone, until closed.
        """
        by_our_clock = self.status == self.Status.EXPIRED and now >= self.expires_at
        return self.external_id != "" and self.closed_at is None and (self.is_pending or by_our_clock)

    @property
    def opened_by(self) -> datetime:
        """Until then the request that began it may still get the page."""
        return self.created_at + OPENING_TIME

    def is_being_opened(self, now: datetime) -> bool:
        """True while another request may still get the page; one that failed has left a note."""
        return self.is_pending and not self.checkout_url and not self.note and now < self.opened_by

    def mark_pending(self) -> None:
        """The payer has begun another try on the same page."""
        self.status = self.Status.PENDING
        self.note = ""

    def mark_succeeded(self, *, at: datetime, received: Money) -> None:
        """Record the money. Success is final: nothing later takes it back here; the gateway is still asked a few times."""
        self.status = self.Status.SUCCEEDED
        self.succeeded_at = at
        self.received_amount, self.received_currency = received.amount, received.currency
        self.note = ""
        self.next_check_at = timezone.now() + self.LOOKS[0]

    def mark_needs_review(self, *, note: str, received: Money | None) -> None:
        """Keep the record and ask a person to look."""
        self.status = self.Status.NEEDS_REVIEW
        self.note = note[:500]
        if received is not None:
            self.received_amount, self.received_currency = received.amount, received.currency
            self.next_check_at = None

    def mark_failed(self, *, note: str) -> None:
        """The gateway refused this try. The payer may try again on the same page, so it can still be paid."""
        self.status = self.Status.FAILED
        self.note = note[:500]

    def mark_expired(self, *, note: str) -> None:
        """This try is over. Another may be begun on the same page until its end, so the gateway is still asked."""
        self.status = self.Status.EXPIRED
        self.note = note[:500]
