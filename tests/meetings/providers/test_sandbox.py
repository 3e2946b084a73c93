from collections.abc import Callable, Iterator

import pytest
import time_machine
from django.urls import reverse

from meetings.errors import ProviderCannot, ProviderMisconfigured, ProviderUnavailable
from meetings.providers import get_provider, is_offered, provider_choices
from meetings.providers.base import RoomMaker
from meetings.providers.sandbox import Mood, SandboxProvider, sandbox_mood, set_sandbox_mood
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


@pytest.fixture
def mood() -> Iterator[Callable[[Mood], None]]:
    yield set_sandbox_mood
    set_sandbox_mood(Mood.WORKS)


def test_slow_room_is_pending_for_some_seconds(mood):
    maker = Sandbox().maker()
    with time_machine.travel("2026-12-01 10:00Z", tick=False) as clock:
        mood(Mood.SLOW)
        made = maker.create(room_request(), None)
        assert made.is_pending
        assert maker.create(room_request(), None) == made
        clock.shift(9)
        assert maker.check(made.external_id, None).is_pending
        clock.shift(1)
        assert not maker.check(made.external_id, None).is_pending


@pytest.mark.parametrize(
    ("told", "error"),
    [
        (Mood.SILENT, ProviderUnavailable),
        (Mood.REFUSES, ProviderCannot),
        (Mood.MISCONFIGURED, ProviderMisconfigured),
    ],
)
def test_sandbox_fails_as_it_is_told(mood, told: Mood, error: type[Exception]):
    mood(told)
    with pytest.raises(error):
        Sandbox().maker().create(room_request(), None)


@pytest.mark.django_db
def test_behaviour_of_the_sandbox_is_chosen_on_a_page_while_debugging_only(mood, client, settings, sam):
    client.force_login(sam)
    page = reverse("meetings:sandbox_rooms")
    assert client.get(page).status_code == 404
    assert client.post(page, {"mood": "silent"}).status_code == 404
    settings.DEBUG = True
    assert client.post(page, {"mood": "silent"}).status_code == 303
    assert sandbox_mood() is Mood.SILENT
    assert 'aria-pressed="true">Give no answer' in client.get(page).text
    for wrong in ("", "angry", "\0"):
        assert client.post(page, {"mood": wrong}).status_code == 400
    assert sandbox_mood() is Mood.SILENT


def test_providers_are_those_of_the_settings(settings):
    names = dict(provider_choices())
    assert {"pool": "Link pool", "sandbox": "Sandbox room"}.items() <= names.items()
    assert not {"google", "zoom", "hundredms"} & names.keys()  # they have no keys here
    settings.MEETING_PROVIDERS = {"pool": settings.MEETING_PROVIDERS["pool"]}
    assert (is_offered("pool"), is_offered("sandbox"), is_offered("zoom")) == (True, False, False)
    assert not isinstance(get_provider("pool"), RoomMaker)
