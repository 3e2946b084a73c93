import pytest

from meetings.providers import get_provider, is_offered, provider_choices
from meetings.providers.base import RoomMaker
from meetings.providers.sandbox import SandboxProvider
from tests.meetings.providers.asking import room_request
from tests.meetings.providers.contract import RoomMakerContract
from tests.meetings.providers.vendors import Vendor


class Sandbox(Vendor):
    def maker(self) -> RoomMaker:
        return SandboxProvider(site_url="http://testserver")


class TestSandbox(RoomMakerContract):
    @pytest.fixture
    def vendor(self) -> Vendor:
        return Sandbox()


def test_code_of_a_sandbox_room_does_not_tell_the_booking():
    room = Sandbox().maker().create(room_request(), None)
    assert "23456789BC" not in room.join_url_student


def test_providers_are_those_of_the_settings(settings):
    names = dict(provider_choices())
    assert {"pool": "Link pool", "sandbox": "Sandbox room"}.items() <= names.items()
    assert not {"google", "zoom", "hundredms"} & names.keys()  # they have no keys here
    settings.MEETING_PROVIDERS = {"pool": settings.MEETING_PROVIDERS["pool"]}
    assert (is_offered("pool"), is_offered("sandbox"), is_offered("zoom")) == (True, False, False)
    assert not isinstance(get_provider("pool"), RoomMaker)
