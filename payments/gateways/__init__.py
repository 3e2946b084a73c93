"""The gateways that `PAYMENT_GATEWAYS` names: `{"acme": {"BACKEND": "path.to.AcmeGateway", "OPTIONS": {...}}}`."""

from __future__ import annotations

from django.conf import settings
from django.utils.module_loading import import_string

from bookings.money import Money
from payments.errors import GatewayNotOffered, GatewayUnknown
from payments.gateways.base import Attempt, Gateway
from payments.models import Payment


def get_gateway(name: str) -> Gateway:
    """Return the gateway of that name. Raises GatewayUnknown, also when it has no keys."""
    entry = settings.PAYMENT_GATEWAYS.get(name)
    if entry is None:
        raise GatewayUnknown
    gateway: Gateway = import_string(entry["BACKEND"])(**entry.get("OPTIONS", {}))
    if not gateway.is_configured:
        raise GatewayUnknown
    return gateway


def listed_gateways() -> list[Gateway]:
    """Return every gateway of the settings, with or without its keys."""
    entries = settings.PAYMENT_GATEWAYS.values()
    return [import_string(entry["BACKEND"])(**entry.get("OPTIONS", {})) for entry in entries]


def offered_gateways(money: Money) -> list[Gateway]:
    """Return the gateways at which this can be paid, in the order of the settings."""
    return [gateway for gateway in listed_gateways() if gateway.is_configured and gateway.can_take(money)]


def require_offered(name: str, money: Money) -> Gateway:
    """Return the chosen gateway. Raises GatewayNotOffered."""
    for gateway in offered_gateways(money):
        if gateway.name == name:
            return gateway
    raise GatewayNotOffered


def attempt_of(payment: Payment) -> Attempt:
    """Return what a gateway must know of an attempt to be asked about it."""
    page = payment.page_of or payment
    return Attempt(page.reference, payment.checkout_token, payment.external_id, page.created_at)
