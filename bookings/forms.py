"""What people fill in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from bookings import times
from bookings.errors import InvalidInput
from bookings.models import Notice, SessionType, Tutor, User
from bookings.typed_words import NameField

# Nobody books further ahead than a year and a day: a time beyond that was typed by hand.
FURTHEST = timedelta(days=400)


class TimeZoneField(forms.ChoiceField):
    """A choice of IANA zones that also takes older names, which some browsers send."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(choices=times.zone_choices, **kwargs)

    def valid_value(self, value: Any) -> bool:
        try:
            times.parse_zone(str(value))
        except ValueError:
            return False
        return True


def language_choices() -> list[tuple[str, str | Promise]]:
    """Return the languages, each by its own name; whoever chooses none reads what the browser asks for."""
    return [("", _("As the browser says")), *settings.LANGUAGES]


class SignupForm(forms.Form):
    """Asked beside e-mail and password; the zone is guessed by the browser and may be empty."""

    full_name = NameField(label=_("Your name"), max_length=100)
    time_zone = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput({"data-guess": ""}))

    field_order = ["full_name", "email", "password1"]

    def clean_time_zone(self) -> str:
        """A guess that is no zone is dropped, not refused: the person did not type it."""
        try:
            return times.parse_zone(self.cleaned_data["time_zone"]).key
        except ValueError:
            return str(settings.DEFAULT_TIME_ZONE)

    def signup(self, request: Any, user: User) -> None:
        """Nothing to add: the account adapter keeps the fields."""


class ProfileForm(forms.ModelForm[User]):
    full_name = NameField(label=_("Your name"), max_length=100)
    time_zone = TimeZoneField(label=_("Time zone"), help_text=_("Every time on the site is shown in it."))
    language = forms.ChoiceField(
        label=_("Language"), choices=language_choices, required=False, help_text=_("Of the pages, and of our mails to you.")
    )

    class Meta:
        model = User
        fields = ["full_name", "time_zone", "language"]


class LanguageForm(forms.Form):
    """The choice at the end of every page."""

    language = forms.ChoiceField(choices=settings.LANGUAGES)


class TimeZoneForm(forms.Form):
    """The one question that a browser can answer by itself."""

    time_zone = TimeZoneField()


class SearchForm(forms.Form):
    """What a visitor looks for among the tutors."""

    q = forms.CharField(label=_("Subject or name"), max_length=100, required=False, strip=True)

    def words(self) -> list[str]:
        """Return the words looked for; a search that cannot be read looks for nothing."""
        return str(self.cleaned_data["q"]).split() if self.is_valid() else []


class DayForm(forms.Form):
    """One day in an address, such as 2026-03-01."""

    day = forms.DateField(input_formats=["%Y-%m-%d"])

    @classmethod
    def read(cls, raw: str) -> date | None:
        """Return the day, or None for what is no day of the calendar."""
        form = cls({"day": raw})
        return form.cleaned_data["day"] if form.is_valid() else None


class InstantField(forms.Field):
    """An instant such as 2026-03-01T10:00:00Z; its zone or offset must be said."""

    default_error_messages = {"instant": _("This is not a time that can be booked. Please choose one from the list.")}

    def to_python(self, value: Any) -> datetime | None:
        """Return the instant in UTC. Raises ValidationError, also for years that nobody books."""
        if value in self.empty_values:
            return None
        text = str(value).strip()
        try:
            instant = times.as_utc(datetime.fromisoformat(text))
        except ValueError:
            raise self._refusal() from None
        if "\0" in text:  # Python reads no further than there
            raise self._refusal()
        if abs(instant - timezone.now()) > FURTHEST:
            raise self._refusal()
        return instant

    def _refusal(self) -> forms.ValidationError:
        return forms.ValidationError(self.error_messages["instant"], code="instant")


@dataclass(frozen=True)
class ChosenSlot:
    """What somebody asks to hold, as said by their browser: nothing of it is believed but the wish."""

    session_type: SessionType
    starts_at: datetime

    @property
    def ends_at(self) -> datetime:
        return self.starts_at + timedelta(minutes=self.session_type.minutes)


class SlotForm(forms.Form):
    """Which session of this tutor, and from when (an instant)."""

    session_type = forms.SlugField(
        error_messages={"required": _("Please choose a session first."), "invalid": _("There is no such session.")}
    )
    starts_at = InstantField(error_messages={"required": _("Please choose a time first.")})

    def __init__(self, *args: Any, tutor: Tutor, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._tutor = tutor

    def clean_session_type(self) -> SessionType:
        found = self._tutor.session_types.on_sale().filter(slug=self.cleaned_data["session_type"]).first()
        if found is None:
            raise forms.ValidationError(_("This tutor does not offer that session any more. Please choose another one."))
        found.tutor = self._tutor  # already loaded, with its person
        return found

    def validated(self) -> ChosenSlot:
        """Return the wish. Raises InvalidInput with the first thing that is wrong."""
        if not self.is_valid():
            raise InvalidInput(str(next(iter(self.errors.values()))[0]))
        return ChosenSlot(**self.cleaned_data)


class InvitationForm(forms.Form):
    """Whom somebody wants to book for. The name goes into a mail: it must be one, not a message with an address in it."""

    name = NameField(label=_("Their name"), max_length=60)
    email = forms.EmailField(label=_("Their e-mail address"), max_length=254)

    def clean_name(self) -> str:
        name = str(self.cleaned_data["name"])
        if any(sign in name for sign in "/@:<>") or "www." in name.lower():
            raise forms.ValidationError(_("Please write a name only."))
        return name


class NoticeForm(forms.Form):
    """Which of their notices somebody opens: the fact and its key."""

    fact = forms.ChoiceField(choices=Notice.Fact.choices)
    key = forms.CharField(max_length=120)


class ReadForm(forms.Form):
    """Up to when somebody has seen their notices: what comes after the list was shown stays new."""

    until = InstantField()

    @classmethod
    def read(cls, sent: Any) -> datetime:
        """Return the moment; now if it was not told."""
        form = cls(sent)
        until: datetime = form.cleaned_data["until"] if form.is_valid() else timezone.now()
        return until
