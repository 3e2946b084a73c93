"""What a payer agreed to pay. A cart is an Order that has not been placed yet."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from bookings.errors import AnswerAwaited, OrderNotPayable
from bookings.models.people import User
from bookings.models.promo_codes import PromoCode
from bookings.models.session_types import default_currency
from bookings.money import Money
from bookings.references import new_order_reference


class OrderQuerySet(models.QuerySet["Order"]):
    def visible_to(self, user: User) -> OrderQuerySet:
        """Orders this person pays."""
        return self.filter(payer=user)

    def carts(self) -> OrderQuerySet:
        return self.filter(status=Order.Status.CART)

    def to_pay(self, now: datetime) -> OrderQuerySet:
        """Orders that can be paid now: placed, so agreed on, and before their deadline."""
        return self.filter(status=Order.Status.AWAITING_PAYMENT, placed_at__isnull=False, expires_at__gt=now)

    def overdue(self, now: datetime) -> OrderQuerySet:
        """Placed orders whose deadline for paying has passed."""
        return self.filter(status=Order.Status.AWAITING_PAYMENT, expires_at__lte=now)

    def standing(self, now: datetime) -> OrderQuerySet:
        """Orders that are paid, or can still be paid in time: those that use up a code."""
        in_time = models.Q(status=Order.Status.AWAITING_PAYMENT, expires_at__gt=now)
        return self.filter(in_time | models.Q(status=Order.Status.PAID))


class Order(models.Model):
    class Status(models.TextChoices):
        CART = "cart", _("cart")
        AWAITING_PAYMENT = "awaiting_payment", _("waiting for payment")
        PAID = "paid", _("paid")
        EXPIRED = "expired", _("expired")
        CANCELLED = "cancelled", _("cancelled")

    # A payment may still arrive for these: late money is looked at, never thrown away.
    PAYABLE = (Status.AWAITING_PAYMENT, Status.EXPIRED)

    reference = models.CharField(_("reference"), max_length=20, unique=True, default=new_order_reference, editable=False)
    payer = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="orders", verbose_name=_("payer")
    )
    status = models.CharField(_("status"), max_length=20, choices=Status, default=Status.CART)
    currency = models.CharField(_("currency"), max_length=3, default=default_currency)
    total = models.PositiveBigIntegerField(_("total"), default=0)
    discount = models.PositiveBigIntegerField(_("discount"), default=0)
    promo_code = models.ForeignKey(
        PromoCode, on_delete=models.PROTECT, null=True, blank=True, related_name="orders", verbose_name=_("promo code")
    )
    gifted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        editable=False,
        verbose_name=_("given by"),
    )
    created_at = models.DateTimeField(_("made at"), auto_now_add=True)
    placed_at = models.DateTimeField(_("placed at"), null=True, blank=True)
    expires_at = models.DateTimeField(_("to be paid by"), null=True, blank=True)
    paid_at = models.DateTimeField(_("paid at"), null=True, blank=True)
    # When the payer's money was taken, as the gateway tells: its news may come hours later, and then this is paid.
    charged_at = models.DateTimeField(null=True, blank=True, editable=False)
    # While the payer's bank asks for the money back: the sessions' earnings are held and nothing is refunded.
    disputed_at = models.DateTimeField(_("disputed since"), null=True, blank=True, editable=False)

    objects = OrderQuerySet.as_manager()

    class Meta:
        verbose_name = _("order")
        verbose_name_plural = _("orders")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["payer"], condition=models.Q(status="cart"), name="order_one_cart_per_payer"),
            models.CheckConstraint(
                condition=models.Q(status="paid", paid_at__isnull=False)
                | (~models.Q(status="paid") & models.Q(paid_at=None))
                | models.Q(status="cancelled"),
                name="order_paid_has_its_time",
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=["cart", "cancelled"]) | models.Q(expires_at__isnull=False),
                name="order_placed_has_a_deadline",
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=["cart", "awaiting_payment", "paid", "expired", "cancelled"]),
                name="order_status_is_known",
            ),
            models.CheckConstraint(
                condition=models.Q(gifted_by=None) | models.Q(total=0), name="order_given_as_a_gift_costs_nothing"
            ),
        ]
        indexes = [
            models.Index(
                fields=["expires_at"],
                condition=models.Q(status="awaiting_payment"),
                name="order_awaiting_by_deadline",
            ),
        ]

    def __str__(self) -> str:
        return self.reference

    def get_absolute_url(self) -> str:
        return reverse("payments:order_detail", args=[self.reference])

    @property
    def money(self) -> Money:
        """What is to be paid."""
        return Money(self.total, self.currency)

    @property
    def money_off(self) -> Money:
        """What a free first session and a code took off."""
        return Money(self.discount, self.currency)

    @property
    def full_price(self) -> Money:
        """What it would have cost without any discount."""
        return self.money + self.money_off

    @property
    def is_awaiting_payment(self) -> bool:
        return self.status == self.Status.AWAITING_PAYMENT

    @property
    def waits_for_answer(self) -> bool:
        """True while a time is asked for: the order is placed, and can be paid, once everybody has agreed to it."""
        return self.is_awaiting_payment and self.placed_at is None

    @property
    def is_paid(self) -> bool:
        return self.status == self.Status.PAID

    def require_agreed(self) -> None:
        """Raises AnswerAwaited for a time that is asked for, OrderNotPayable if nobody agreed to it in time."""
        if self.placed_at is None:
            raise AnswerAwaited if self.is_awaiting_payment else OrderNotPayable

    def place(self, *, at: datetime, expires_at: datetime) -> None:
        """Turn the cart into an order to be paid by `expires_at`. Raises OrderNotPayable."""
        if self.status != self.Status.CART:
            raise OrderNotPayable
        self.status = self.Status.AWAITING_PAYMENT
        self.placed_at, self.expires_at = at, expires_at

    def mark_agreed(self, *, at: datetime, expires_at: datetime) -> None:
        """The time asked for is accepted: from now on the order can be paid, until `expires_at`."""
        if not self.waits_for_answer:
            raise OrderNotPayable
        self.placed_at, self.expires_at = at, expires_at

    def mark_paid(self, *, at: datetime) -> None:
        """Raises OrderNotPayable unless the order waits for payment, or did until its deadline; AnswerAwaited."""
        if self.status not in self.PAYABLE:
            raise OrderNotPayable
        self.require_agreed()
        self.status = self.Status.PAID
        self.paid_at = at

    def mark_revived(self, *, at: datetime, charged_at: datetime) -> None:
        """Money came, maybe after it had been given up. Raises OrderNotPayable for what nobody agreed to; AnswerAwaited."""
        if self.status == self.Status.CANCELLED:
            self.status = self.Status.EXPIRED
        self.mark_paid(at=at)
        self.charged_at = min(charged_at, at)

    def mark_expired(self) -> None:
        if self.status not in (self.Status.CART, self.Status.AWAITING_PAYMENT):
            raise OrderNotPayable
        self.status = self.Status.EXPIRED

    def mark_cancelled(self) -> None:
        """Give the order up before it is paid. Raises OrderNotPayable when it no longer waits for payment."""
        if self.status != self.Status.AWAITING_PAYMENT:
            raise OrderNotPayable
        self.status = self.Status.CANCELLED
