"""Codes that make an order cheaper. What one is worth is reckoned here by the server, never by a browser."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Upper
from django.utils.translation import gettext_lazy as _

from bookings.models.people import Tutor


class PromoCode(models.Model):
    """Typed in any case, kept in capitals. Uses are counted from the orders, under the lock of this row."""

    class Kind(models.TextChoices):
        PERCENT = "percent", _("percent off")
        FIXED = "fixed", _("a fixed sum off")
        FREE = "free", _("free of charge")

    code = models.CharField(_("code"), max_length=30, unique=True)
    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    percent = models.PositiveSmallIntegerField(_("percent"), null=True, blank=True)
    amount = models.PositiveBigIntegerField(
        _("sum"), null=True, blank=True, help_text=_("In the smallest unit kept: whole rupiah, but cents for dollars.")
    )
    currency = models.CharField(_("currency"), max_length=3, blank=True, help_text=_("Needed for sums."))
    tutor = models.ForeignKey(
        Tutor,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="promo_codes",
        help_text=_("Empty: for sessions with every tutor."),
        verbose_name=_("tutor"),
    )
    valid_from = models.DateTimeField(_("valid from"), null=True, blank=True)
    valid_until = models.DateTimeField(_("valid until"), null=True, blank=True)
    uses_allowed = models.PositiveIntegerField(_("uses in all"), null=True, blank=True, help_text=_("Empty: no limit."))
    uses_per_person = models.PositiveIntegerField(
        _("uses per person"), null=True, blank=True, default=1, help_text=_("Empty: no limit.")
    )
    first_booking_only = models.BooleanField(_("for a first booking only"), default=False)
    minimum_total = models.PositiveBigIntegerField(_("for orders from"), null=True, blank=True)
    is_active = models.BooleanField(_("active"), default=True)
    note = models.CharField(_("note"), max_length=200, blank=True)
    created_at = models.DateTimeField(_("made at"), auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        editable=False,
        verbose_name=_("made by"),
    )

    class Meta:
        verbose_name = _("promo code")
        verbose_name_plural = _("promo codes")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(code=Upper("code")), name="promo_code_is_in_capitals"),
            models.CheckConstraint(
                condition=Q(kind="percent", percent__range=(1, 100), amount=None)
                | Q(kind="fixed", amount__gte=1, percent=None, currency__regex=r"^[A-Z]{3}$")
                | Q(kind="free", percent=None, amount=None),
                name="promo_code_has_what_its_kind_needs",
            ),
            models.CheckConstraint(
                condition=Q(minimum_total=None) | Q(currency__regex=r"^[A-Z]{3}$"),
                name="promo_code_minimum_has_a_currency",
            ),
            models.CheckConstraint(
                condition=Q(valid_from=None) | Q(valid_until=None) | Q(valid_until__gt=F("valid_from")),
                name="promo_code_ends_after_start",
            ),
        ]

    def __str__(self) -> str:
        return self.code
