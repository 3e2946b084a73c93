"""What a tutor sells."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from bookings.models.people import Tutor
from bookings.money import Money


def default_currency() -> str:
    return str(settings.DEFAULT_CURRENCY)


class SessionTypeQuerySet(models.QuerySet["SessionType"]):
    def on_sale(self) -> SessionTypeQuerySet:
        return self.filter(is_active=True)


class SessionType(models.Model):
    tutor = models.ForeignKey(Tutor, on_delete=models.PROTECT, related_name="session_types", verbose_name=_("tutor"))
    slug = models.SlugField(_("short name in addresses"))
    name = models.CharField(_("name"), max_length=100)
    minutes = models.PositiveIntegerField(_("length in minutes"))
    price = models.PositiveBigIntegerField(
        _("price"), help_text=_("In the smallest unit kept: whole rupiah, but cents for dollars.")
    )
    currency = models.CharField(_("currency"), max_length=3, default=default_currency)
    is_active = models.BooleanField(_("on sale"), default=True)
    first_one_free = models.BooleanField(_("first one is free"), default=False)

    objects = SessionTypeQuerySet.as_manager()

    class Meta:
        verbose_name = _("session type")
        verbose_name_plural = _("session types")
        ordering = ["minutes", "price", "id"]
        constraints = [
            models.UniqueConstraint(fields=["tutor", "slug"], name="session_type_slug_unique_per_tutor"),
            models.CheckConstraint(condition=models.Q(minutes__range=(5, 1440)), name="session_type_minutes_within_a_day"),
            models.CheckConstraint(
                condition=models.Q(currency__regex=r"^[A-Z]{3}$"), name="session_type_currency_is_a_code"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def money(self) -> Money:
        """The price of one session."""
        return Money(self.price, self.currency)
