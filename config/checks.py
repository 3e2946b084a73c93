"""What `manage.py check --deploy` refuses: a start that would not be safe, each with a sentence."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from config.env import KNOWN


@register(Tags.security, deploy=True)
def check_secrets(**kwargs: Any) -> list[CheckMessage]:
    """Refuse to start in production without what keeps people and their money safe."""
    found: list[CheckMessage] = []
    if settings.DEBUG:
        found.append(Error("DEBUG is on.", hint="Unset DEBUG: it shows the sandbox to everybody.", id="linkpool.E001"))
    if settings.SECRET_KEY in (settings.UNSET_SECRET_KEY, "") or len(settings.SECRET_KEY) < 32:
        hint = 'Make one: python3 -c "import secrets; print(secrets.token_urlsafe(50))"'
        found.append(Error("SECRET_KEY is not set, or shorter than 32 characters.", hint=hint, id="linkpool.E002"))
    if not settings.SITE_URL.startswith("https://"):
        hint = "Set SITE_URL to the address that people open, such as https://lessons.example.com."
        found.append(Error("SITE_URL does not start with https://.", hint=hint, id="linkpool.E003"))
    if "*" in settings.ALLOWED_HOSTS:
        found.append(Error("ALLOWED_HOSTS allows every host.", hint="Name your own hosts.", id="linkpool.E004"))
    if not settings.ADMINS:
        hint = "Set ADMINS to the mail addresses of those who should hear of trouble."
        found.append(Warning("Nobody is told when a link is missing.", hint=hint, id="linkpool.W001"))
    return found


@register(Tags.security, deploy=True)
def check_gateways(**kwargs: Any) -> list[CheckMessage]:
    """Warn when nobody could pay."""
    if not settings.DEBUG and not settings.MIDTRANS_SERVER_KEY:
        sentence = KNOWN["MIDTRANS_SERVER_KEY"].sentence
        return [
            Warning(
                "No payment gateway has its keys.",
                hint=f"MIDTRANS_SERVER_KEY: {sentence}",
                id="linkpool.W002",
            )
        ]
    return []
