"""Keys of the owner's other programs. Only a digest is kept; the key itself is shown once."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class ApiKey(models.Model):
    class Scope(models.TextChoices):
        MEETINGS = "meetings", _("assign and read meeting links")
        CHECKOUT = "checkout", _("start and verify payments")
        SLOTS = "slots", _("read open slots")

    name = models.CharField(_("name of the program"), max_length=100)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    hint = models.CharField(_("begins with"), max_length=12, editable=False)
    scopes = ArrayField(models.CharField(max_length=20, choices=Scope), verbose_name=pgettext_lazy("an API key", "may"))
    created_at = models.DateTimeField(_("made at"), auto_now_add=True)
    last_used_at = models.DateTimeField(_("last used at"), null=True, editable=False)
    revoked_at = models.DateTimeField(_("revoked at"), null=True, blank=True)

    class Meta:
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.name
