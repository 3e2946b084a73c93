"""The providers of this site, as settings.MEETING_PROVIDERS names them (the shape of Django's STORAGES)."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.utils.module_loading import import_string

from meetings.providers.base import Provider, RoomMaker


def get_provider(name: str) -> Provider:
    """Return the provider of that name. Raises KeyError if this site does not offer it."""
    entry = settings.MEETING_PROVIDERS[name]
    provider: Provider = import_string(entry["BACKEND"])(**entry["OPTIONS"])
    return provider


def find_maker(name: str) -> RoomMaker | None:
    """Return the provider of that name if it is offered and makes rooms."""
    provider = get_provider(name) if is_offered(name) else None
    return provider if isinstance(provider, RoomMaker) else None


def is_offered(name: str) -> bool:
    """Say whether meetings can be held there on this site: it is listed and has its keys."""
    return name in settings.MEETING_PROVIDERS and get_provider(name).is_configured


def provider_label(name: str) -> str:
    """Return what people read for a provider; its plain name where this site does not list it any more."""
    return str(get_provider(name).label) if name in settings.MEETING_PROVIDERS else name


def provider_choices() -> list[tuple[str, str]]:
    """Return (name, label) of all that are offered, for forms."""
    return [(name, str(get_provider(name).label)) for name in settings.MEETING_PROVIDERS if is_offered(name)]


@dataclass(frozen=True)
class SetUp:
    """How a provider is set up, for those who run the site: `doubts` are sentences."""

    label: str
    is_offered: bool
    doubts: list[str]


def set_ups() -> list[SetUp]:
    """Return how each provider of the settings is set up, the order theirs."""
    found = [get_provider(name) for name in settings.MEETING_PROVIDERS]
    return [SetUp(str(one.label), one.is_configured, one.doubts()) for one in found]
