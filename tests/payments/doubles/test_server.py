from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus

import pytest
import requests

from bookings.doubles.server import Answer, Double, Fault, Message, Request
from bookings.outside import ANSWER_LIMIT


class Vendor(Double):
    """Counts what it is asked, and can be told to send a message."""

    verbs = frozenset({"say"})

    def __init__(self) -> None:
        super().__init__(silence=0.2)
        self.count = 0

    def answer(self, request: Request) -> Answer:
        self.count += 1
        return Answer(HTTPStatus.OK, {"count": self.count})

    def error(self, status: int) -> Answer:
        return Answer(status, {"error": "trouble"})

    def state(self) -> dict[str, int]:
        return {"count": self.count}

    def say(self, word: str) -> dict[str, str]:
        self.messages.append(Message(json.dumps({"word": word}).encode(), lambda: {"Signature": f"{len(self.messages)}"}))
        return {"said": word}


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    with Vendor() as vendor:
        yield vendor


def get(vendor: Vendor, path: str = "/any") -> requests.Response:
    return requests.get(vendor.url + path, timeout=5)


def test_every_fault_goes_wrong_in_its_own_way(vendor: Vendor):
    for fault, counted in [
        (Fault.LOST, 1),
        (Fault.RESET, 2),
        (Fault.RESET_BEFORE, 2),
        (Fault.ERROR, 2),
        (Fault.ERROR_AFTER, 3),
        (Fault.BUSY, 3),
        (Fault.SLOW, 4),
        (Fault.HTML, 4),
        (Fault.CUT, 5),
        (Fault.GARBLED, 6),
        (Fault.HUGE, 7),
    ]:
        vendor.fail_next(fault)
        if fault in (Fault.LOST, Fault.RESET, Fault.RESET_BEFORE):
            with pytest.raises(requests.ConnectionError):
                get(vendor)
        else:
            expected = {Fault.BUSY: 429, Fault.HTML: 502, Fault.ERROR: 500, Fault.ERROR_AFTER: 500}.get(fault, 200)
            assert get(vendor).status_code == expected
        assert vendor.count == counted, fault


@pytest.mark.parametrize("fault", [Fault.CUT, Fault.GARBLED])
def test_spoilt_answer_is_no_json(vendor: Vendor, fault: Fault):
    vendor.fail_next(fault)
    with pytest.raises(ValueError):
        json.loads(get(vendor).content.decode())


def test_endless_answer_is_longer_than_anybody_reads(vendor: Vendor):
    vendor.fail_next(Fault.HUGE)
    assert len(get(vendor).content) > ANSWER_LIMIT


def test_answers_take_the_time_they_are_told_to(vendor: Vendor):
    requests.post(f"{vendor.url}/_double/take_time", json={"seconds": 0.1}, timeout=5)
    began = time.monotonic()
    with ThreadPoolExecutor(4) as crew:
        list(crew.map(lambda _number: get(vendor), range(4)))
    assert time.monotonic() - began >= 0.1
    assert vendor.seconds == 0.1


def test_fault_waits_for_the_request_it_is_meant_for(vendor: Vendor):
    vendor.fail_next(Fault.ERROR, "GET /there")
    assert [get(vendor).status_code, get(vendor, "/there").status_code, get(vendor, "/there").status_code] == [200, 500, 200]


def test_other_processes_drive_it_over_http(vendor: Vendor):
    said = requests.post(f"{vendor.url}/_double/say", json={"word": "paid"}, timeout=5)
    requests.post(f"{vendor.url}/_double/say", json={"word": "refunded"}, timeout=5)
    requests.post(f"{vendor.url}/_double/fail_next", json={"fault": "busy"}, timeout=5)
    assert said.json() == {"said": "paid"}
    assert [get(vendor).status_code, get(vendor).status_code] == [429, 200]
    assert get(vendor, "/_double/state").json() == {"count": 1}
    assert get(vendor, "/_double/messages?from=1").json() == [
        {"number": 1, "body": '{"word": "refunded"}', "headers": {"Signature": "2"}}
    ]


def test_share_of_requests_goes_wrong(vendor: Vendor):
    requests.post(f"{vendor.url}/_double/set_fault_rates", json={"error": 1}, timeout=5)
    assert get(vendor).status_code == 500
    requests.post(f"{vendor.url}/_double/set_fault_rates", json={}, timeout=5)
    assert get(vendor).status_code == 200


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [("say", {}, 400), ("say", {"word": "a", "more": 1}, 400), ("stop", {}, 404), ("fail_next", {"fault": "rain"}, 400)],
)
def test_what_it_cannot_do_is_said(vendor: Vendor, path: str, body: dict[str, object], status: int):
    assert requests.post(f"{vendor.url}/_double/{path}", json=body, timeout=5).status_code == status
