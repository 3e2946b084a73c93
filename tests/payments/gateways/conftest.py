"""Midtrans on a local port, and our gateway that talks to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from payments.doubles.midtrans import MidtransDouble
from payments.gateways.base import Gateway
from tests.payments.gateways.midtrans_bank import MidtransBank
from tests.payments.midtrans import SERVER_KEY


@pytest.fixture
def midtrans() -> Iterator[MidtransDouble]:
    with MidtransDouble(server_key=SERVER_KEY) as double:
        yield double


@pytest.fixture
def till(midtrans: MidtransDouble) -> Gateway:
    return MidtransBank(midtrans).gateway()
