from collections.abc import Iterator

import pytest

from tests.payments.gateways.contract import VendorContract
from tests.payments.gateways.stripe_bank import StripeBank, make_double


class TestStripeGateway(VendorContract):
    @pytest.fixture
    def bank(self) -> Iterator[StripeBank]:
        with make_double() as double:
            yield StripeBank(double)
