from __future__ import annotations

from typing import Any

import pytest

from payments.checks import check_gateways
from payments.gateways.stripe import StripeGateway

USUAL = {"secret_key": "sk_live_KEY", "webhook_secrets": ["whsec_1"], "api_url": "https://api.stripe.com"}


def gateway(**changes: Any) -> StripeGateway:
    return StripeGateway(**{**USUAL, **changes})


@pytest.mark.parametrize(
    ("changes", "is_configured"),
    [
        ({}, True),
        ({"webhook_secrets": ["whsec_1", "whsec_2"]}, True),
        ({"webhook_secrets": []}, False),
        ({"webhook_secrets": [""]}, False),
        ({"secret_key": ""}, False),
    ],
)
def test_key_and_secret_are_both_needed(changes: dict[str, Any], is_configured: bool):
    assert gateway(**changes).is_configured is is_configured


@pytest.mark.parametrize(
    ("changes", "site_url", "word"),
    [
        ({}, "https://lessons.example.com", None),
        ({"secret_key": "rk_live_KEY"}, "https://lessons.example.com", None),
        ({"secret_key": "", "webhook_secrets": []}, "https://lessons.example.com", None),
        ({"webhook_secrets": []}, "https://lessons.example.com", "STRIPE_WEBHOOK_SECRETS is not"),
        ({"secret_key": ""}, "https://lessons.example.com", "STRIPE_SECRET_KEY is not"),
        ({"secret_key": "pk_live_KEY"}, "https://lessons.example.com", "not a secret key"),
        ({"webhook_secrets": ["sk_live_KEY"]}, "https://lessons.example.com", "whsec_"),
        ({"api_url": "http://127.0.0.1:8310"}, "https://lessons.example.com", "STRIPE_API_URL"),
        ({}, "http://lessons.example.com", "SITE_URL"),
        ({}, "https://localhost:8000", "SITE_URL"),
        ({"secret_key": "sk_test_KEY"}, "https://lessons.example.com", "test key"),
    ],
)
def test_what_looks_wrong_is_told_in_a_sentence_without_the_key(changes: dict[str, Any], site_url: str, word: str | None):
    doubts = gateway(**changes).doubts(site_url=site_url)
    assert len(doubts) == (word is not None)
    assert not word or word in doubts[0]
    assert "KEY" not in "".join(doubts).replace("STRIPE_SECRET_KEY", "")


def test_check_tells_what_looks_wrong(settings: Any):
    options = {**USUAL, "webhook_secrets": []}
    settings.SITE_URL = "https://lessons.example.com"
    entry = {"BACKEND": "payments.gateways.stripe.StripeGateway", "OPTIONS": options}
    settings.PAYMENT_GATEWAYS = {**settings.PAYMENT_GATEWAYS, "stripe": entry}
    assert [(message.id, message.msg[:20]) for message in check_gateways()] == [("payments.W002", "STRIPE_SECRET_KEY is")]
