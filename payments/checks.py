"""What is wrong with the set-up of this app, if anything."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error, Tags, Warning, register

from payments.gateways import listed_gateways


@register(Tags.security, deploy=True)
def check_gateways(**kwargs: Any) -> list[CheckMessage]:
    """Warn of gateways without keys: they are offered to nobody."""
    try:
        gateways = listed_gateways()
    except (ImportError, TypeError) as error:
        hint = 'An entry is {"BACKEND": "path.to.Gateway", "OPTIONS": {...}}.'
        return [Error(f"PAYMENT_GATEWAYS cannot be read: {error}", hint=hint, id="payments.E001")]
    return [
        Warning(
            f"The gateway {gateway.name} has no keys, so nobody can pay with it.",
            hint="Set its keys in the environment, or take it out of PAYMENT_GATEWAYS.",
            id="payments.W001",
        )
        for gateway in gateways
        if not gateway.is_configured
    ]
