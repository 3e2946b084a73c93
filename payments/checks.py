"""What is wrong with the set-up of this app, if anything."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from payments.gateways import listed_gateways

SEE_GUIDE = "docs/operating.md tells how each gateway is set up."


@register(Tags.security, deploy=True)
def check_gateways(**kwargs: Any) -> list[CheckMessage]:
    """Warn when nobody can pay, and of what looks wrong with a gateway. One without keys is just not offered."""
    try:
        gateways = listed_gateways()
    except (ImportError, TypeError) as error:
        hint = 'An entry is {"BACKEND": "path.to.Gateway", "OPTIONS": {...}}.'
        return [Error(f"PAYMENT_GATEWAYS cannot be read: {error}", hint=hint, id="payments.E001")]
    found: list[CheckMessage] = []
    if not any(gateway.is_configured for gateway in gateways):
        hint = "Set the keys of one of them in the environment."
        found.append(Warning("No payment gateway has its keys, so nobody can pay.", hint=hint, id="payments.W001"))
    for gateway in gateways:
        found += [Warning(doubt, hint=SEE_GUIDE, id="payments.W002") for doubt in gateway.doubts(site_url=settings.SITE_URL)]
    return found
