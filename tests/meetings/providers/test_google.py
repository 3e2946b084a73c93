import pytest

from meetings.providers.base import Access
from tests.meetings.providers.contract import RoomMakerContract, VendorContract
from tests.meetings.providers.google_vendor import GoogleVendor


class TestGoogle(VendorContract):
    @pytest.fixture
    def vendor(self, google: GoogleVendor) -> GoogleVendor:
        return google


class TestGoogleOfTheSite(RoomMakerContract):
    """The rooms of the site's own account, which are opened as well."""

    @pytest.fixture
    def vendor(self, google: GoogleVendor) -> GoogleVendor:
        return google

    @pytest.fixture
    def access(self, vendor: GoogleVendor) -> Access:
        return vendor.site()
