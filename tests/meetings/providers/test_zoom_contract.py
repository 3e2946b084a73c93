from collections.abc import Iterator

import pytest

from meetings.doubles.zoom import ZoomDouble
from tests.meetings.providers.contract import VendorContract
from tests.meetings.providers.zoom_vendor import APP, ZoomVendor


class TestZoomProvider(VendorContract):
    @pytest.fixture
    def vendor(self) -> Iterator[ZoomVendor]:
        with ZoomDouble(**APP) as double:
            yield ZoomVendor(double)
