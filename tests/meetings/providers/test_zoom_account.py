"""One account at Zoom that hosts for all tutors."""

import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from bookings.doubles.server import Fault
from meetings.doubles.zoom import ZoomDouble
from meetings.errors import ProviderCannot, ProviderMisconfigured, ProviderUnavailable
from meetings.providers.base import Owner, Person
from meetings.providers.zoom_account import ZoomAccount
from tests.meetings.providers.asking import KEY, TUTOR, room_request
from tests.meetings.providers.zoom_vendor import ADA, APP, ZoomVendor

ACCOUNT = "account-1"
HOST = "office@example.com"


@pytest.fixture
def zoom() -> Iterator[ZoomDouble]:
    with ZoomDouble(**APP, account_id=ACCOUNT) as double:
        double.add_host(HOST)
        yield double


def account(zoom: ZoomDouble, **changes: Any) -> ZoomAccount:
    usual = {**APP, "account_id": ACCOUNT, "oauth_url": f"{zoom.url}/oauth", "api_url": f"{zoom.url}/v2"}
    return ZoomAccount(**{**usual, "timeouts": (5, 0.4), "time_limit": 0.8, **changes})


def provider(zoom: ZoomDouble, **options: Any):
    return ZoomVendor(zoom).zoom_maker(account_id=ACCOUNT, **options)


def tokens_asked_for(zoom: ZoomDouble) -> int:
    return sum(one.path == "/oauth/token" for one in zoom.requests)


def test_token_is_kept_until_it_is_refused(zoom: ZoomDouble):
    access = account(zoom)
    token = access.token()
    assert access.token() == token
    assert access.renewed(token) != token
    assert access.renewed(token) == access.token()  # somebody else's new one
    assert tokens_asked_for(zoom) == 2


def test_token_is_fetched_once_by_all_who_wait_for_it(zoom: ZoomDouble):
    access, got = account(zoom), []
    threads = [threading.Thread(target=lambda: got.append(access.token())) for _number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(set(got)), len(got), tokens_asked_for(zoom)) == (1, 8, 1)


def test_silent_zoom_is_not_asked_by_everybody_in_turn(zoom: ZoomDouble):
    access = account(zoom)
    zoom.fail_next(Fault.LOST, "POST /oauth/token")
    for _time in range(3):
        with pytest.raises(ProviderUnavailable):
            access.token()
    assert tokens_asked_for(zoom) == 1


@pytest.mark.parametrize("changes", [{"client_secret": "other"}, {"account_id": "other"}])
def test_wrong_keys_are_the_operators_matter(zoom: ZoomDouble, changes: dict[str, str]):
    with pytest.raises(ProviderMisconfigured):
        account(zoom, **changes).token()


def test_all_meetings_are_held_by_one_host(zoom: ZoomDouble):
    maker, access = provider(zoom, host=HOST), account(zoom, host=HOST)
    room = maker.create(room_request(), access)
    assert maker.create(room_request(), access).external_id == room.external_id
    assert [str(one) for one in zoom.hosts[HOST].meetings] == [room.external_id]
    assert not zoom.hosts[ADA].meetings
    assert (access.owner, access.account, maker.owners) == (Owner.SITE, HOST, {Owner.SITE})


def test_meeting_of_a_host_who_never_comes_is_open_to_both(zoom: ZoomDouble):
    provider(zoom, host=HOST).create(room_request(), account(zoom, host=HOST))
    (meeting,) = zoom.hosts[HOST].meetings.values()
    assert (meeting.settings["waiting_room"], meeting.settings["join_before_host"]) == (False, True)


@pytest.mark.parametrize("host", ["", ADA])
def test_tutor_who_is_the_host_lets_people_in(zoom: ZoomDouble, host: str):
    provider(zoom, host=host).create(room_request(), account(zoom, host=host))
    (meeting,) = zoom.hosts[ADA].meetings.values()
    assert (meeting.settings["waiting_room"], meeting.settings["join_before_host"]) == (True, False)


@pytest.mark.parametrize("policies", [{"waiting_room": True}, {"join_before_host": False}])
def test_policy_that_would_keep_both_waiting_is_the_operators_matter(zoom: ZoomDouble, policies: dict[str, bool]):
    zoom.add_host(HOST, policies=policies)
    with pytest.raises(ProviderMisconfigured):
        provider(zoom, host=HOST).create(room_request(), account(zoom, host=HOST))
    assert not zoom.hosts[HOST].meetings


def test_without_a_host_each_tutor_is_one_under_the_own_address(zoom: ZoomDouble):
    maker, access = provider(zoom), account(zoom)
    room = maker.create(room_request(), access)
    assert [str(one) for one in zoom.hosts[ADA].meetings] == [room.external_id]
    found = maker.find(KEY, access, TUTOR)
    assert found is not None
    assert found.external_id == room.external_id
    assert [one.external_id for one in maker.list_rooms(access, since=zoom.now())] == [room.external_id]
    maker.cancel(room.external_id, access)
    assert not zoom.hosts[ADA].meetings


def test_meeting_is_looked_for_with_its_tutor_alone_however_many_users_there_are(zoom: ZoomDouble):
    for number in range(60):
        zoom.add_host(f"tutor{number}@example.com")
    maker, access = provider(zoom), account(zoom)
    room = maker.create(room_request(), access)
    before = len(zoom.requests)
    found = maker.find(KEY, access, TUTOR)
    assert found is not None
    assert found.external_id == room.external_id
    assert [one.path for one in zoom.requests[before:]] == [f"/v2/users/{quote(ADA)}/meetings"]


def test_tutor_who_is_no_user_of_the_account_has_no_meeting_there(zoom: ZoomDouble):
    assert provider(zoom).find(KEY, account(zoom), Person("Bob", "bob@example.com")) is None


def test_account_is_known_by_its_number_where_every_tutor_is_a_host(zoom: ZoomDouble):
    """Else another account in the settings would look like the same one."""
    assert [account(zoom, account_id=one).account for one in ("account-1", "account-2")] == ["account-1", "account-2"]


def test_tutor_who_is_no_user_of_the_account_gets_another_way(zoom: ZoomDouble):
    stranger = room_request(tutor=Person("Bob", "bob@example.com"), is_first_try=True)
    with pytest.raises(ProviderCannot) as caught:
        provider(zoom).create(stranger, account(zoom))
    assert caught.value.code == "1001"


def test_host_who_is_no_user_is_the_operators_matter(zoom: ZoomDouble):
    with pytest.raises(ProviderMisconfigured):
        provider(zoom, host="nobody@example.com").create(room_request(), account(zoom))


@pytest.mark.parametrize(("status", "code"), [(400, 4711), (401, 4700), (401, 124), (400, 1010)])
def test_nobody_is_asked_to_connect_the_account_of_the_site(zoom: ZoomDouble, status: int, code: int):
    zoom.refuse_next(status, code)
    zoom.refuse_next(status, code)
    with pytest.raises(ProviderMisconfigured):
        provider(zoom, host=HOST).create(room_request(is_first_try=True), account(zoom))
