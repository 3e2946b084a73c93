"""The history: who changed what, from what to what, why and when. Written once, never altered."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from bookings.models.bookings import Booking
from bookings.models.orders import Order


class Change(models.Model):
    """One line of history. No `who` means that the site itself did it."""

    at = models.DateTimeField(_("when"), auto_now_add=True)
    who = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("who")
    )
    order = models.ForeignKey(
        Order, on_delete=models.PROTECT, null=True, blank=True, related_name="changes", verbose_name=_("order")
    )
    booking = models.ForeignKey(
        Booking, on_delete=models.PROTECT, null=True, blank=True, related_name="changes", verbose_name=_("booking")
    )
    what = models.CharField(_("what"), max_length=60)
    was = models.CharField(pgettext_lazy("a change", "from"), max_length=200, blank=True)
    became = models.CharField(pgettext_lazy("a change", "to"), max_length=200, blank=True)
    why = models.CharField(_("why"), max_length=500, blank=True)

    class Meta:
        verbose_name = _("change")
        verbose_name_plural = _("history")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(order__isnull=False) | models.Q(booking__isnull=False),
                name="change_is_of_something",
            )
        ]

    def __str__(self) -> str:
        return f"{self.what}: {self.was} → {self.became}"
