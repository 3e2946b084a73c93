"""Only Stripe itself is believed. The vectors are those of the vendor's reference."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from typing import Any

import pytest

from payments.errors import BadMessage, BadSignature
from payments.gateways.stripe import StripeGateway
from payments.gateways.stripe_signatures import check_signature
from tests.payments.gateways.stripe_bank import SECRET_KEY, SECRETS

AT = 1767225600
BODY = b'{"id":"evt_1EXAMPLE","object":"event","type":"checkout.session.completed"}'
NEW = "380e7459afab9b775925ae9a6a89e252f445c3ac637e632c4045640ecd189eff"
OLD = "ad7f972b91033b99e128b560b427fa86010098565392edc8e18883b0401ecb71"
NONE = "0" * 64


def check(header: str | None, *, body: bytes = BODY, now: float = AT, secrets: list[str] = SECRETS[:1]) -> None:
    check_signature(header, body, secrets=secrets, now=now)


@pytest.mark.parametrize(
    "header",
    [
        f"t={AT},v1={NEW}",
        f"t={AT},v1={NONE},v1={NEW}",
        f"t={AT},v1={NEW},v1={NONE},v1={NONE}",
        f"t={AT},v0={NONE},v1={NEW},v0={NONE}",
        f"v1={NEW},t={AT}",
        f"t={AT}, v1={NONE}, v1={NEW}",
        f" t = {AT} , v1 = {NEW} ",
        ",".join([f"t={AT}", *[f"v1={NONE}"] * 50, f"v1={NEW}"]),
    ],
)
def test_signature_is_found_among_any_number(header: str):
    check(header)


@pytest.mark.defect("CE-01", "TB-30")
@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "t=",
        NEW,
        f"v1={NEW}",
        f"t={AT}",
        f"t={AT},v1=",
        f"t={AT},v1={NONE}",
        f"t={AT},v1={NEW.upper()}",
        f"t={AT},v1={NEW[:-1]}",
        f"t={AT},v1={NEW}0",
        f"t={AT},v0={NEW}",
        f"t={AT},v2={NEW}",
        f"t={AT},v1={OLD}",
        f"t={AT + 1},v1={NEW}",
        f"t={AT},t={AT},v1={NEW}",
        f"t=-{AT},v1={NEW}",
        f"t={AT}.0,v1={NEW}",
        f"t=١٧٦٧٢٢٥٦٠٠,v1={NEW}",
        f"t={'9' * 400},v1={NEW}",
        f"t={AT};v1={NEW}",
        f"t={AT},v1=é{NEW[1:]}",
        f"t={AT},v1={NEW}" + "," * 5000,
        ",".join([f"t={AT}", *[f"v1={NONE}"] * 5000, f"v1={NEW}"]),
    ],
)
def test_whatever_is_not_stripes_signature_is_refused(header: str | None):
    with pytest.raises(BadSignature):
        check(header)


@pytest.mark.parametrize("body", [b"", BODY + b"\n", BODY.replace(b"evt_1", b"evt_2"), BODY.decode().encode("utf-16")])
def test_other_bytes_are_refused(body: bytes):
    with pytest.raises(BadSignature):
        check(f"t={AT},v1={NEW}", body=body)


def test_either_secret_counts_while_one_replaces_the_other():
    check(f"t={AT},v1={NEW}", secrets=SECRETS)
    check(f"t={AT},v1={OLD}", secrets=SECRETS)
    check(f"t={AT},v1={OLD},v1={NEW}", secrets=SECRETS[:1])
    with pytest.raises(BadSignature):
        check(f"t={AT},v1={OLD}", secrets=SECRETS[:1])
    with pytest.raises(BadSignature):
        check(f"t={AT},v1={NEW}", secrets=[])


@pytest.mark.parametrize("seconds", [-300, 0, 300])
def test_signature_counts_for_five_minutes(seconds: int):
    check(f"t={AT},v1={NEW}", now=AT + seconds)


@pytest.mark.parametrize("seconds", [-301, 301, 86_400, -86_400])
def test_old_signature_and_one_of_the_future_are_refused(seconds: int):
    with pytest.raises(BadSignature):
        check(f"t={AT},v1={NEW}", now=AT + seconds)


def signed(body: bytes) -> dict[str, str]:
    at = int(time.time())
    digest = hmac.new(SECRETS[0].encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return {"Stripe-Signature": f"t={at},v1={digest}"}


def gateway_with(key: str = SECRET_KEY) -> StripeGateway:
    return StripeGateway(secret_key=key, webhook_secrets=SECRETS[:1], api_url="https://api.stripe.com")


def event(**changes: Any) -> bytes:
    usual = {"id": "evt_1", "object": "event", "type": "balance.available", "livemode": False, "data": {"object": {}}}
    return json.dumps({**usual, **changes}).encode()


@pytest.mark.parametrize(
    ("key", "livemode", "is_taken"),
    [
        ("sk_test_1", False, True),
        ("rk_test_1", False, True),
        ("sk_live_1", True, True),
        ("rk_live_1", True, True),
        ("sk_test_1", True, False),
        ("sk_live_1", False, False),
        ("sk_live_1", "true", False),
        ("sk_live_1", 1, False),
        ("sk_test_1", None, False),
    ],
)
def test_message_of_the_other_mode_is_refused(key: str, livemode: object, is_taken: bool):
    body = event(livemode=livemode)
    if is_taken:
        assert gateway_with(key).open_message(signed(body), body).dedupe_key == "evt_1"
    else:
        with pytest.raises(BadMessage):
            gateway_with(key).open_message(signed(body), body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"evt_1"',
        b"\xff\xfe",
        b"[" * 50_000,
        b'{"id": "evt_1"}',
        b'{"type": "charge.refunded"}',
        event(id=None),
        event(id=7),
        event(id=""),
        event(id="evt 1"),
        event(id="e" * 201),
        event(id="evt_\ud800"),
        event(type=["charge.refunded"]),
        event(type="charge.refunded", data=None),
        event(type="charge.refunded", data={"object": []}),
        event(type="checkout.session.completed", data={"object": "cs_test_1"}),
    ],
)
def test_signed_nonsense_is_refused_as_nonsense(body: bytes):
    with pytest.raises(BadMessage):
        gateway_with().open_message(signed(body), body)
