"""Reading Stripe's messages. The signature covers every byte of them, but they come in any order and are late.

So a message says what to ask about. Only a refund or a dispute that the answer does not show yet is taken from it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from payments.errors import BadMessage
from payments.gateways.base import GatewayMessage
from payments.gateways.stripe_words import child, dispute_of, id_of, reference_of, refund_of, text

_ID = re.compile(r"[A-Za-z0-9_]{1,200}")


def read_event(body: bytes) -> GatewayMessage:
    """Return what a verified event is about; a kind that is none of our business is about nothing. Raises BadMessage."""
    event = parse(body)
    identity, kind = text(event, "id"), text(event, "type")
    if not _ID.fullmatch(identity) or not kind:
        raise BadMessage("the event has no number or no kind")
    read = _READ.get(kind)
    if read is None:
        return GatewayMessage(dedupe_key=identity, reference="", kind=kind)
    told = child(child(event, "data"), "object")
    if not told:
        raise BadMessage("the event is about nothing")
    return read(identity, kind, told)


def check_mode(body: bytes, *, is_live: bool) -> None:
    """Raise BadMessage if a verified event comes from the other of Stripe's two worlds, live and test."""
    said = parse(body).get("livemode", is_live)
    if said is not is_live:
        raise BadMessage(f"the event is not of {'live' if is_live else 'test'} mode, as our key is")


def parse(body: bytes) -> dict[str, Any]:
    """Return the JSON object of a body. Raises BadMessage."""
    try:
        event = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        raise BadMessage("the body is not JSON in UTF-8") from None
    if not isinstance(event, dict):
        raise BadMessage("the body is not a JSON object")
    return event


def _read_session(identity: str, kind: str, session: dict[str, Any]) -> GatewayMessage:
    says_paid = kind.endswith("async_payment_succeeded") or text(session, "payment_status") == "paid"
    return GatewayMessage(
        dedupe_key=identity,
        reference=reference_of(session),
        kind=kind,
        external_id=_clean(id_of(session, "payment_intent")),
        claims_money=says_paid,
        token=_clean(text(session, "id")),
    )


def _read_charge(identity: str, kind: str, charge: dict[str, Any]) -> GatewayMessage:
    external_id = _clean(id_of(charge, "payment_intent"))
    return GatewayMessage(identity, reference_of(charge), kind, external_id)


def _read_refund(identity: str, kind: str, refund: dict[str, Any]) -> GatewayMessage:
    external_id = _clean(id_of(refund, "payment_intent"))
    return GatewayMessage(identity, "", kind, external_id, refunds=(refund_of(refund),))


def _read_dispute(identity: str, kind: str, dispute: dict[str, Any]) -> GatewayMessage:
    external_id = _clean(id_of(dispute, "payment_intent"))
    return GatewayMessage(identity, "", kind, external_id, disputes=(dispute_of(dispute),))


def _clean(identity: str) -> str:
    return identity if _ID.fullmatch(identity) else ""


_READ: dict[str, Callable[[str, str, dict[str, Any]], GatewayMessage]] = {
    "checkout.session.completed": _read_session,
    "checkout.session.async_payment_succeeded": _read_session,
    "checkout.session.async_payment_failed": _read_session,
    "checkout.session.expired": _read_session,
    "charge.refunded": _read_charge,
    "charge.refund.updated": _read_refund,  # the name that older endpoints use
    "refund.created": _read_refund,
    "refund.updated": _read_refund,
    "refund.failed": _read_refund,
    "charge.dispute.created": _read_dispute,
    "charge.dispute.updated": _read_dispute,
    "charge.dispute.closed": _read_dispute,
    "charge.dispute.funds_withdrawn": _read_dispute,
    "charge.dispute.funds_reinstated": _read_dispute,
}
HEARD = sorted(set(_READ) - {"charge.refund.updated"})  # what an endpoint of Stripe is to be set up for
