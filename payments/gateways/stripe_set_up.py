"""What looks wrong with how Stripe is set up, told to the owner by `manage.py check --deploy`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

_LIVE = ("sk_live_", "rk_live_")
_TEST = ("sk_test_", "rk_test_")
_HOST = "api.stripe.com"
_LOCAL = ("localhost", "127.0.0.1", "::1")


def is_live_key(secret_key: str) -> bool:
    """Return whether this key moves real money."""
    return secret_key.startswith(_LIVE)


def find_doubts(*, secret_key: str, secrets: Sequence[str], api_url: str, site_url: str) -> Iterator[str]:
    """Yield a sentence for each thing that looks wrong, without any part of a key."""
    if not secret_key and not secrets:
        return
    if not secret_key:
        yield "STRIPE_WEBHOOK_SECRETS is set, but STRIPE_SECRET_KEY is not: nobody can pay with Stripe."
        return
    if not secrets:
        yield "STRIPE_SECRET_KEY is set, but STRIPE_WEBHOOK_SECRETS is not: nobody can pay with Stripe."
    if not secret_key.startswith(_LIVE + _TEST):
        yield "STRIPE_SECRET_KEY is not a secret key: those begin with sk_live_, rk_live_, sk_test_ or rk_test_."
    if any(not secret.startswith("whsec_") for secret in secrets):
        yield "STRIPE_WEBHOOK_SECRETS holds something else than signing secrets: those begin with whsec_."
    is_at_stripe, site = urlsplit(api_url).hostname == _HOST, urlsplit(site_url)
    if is_live_key(secret_key) and not is_at_stripe:
        yield f"Stripe's key is a live one, but STRIPE_API_URL is not https://{_HOST}: the key is sent elsewhere."
    if is_live_key(secret_key) and (site.scheme != "https" or site.hostname in _LOCAL):
        yield "Stripe's key is a live one, but SITE_URL is not a public https address: Stripe cannot tell who has paid."
    if secret_key.startswith(_TEST):
        yield "Stripe's key is a test key: nobody's money moves."
