"""People: everybody is a User who can book; a Tutor row makes a tutor, `is_staff` an admin."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Lower
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from bookings import times


def default_time_zone() -> str:
    return str(settings.DEFAULT_TIME_ZONE)


def validate_time_zone(name: str) -> None:
    """Raise ValidationError unless `name` is an IANA time zone."""
    try:
        times.parse_zone(name)
    except ValueError:
        raise ValidationError(_("This is not the name of a time zone. Use one such as Asia/Jakarta.")) from None


class UserManager(BaseUserManager["User"]):
    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email=(username or "").lower())

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Create a person; the e-mail address is the login and is kept in lower case."""
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Create an admin who may do everything."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class User(AbstractBaseUser, PermissionsMixin):
    email = models.EmailField(_("e-mail address"), unique=True)
    full_name = models.CharField(_("name"), max_length=100, blank=True)
    time_zone = models.CharField(_("time zone"), max_length=64, default=default_time_zone, validators=[validate_time_zone])
    language = models.CharField(_("language"), max_length=10, blank=True, help_text=_("Empty: as the browser says."))
    calendar_key = models.CharField(max_length=64, unique=True, null=True, blank=True, editable=False)
    is_staff = models.BooleanField(_("may use the admin"), default=False)
    is_active = models.BooleanField(_("may log in"), default=True)
    date_joined = models.DateTimeField(_("joined at"), default=timezone.now, editable=False)

    objects = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        verbose_name = _("person")
        verbose_name_plural = _("people")
        constraints = [
            models.CheckConstraint(condition=models.Q(email=Lower("email")), name="user_email_is_lower_case"),
        ]

    def __str__(self) -> str:
        return self.full_name or self.email

    def clean(self) -> None:
        super().clean()
        self.email = self.email.strip().lower()

    def get_full_name(self) -> str:
        return str(self)

    def get_short_name(self) -> str:
        return self.full_name.split(" ")[0] if self.full_name else self.email


class TutorQuerySet(models.QuerySet["Tutor"]):
    def listed(self) -> TutorQuerySet:
        """Tutors whom students can find and book."""
        return self.filter(is_approved=True, is_paused=False, user__is_active=True).select_related("user")


def pool_only() -> list[str]:
    """Return where a tutor's sessions are held if not at the first choice."""
    return ["pool"]


class Tutor(models.Model):
    user = models.OneToOneField(User, on_delete=models.PROTECT, related_name="tutor", verbose_name=_("person"))
    slug = models.SlugField(_("address on the site"), unique=True)
    headline = models.CharField(_("headline"), max_length=120, blank=True)
    bio = models.TextField(_("about"), max_length=4000, blank=True)
    subjects = models.CharField(_("subjects"), max_length=200, blank=True, help_text=_("Separated by commas."))
    time_zone = models.CharField(
        _("time zone of the hours"), max_length=64, default=default_time_zone, validators=[validate_time_zone]
    )
    is_approved = models.BooleanField(_("approved"), default=False)
    is_paused = models.BooleanField(_("paused"), default=False)
    notice_minutes = models.PositiveIntegerField(_("minimum notice in minutes"), default=120)
    horizon_days = models.PositiveIntegerField(_("bookable days ahead"), default=60)
    buffer_before_minutes = models.PositiveIntegerField(_("free minutes before a session"), default=0)
    buffer_after_minutes = models.PositiveIntegerField(_("free minutes after a session"), default=0)
    slot_step_minutes = models.PositiveIntegerField(
        _("minutes between start times"), null=True, blank=True, help_text=_("Empty: the usual step.")
    )
    daily_limit = models.PositiveIntegerField(
        _("sessions a day at most"), null=True, blank=True, help_text=_("Empty: no limit.")
    )
    approves_first = models.BooleanField(_("approves requests first"), default=False)
    fee_percent = models.PositiveSmallIntegerField(
        _("fee of the site in percent"), null=True, blank=True, help_text=_("Empty: the usual fee.")
    )
    meeting_provider = models.CharField(_("where sessions are held"), max_length=20, default="pool")
    fallback_providers = ArrayField(
        models.CharField(max_length=20),
        default=pool_only,
        blank=True,
        verbose_name=_("where else, in this order"),
        help_text=_("Taken when a session cannot be held at the first place. After the last one a person is asked."),
    )

    objects = TutorQuerySet.as_manager()

    class Meta:
        verbose_name = _("tutor")
        verbose_name_plural = _("tutors")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(horizon_days__lte=366) & models.Q(notice_minutes__lte=60 * 24 * 60),
                name="tutor_rules_within_reason",
            ),
            models.CheckConstraint(
                condition=models.Q(buffer_before_minutes__lte=1440) & models.Q(buffer_after_minutes__lte=1440),
                name="tutor_buffers_within_a_day",
            ),
            models.CheckConstraint(
                condition=models.Q(slot_step_minutes=None) | models.Q(slot_step_minutes__range=(5, 1440)),
                name="tutor_slot_step_within_a_day",
            ),
            models.CheckConstraint(
                condition=models.Q(fee_percent=None) | models.Q(fee_percent__lte=100), name="tutor_fee_within_100_percent"
            ),
            models.CheckConstraint(
                condition=models.Q(daily_limit=None) | models.Q(daily_limit__gte=1),
                name="tutor_daily_limit_positive",
            ),
        ]

    def __str__(self) -> str:
        return str(self.user)

    def get_absolute_url(self) -> str:
        return reverse("bookings:tutor_detail", args=[self.slug])

    @property
    def platform_fee_percent(self) -> int:
        """What the site keeps of what stays of a session's price, in percent."""
        usual: int = settings.PLATFORM_FEE_PERCENT
        return usual if self.fee_percent is None else self.fee_percent

    @property
    def subject_list(self) -> list[str]:
        return [part.strip() for part in self.subjects.split(",") if part.strip()]
