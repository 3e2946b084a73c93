from collections.abc import Iterator

import pytest

from meetings.doubles.hundredms import HundredmsDouble
from tests.meetings.providers.contract import VendorContract
from tests.meetings.providers.hundredms_vendor import KEYS, HundredmsVendor


class TestHundredmsProvider(VendorContract):
    @pytest.fixture
    def vendor(self) -> Iterator[HundredmsVendor]:
        with HundredmsDouble(**KEYS) as double:
            yield HundredmsVendor(double)
