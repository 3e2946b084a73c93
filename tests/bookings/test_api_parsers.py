import pytest
from django.test import Client

from bookings.api_keys import create_api_key
from bookings.api_parsers import BODY_LIMIT
from bookings.models import ApiKey

CALLS = ["/api/assign-meeting-link", "/api/verify-payment", "/api/initiate-booking-checkout"]


def post(path: str, body: bytes) -> tuple[int, bool]:
    _row, key = create_api_key("till", scopes=list(ApiKey.Scope.values))
    client = Client(raise_request_exception=False)
    answer = client.generic("POST", path, body, content_type="application/json", headers={"Authorization": f"Bearer {key}"})
    return answer.status_code, answer.json()["success"]


@pytest.mark.parametrize("path", CALLS)
@pytest.mark.parametrize(
    "body",
    [
        b"[" * 60_000,
        b'{"a":' * 10_000,
        b'{"bookingId": NaN}',
        b'{"bookingId": ' + b"9" * 5000 + b"}",
        b'{"bookingId": "\\ud800", "orderId": "\\ud800", "student": "\\ud800"}',
        b'{"bookingId": "\\u0000", "orderId": "\\u0000", "student": "\\u0000"}',
        b'{"bookingId": 1.5, "orderId": 1.5, "student": 1.5}',
        b'{"bookingId": ["x"], "orderId": ["x"], "student": ["x"]}',
        b'{"bookingId": {}, "orderId": {}, "student": {}}',
        b"\xff\xfe",
        b"",
        b"null",
        b"[]",
        b"7",
    ],
    ids=lambda body: repr(body[:24]),
)
def test_nonsense_is_refused_in_json(db: None, path: str, body: bytes):
    status, success = post(path, body)
    assert status in (400, 404)
    assert success is False


@pytest.mark.parametrize("path", CALLS)
def test_body_without_end_is_not_read(db: None, path: str):
    assert post(path, b" " * BODY_LIMIT) == (400, False)
    assert post(path, b" " * (BODY_LIMIT + 1)) == (413, False)
