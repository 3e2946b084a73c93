from collections.abc import Iterator

import pytest

from payments.doubles.midtrans import MidtransDouble
from tests.payments.gateways.contract import VendorContract
from tests.payments.gateways.midtrans_bank import MidtransBank
from tests.payments.midtrans import SERVER_KEY


class TestMidtransGateway(VendorContract):
    @pytest.fixture
    def bank(self) -> Iterator[MidtransBank]:
        with MidtransDouble(server_key=SERVER_KEY) as double:
            yield MidtransBank(double)
