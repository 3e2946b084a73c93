"""Reading what Stripe answers: sessions, charges, refunds and disputes in our words. Nothing here asks anybody.

Fields are looked at one by one, since whatever is missing or of another kind must not stop a payment from being read.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from payments.gateways.base import DisputeReport, DisputeState, Outcome, PaymentReport, RefundReport, RefundState
from payments.gateways.stripe_amounts import from_minor

ATTEMPT = "attempt"  # in the metadata of session and payment intent: our reference
REFUND = "refund"  # in the metadata of a refund: our key

# A session that is complete and unpaid: a slow method, whose money is on its way or will never come.
_UNDER_WAY = {
    "requires_payment_method": Outcome.FAILED,
    "canceled": Outcome.CANCELLED,
    "requires_capture": Outcome.REVIEW,  # only reserved: this site never asks for that
}
_REFUNDS = {"succeeded": RefundState.SUCCEEDED, "failed": RefundState.FAILED, "canceled": RefundState.FAILED}
_DISPUTES = {
    "won": DisputeState.WON,
    "warning_closed": DisputeState.WON,  # the bank only asked
    "prevented": DisputeState.WON,
    "lost": DisputeState.LOST,
}


def report_of(session: dict[str, Any]) -> PaymentReport:
    """Return what a session says, its payment intent and latest charge expanded; without refunds and disputes."""
    intent = child(session, "payment_intent")
    charge = child(intent, "latest_charge")
    outcome = _outcome_of(text(session, "status"), text(session, "payment_status"), text(intent, "status"))
    status = text(session, "status") if text(session, "status") != "complete" else text(session, "payment_status")
    currency = session.get("currency")
    return PaymentReport(
        reference=reference_of(session),
        outcome=outcome,
        status=status[:60],
        external_id=id_of(session, "payment_intent")[:200],
        money=from_minor(session.get("amount_total"), currency),
        method=text(child(charge, "payment_method_details"), "type")[:50],
        paid_at=_paid_at(charge, intent, session) if outcome is Outcome.PAID else None,
        detail=", ".join(filter(None, [status, text(intent, "status"), text(child(intent, "last_payment_error"), "code")]))[
            :200
        ],
        token=text(session, "id")[:200],
    )


def reference_of(thing: dict[str, Any]) -> str:
    """Return the reference of our attempt that a session or payment intent carries; empty if it is none of ours."""
    return text(child(thing, "metadata"), ATTEMPT) or text(thing, "client_reference_id")


def refund_of(refund: dict[str, Any]) -> RefundReport:
    """Return what a refund says. A word that is not known leaves it under way."""
    status = text(refund, "status")
    return RefundReport(
        external_id=text(refund, "id")[:200],
        state=_REFUNDS.get(status, RefundState.PENDING),
        money=from_minor(refund.get("amount"), refund.get("currency")),
        key=text(child(refund, "metadata"), REFUND),
        status=status[:60],
        made_at=_time(refund.get("created")),
        detail=text(refund, "failure_reason")[:200],
    )


def dispute_of(dispute: dict[str, Any]) -> DisputeReport:
    """Return what a dispute says. A word that is not known leaves it open."""
    status = text(dispute, "status")
    return DisputeReport(
        external_id=text(dispute, "id")[:200],
        state=_DISPUTES.get(status, DisputeState.OPEN),
        money=from_minor(dispute.get("amount"), dispute.get("currency")),
        status=status[:60],
        reason=text(dispute, "reason")[:200],
        opened_at=_time(dispute.get("created")),
    )


def text(thing: dict[str, Any], field: str) -> str:
    value = thing.get(field)
    return value if isinstance(value, str) else ""


def child(thing: dict[str, Any], field: str) -> dict[str, Any]:
    """Return the object in a field; an empty one if there is none, or only its id."""
    value = thing.get(field)
    return value if isinstance(value, dict) else {}


def children(thing: dict[str, Any], field: str = "data") -> list[dict[str, Any]]:
    """Return the objects of a list, such as an answer's `data`."""
    value = thing.get(field)
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def id_of(thing: dict[str, Any], field: str) -> str:
    """Return the id in a field, whether the object is expanded or not."""
    return text(thing, field) or text(child(thing, field), "id")


def _outcome_of(status: str, payment_status: str, intent_status: str) -> Outcome:
    if payment_status == "paid":
        return Outcome.PAID
    if payment_status == "no_payment_required":
        return Outcome.REVIEW  # nobody is sent here for nothing: somebody made it cheaper at Stripe
    if payment_status != "unpaid":
        return Outcome.UNKNOWN
    if status == "complete":
        return _UNDER_WAY.get(intent_status, Outcome.PENDING)
    return {"open": Outcome.PENDING, "expired": Outcome.EXPIRED}.get(status, Outcome.UNKNOWN)


def _paid_at(charge: dict[str, Any], intent: dict[str, Any], session: dict[str, Any]) -> datetime | None:
    return _time(charge.get("created")) or _time(intent.get("created")) or _time(session.get("created"))


def _time(seconds: Any) -> datetime | None:
    if isinstance(seconds, bool) or not isinstance(seconds, int) or not 0 < seconds < 2**33:
        return None
    return datetime.fromtimestamp(seconds, UTC)
