"""Which providers tutors can connect, as settings.MEETING_PROVIDERS names them in "OAUTH"."""

from __future__ import annotations

from django.conf import settings
from django.utils.module_loading import import_string

from meetings.oauth.base import OAuthVendor


def get_vendor(provider: str) -> OAuthVendor:
    """Return the vendor that gives consents for this provider. Raises KeyError if there is none."""
    entry = settings.MEETING_PROVIDERS[provider]["OAUTH"]
    vendor: OAuthVendor = import_string(entry["BACKEND"])(**entry["OPTIONS"])
    return vendor


def has_vendor(provider: str) -> bool:
    """Say whether tutors can connect an account for this provider: it is listed and the site has its keys."""
    entry = settings.MEETING_PROVIDERS.get(provider, {})
    return bool(entry.get("OAUTH")) and get_vendor(provider).is_configured
