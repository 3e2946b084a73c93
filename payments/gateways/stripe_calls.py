"""The questions that are put to Stripe, each answered in plain dictionaries or in our own words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import stripe
from stripe.params import RefundCreateParams
from stripe.params.checkout import SessionCreateParams, SessionListParams

from payments.errors import GatewayUnavailable
from payments.gateways.base import Attempt, DisputeReport, PaymentReport, RefundReport
from payments.gateways.stripe_client import Patience, StripeRefused, answer_of, connect
from payments.gateways.stripe_words import child, children, dispute_of, reference_of, refund_of, report_of, text

_PAGE, _MOST_PAGES = 100, 40
# When a session was made, counted from its attempt: as a rule at once or within its repetitions; else clocks differ much.
_WHEN = [(timedelta(minutes=first), timedelta(minutes=last)) for first, last in ((-1, 6), (6, 15), (-15, -1))]
_WITH_MONEY = ["payment_intent.latest_charge", "payment_intent.latest_charge.refunds"]
_NOT_FOUND = 404


class StripeCalls:
    """One account at Stripe. Every call raises GatewayUnavailable or GatewayRefused."""

    def __init__(self, *, secret_key: str, api_url: str, patience: Patience) -> None:
        client, self._network = connect(secret_key, api_url, patience)
        self._stripe = client.v1

    def time_limit(self) -> AbstractContextManager[None]:
        """Have all the calls inside be over in time."""
        return self._network.time_limit()

    def create_session(self, wanted: SessionCreateParams, *, key: str) -> dict[str, Any]:
        return answer_of(lambda: self._stripe.checkout.sessions.create(wanted, {"idempotency_key": key}))

    def retrieve_session(self, token: str) -> dict[str, Any]:
        """Return a session with its payment intent, the latest charge of that, and the refunds of that."""
        return answer_of(lambda: self._stripe.checkout.sessions.retrieve(token, {"expand": _WITH_MONEY}))

    def expire_session(self, token: str) -> dict[str, Any]:
        return answer_of(lambda: self._stripe.checkout.sessions.expire(token))

    def create_refund(self, wanted: RefundCreateParams, *, key: str) -> RefundReport:
        return refund_of(answer_of(lambda: self._stripe.refunds.create(wanted, {"idempotency_key": key})))

    def report_of_page(self, token: str) -> PaymentReport:
        """Return what is true of a session now, with its refunds and disputes."""
        session = self.retrieve_session(token)
        report, charge = report_of(session), child(child(session, "payment_intent"), "latest_charge")
        refunds, disputes = self._refunds_of(charge, report.external_id), self._disputes_of(charge, report.external_id)
        return replace(report, refunds=refunds, disputes=disputes)

    def find_token(self, attempt: Attempt) -> str:
        """Return the id of an attempt's session whose opening answer was lost; empty if there is none."""
        for wanted in _places_of(attempt):
            for session in self._listed(self._stripe.checkout.sessions.list, wanted):
                if reference_of(session) == attempt.reference:
                    return text(session, "id")
        return ""

    def find_reference(self, intent: str) -> str:
        """Return the reference of the attempt that a payment intent belongs to; empty if it is none of ours."""
        if not intent:
            return ""
        try:
            return reference_of(answer_of(lambda: self._stripe.payment_intents.retrieve(intent)))
        except StripeRefused as refusal:
            if refusal.status != _NOT_FOUND:
                raise
            return ""

    def _refunds_of(self, charge: dict[str, Any], intent: str) -> tuple[RefundReport, ...]:
        """Return all refunds of a charge, failed ones too. Those that come with it are only the latest ten."""
        listed = child(charge, "refunds")
        if listed.get("has_more") is True:
            return tuple(map(refund_of, self._listed(self._stripe.refunds.list, {"payment_intent": intent})))
        return tuple(map(refund_of, children(listed)))

    def _disputes_of(self, charge: dict[str, Any], intent: str) -> tuple[DisputeReport, ...]:
        if charge.get("disputed") is not True:
            return ()
        return tuple(map(dispute_of, self._listed(self._stripe.disputes.list, {"payment_intent": intent})))

    def _listed(self, call: Callable[[Any], stripe.StripeObject], wanted: Any) -> Iterator[dict[str, Any]]:
        """Yield what a list holds, the newest first, page by page. Raises GatewayUnavailable when it does not end."""
        for _number in range(_MOST_PAGES):
            page = dict(wanted)
            answer = answer_of(lambda: call({**page, "limit": _PAGE}))  # noqa: B023 - called at once
            found = children(answer)
            yield from found
            if not found or answer.get("has_more") is not True:
                return
            wanted = {**wanted, "starting_after": text(found[-1], "id")}
        raise GatewayUnavailable("Stripe has more than can be looked through")


def _places_of(attempt: Attempt) -> Iterator[SessionListParams]:
    """Yield where the session of an attempt may be found, the likeliest place first: a busy site has thousands an hour."""
    if attempt.external_id:
        yield {"payment_intent": attempt.external_id}
    if attempt.made_at is None:
        yield {}
        return
    for first, last in _WHEN:
        since, until = attempt.made_at + first, attempt.made_at + last
        yield {"created": {"gte": int(since.timestamp()), "lte": int(until.timestamp())}}
