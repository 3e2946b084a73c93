"""Midtrans and Stripe on local ports, and our gateways that talk to them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from payments.doubles.midtrans import MidtransDouble
from payments.doubles.stripe import StripeDouble
from payments.gateways.base import Gateway
from payments.gateways.stripe import StripeGateway
from payments.gateways.stripe_client import Patience
from tests.payments.gateways.midtrans_bank import MidtransBank
from tests.payments.gateways.stripe_bank import SECRET_KEY, SECRETS, make_double
from tests.payments.midtrans import SERVER_KEY

HASTY = Patience(timeout=0.3, limit=5, retries=0)


@pytest.fixture
def midtrans() -> Iterator[MidtransDouble]:
    with MidtransDouble(server_key=SERVER_KEY) as double:
        yield double


@pytest.fixture
def till(midtrans: MidtransDouble) -> Gateway:
    return MidtransBank(midtrans).gateway()


@pytest.fixture
def stripe() -> Iterator[StripeDouble]:
    with make_double() as double:
        yield double


@pytest.fixture
def gateway(stripe: StripeDouble) -> StripeGateway:
    """Our side of Stripe, as a site with a usual set-up has it."""
    return StripeGateway(secret_key=SECRET_KEY, webhook_secrets=SECRETS[:1], api_url=stripe.url)


@pytest.fixture
def hasty(stripe: StripeDouble) -> StripeGateway:
    """The same, waiting a moment only and asking once."""
    return StripeGateway(secret_key=SECRET_KEY, webhook_secrets=SECRETS[:1], api_url=stripe.url, patience=HASTY)
