"""The settings of gateways and of the books. `settings.py` takes them over; they have a file of their own for its length."""

from __future__ import annotations

from typing import Any

from config import env

env.begin_group("Payments")
SANDBOX_SECRET = env.text("SANDBOX_SECRET", "sandbox-signing-secret", "Signs the sandbox gateway's messages.")
MIDTRANS_SERVER_KEY = env.text("MIDTRANS_SERVER_KEY", "", "Midtrans server key; empty = not offered.")
MIDTRANS_SNAP_URL = env.address(
    "MIDTRANS_SNAP_URL", "https://app.sandbox.midtrans.com/snap/v1", "Where Midtrans payment pages are made."
)
MIDTRANS_API_URL = env.address(
    "MIDTRANS_API_URL", "https://api.sandbox.midtrans.com", "Where Midtrans tells a payment's status."
)
STRIPE_SECRET_KEY = env.text("STRIPE_SECRET_KEY", "", "Stripe secret key; empty = not offered.")
STRIPE_WEBHOOK_SECRETS = env.listed(
    "STRIPE_WEBHOOK_SECRETS", [], "The signing secrets of the webhook endpoint; several while one is replaced."
)
STRIPE_API_URL = env.address("STRIPE_API_URL", "https://api.stripe.com", "Where Stripe is called.")
WEBHOOK_KEPT_DAYS = env.whole(
    "WEBHOOK_KEPT_DAYS", 400, "How long the body of a gateway's message is kept once it is applied.", least=30
)
PLATFORM_FEE_PERCENT = env.whole(
    "PLATFORM_FEE_PERCENT", 0, "What the site keeps of a tutor's session, in percent.", most=100
)
EARNINGS_HELD_DAYS = env.whole(
    "EARNINGS_HELD_DAYS", 7, "How long after a session its earning is held before it can be paid out.", most=365
)

PAYMENT_GATEWAYS: dict[str, dict[str, Any]] = {
    "midtrans": {
        "BACKEND": "payments.gateways.midtrans.MidtransGateway",
        "OPTIONS": {
            "server_key": MIDTRANS_SERVER_KEY,
            "snap_url": MIDTRANS_SNAP_URL,
            "api_url": MIDTRANS_API_URL,
        },
    },
    "stripe": {
        "BACKEND": "payments.gateways.stripe.StripeGateway",
        "OPTIONS": {
            "secret_key": STRIPE_SECRET_KEY,
            "webhook_secrets": STRIPE_WEBHOOK_SECRETS,
            "api_url": STRIPE_API_URL,
        },
    },
}
