import pytest

from tests.meetings.providers.contract import VendorContract
from tests.meetings.providers.google_vendor import GoogleVendor


class TestGoogle(VendorContract):
    @pytest.fixture
    def vendor(self, google: GoogleVendor) -> GoogleVendor:
        return google
