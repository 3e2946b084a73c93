"""A consent: a tutor's account at a provider, or one of the owner of the site, with which meetings are made."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from bookings.kept import Kept
from bookings.models import Tutor, User
from meetings.models.fields import EncryptedField

UNREADABLE = Kept("What we keep of this connection can no longer be read. Our team has been told.")


class VideoConnectionQuerySet(models.QuerySet["VideoConnection"]):
    def visible_to(self, user: User) -> VideoConnectionQuerySet:
        """The connections of this person as a tutor."""
        return self.filter(tutor__user=user)

    def connected(self) -> VideoConnectionQuerySet:
        """Those that were not disconnected; a broken one waits for its owner."""
        return self.filter(disconnected_at=None)

    def usable(self) -> VideoConnectionQuerySet:
        return self.connected().filter(status=VideoConnection.Status.ACTIVE)


class VideoConnectionManager(models.Manager.from_queryset(VideoConnectionQuerySet)):  # type: ignore[misc]
    def get_queryset(self) -> VideoConnectionQuerySet:
        """Leave the tokens where they are: only who calls the vendor reads them, and only there a wrong key matters."""
        found: VideoConnectionQuerySet = super().get_queryset().defer("access_token", "refresh_token")
        return found


class VideoConnection(models.Model):
    """One account, the site's own where there is no tutor. It is kept when disconnected: its rooms are closed with it."""

    class Provider(models.TextChoices):
        GOOGLE = "google", "Google"
        ZOOM = "zoom", "Zoom"

    class Status(models.TextChoices):
        ACTIVE = "active", _("works")
        BROKEN = "broken", _("must be connected again")

    tutor = models.ForeignKey(
        Tutor,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="video_connections",
        verbose_name=_("tutor"),
        help_text=_("Empty: the account of the site."),
    )
    provider = models.CharField(_("provider"), max_length=20, choices=Provider)
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.ACTIVE)
    account = models.CharField(_("account"), max_length=254, blank=True)
    account_id = models.CharField(max_length=200, blank=True, editable=False)
    scopes = models.TextField(_("rights"), blank=True, editable=False)
    access_token = EncryptedField(blank=True, editable=False)
    refresh_token = EncryptedField(blank=True, editable=False)
    base_url = models.URLField(max_length=300, blank=True, editable=False)
    expires_at = models.DateTimeField(_("token good until"), null=True, blank=True, editable=False)
    grant_ends_at = models.DateTimeField(_("consent ends at"), null=True, blank=True, editable=False)
    broken_why = models.CharField(_("why it broke"), max_length=500, blank=True, editable=False)
    broken_at = models.DateTimeField(_("broken at"), null=True, blank=True, editable=False)
    told_at = models.DateTimeField(_("tutor told at"), null=True, blank=True, editable=False)
    can_host = models.BooleanField(_("can hold meetings"), default=True, editable=False)
    remark = models.CharField(_("remark"), max_length=500, blank=True, editable=False)
    # What the account's plan or policy forbids, until a room is made with it again.
    refused_why = models.CharField(_("why it refused"), max_length=500, blank=True, default="", editable=False)
    checked_at = models.DateTimeField(_("checked at"), null=True, blank=True, editable=False)
    paused_until = models.DateTimeField(_("left alone until"), null=True, blank=True, editable=False)
    connected_at = models.DateTimeField(_("connected at"))
    last_refreshed_at = models.DateTimeField(_("token renewed at"), null=True, blank=True, editable=False)
    last_used_at = models.DateTimeField(_("last used at"), null=True, blank=True, editable=False)
    disconnected_at = models.DateTimeField(_("disconnected at"), null=True, blank=True, editable=False)

    objects = VideoConnectionManager()

    class Meta:
        verbose_name = _("connection")
        verbose_name_plural = _("connections")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["tutor", "provider"],
                condition=Q(disconnected_at=None),
                nulls_distinct=False,
                name="video_connection_once_per_provider",
            ),
            models.CheckConstraint(condition=Q(provider__in=["google", "zoom"]), name="video_connection_provider_is_known"),
            models.CheckConstraint(
                condition=Q(status="active", broken_at=None) | Q(status="broken", broken_at__isnull=False),
                name="video_connection_broken_has_its_time",
            ),
        ]
        indexes = [
            models.Index(
                fields=["broken_at"], condition=Q(status="broken", disconnected_at=None), name="video_connection_broken"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_provider_display()}: {self.account or '–'}"

    @property
    def is_usable(self) -> bool:
        return self.status == self.Status.ACTIVE and self.disconnected_at is None

    @property
    def is_unreadable(self) -> bool:
        """True when no key of TOKEN_KEYS opened its tokens: it works again as soon as that key is back."""
        return self.broken_why == UNREADABLE()

    @property
    def granted(self) -> frozenset[str]:
        """Return the rights that were given, as the vendor names them."""
        return frozenset(self.scopes.split())
