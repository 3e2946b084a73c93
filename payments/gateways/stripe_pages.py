"""What Stripe is asked for when a payment page is opened."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from django.utils.translation import gettext as _
from stripe.params.checkout import SessionCreateParams

from bookings.money import Money
from payments.errors import GatewayRefused, GatewayUnavailable
from payments.gateways.base import CheckoutItem, CheckoutPage, CheckoutRequest
from payments.gateways.stripe_amounts import to_minor
from payments.gateways.stripe_words import ATTEMPT, text

SHORTEST = timedelta(minutes=31)  # Stripe asks for 30 from its own clock on
LONGEST = timedelta(hours=23, minutes=55)  # and allows 24 hours
_MOST_LINES = 100
_LONGEST_NAME = 250
_LONGEST_URL = 5000


def session_wanted(request: CheckoutRequest) -> SessionCreateParams:
    """Return the parameters of a session. The same request gives the same ones: its key may be used again only with them.

    Raises GatewayRefused when Stripe cannot be asked for exactly this sum.
    """
    ours = {ATTEMPT: request.reference}
    until = min(max(request.expires_at, request.made_at + SHORTEST), request.made_at + LONGEST)
    return {
        "mode": "payment",
        "client_reference_id": request.reference,
        "metadata": ours,
        # Stripe does not copy what a session knows: without it, refunds and disputes would come without our reference.
        "payment_intent_data": {"metadata": ours},
        "customer_email": request.payer_email,
        "line_items": [_line(item) for item in _lines(request)],
        "adaptive_pricing": {"enabled": False},  # or the payer would be shown another currency than ours
        "success_url": request.return_url,
        "cancel_url": request.return_url,
        "expires_at": int(until.timestamp()),
    }


def page_of(session: dict[str, Any], *, api_url: str) -> CheckoutPage:
    """Return where the payer goes. Raises GatewayUnavailable if the answer names no page that can be trusted."""
    token, url = text(session, "id"), text(session, "url")
    allowed = {"https", urlsplit(api_url).scheme}
    if not token or len(token) > 200 or urlsplit(url).scheme not in allowed or len(url) > _LONGEST_URL:
        raise GatewayUnavailable("Stripe answered without a payment page")
    return CheckoutPage(url=url, token=token)


def _lines(request: CheckoutRequest) -> Sequence[CheckoutItem]:
    """Return the lines to be shown. Stripe has none below zero, so a discount leaves a single one."""
    charged = [item for item in request.items if item.money.amount > 0]
    if len(charged) == len(request.items) and len(charged) <= _MOST_LINES:
        return charged
    names = ", ".join(item.name for item in charged)
    if sum((item.money for item in charged), Money(0, request.money.currency)) != request.money:
        names = _("%(sessions)s (discount included)") % {"sessions": _shortened(names, _LONGEST_NAME - 60)}
    return [CheckoutItem(request.reference, names, request.money)]


def _line(item: CheckoutItem) -> Any:
    try:
        amount = to_minor(item.money)
    except ValueError as error:
        raise GatewayRefused(str(error)) from None
    product = {"name": _shortened(item.name, _LONGEST_NAME) or item.id}
    return {
        "quantity": 1,
        "price_data": {"currency": item.money.currency.lower(), "unit_amount": amount, "product_data": product},
    }


def _shortened(name: str, most: int) -> str:
    return name if len(name) <= most else name[: most - 1].rstrip() + "…"
