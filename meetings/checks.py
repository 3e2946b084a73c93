"""What is wrong with the set-up of this app, if anything."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from meetings.models.fields import are_keys_good
from meetings.oauth import has_vendor
from meetings.providers import set_ups

SEE_GUIDE = "docs/operating.md tells how each provider is set up."


@register(Tags.security, deploy=True)
def check_providers(**kwargs: Any) -> list[CheckMessage]:
    """Warn of what looks wrong with a provider. One without keys is just not offered."""
    try:
        providers = set_ups()
    except (ImportError, TypeError, KeyError) as error:
        hint = 'An entry is {"BACKEND": "path.to.Provider", "OPTIONS": {...}}.'
        return [Error(f"MEETING_PROVIDERS cannot be read: {error}", hint=hint, id="meetings.E001")]
    return [Warning(doubt, hint=SEE_GUIDE, id="meetings.W001") for provider in providers for doubt in provider.doubts]


@register(Tags.security, deploy=True)
def check_token_keys(**kwargs: Any) -> list[CheckMessage]:
    """Refuse keys that encrypt nothing, and none at all, where tutors can connect accounts."""
    if are_keys_good() or not any(map(has_vendor, settings.MEETING_PROVIDERS)):
        return []
    hint = 'Make one: python3 -c "import base64, os; print(base64.urlsafe_b64encode(os.urandom(32)).decode())"'
    fact = "TOKEN_KEYS is missing or holds what is no Fernet key, so no tutor can connect an account."
    return [Error(fact, hint=hint, id="meetings.E002")]
