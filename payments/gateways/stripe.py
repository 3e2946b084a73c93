"""Stripe Checkout: a hosted page for cards and whatever else the owner's account offers, in most currencies.

A session is the page, a payment intent the money. Messages come late, twice and in any order, so each only says
what to ask about; what is true is the session as Stripe has it now.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import cached_property
from typing import TypeVar

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from bookings.money import Money
from payments.errors import GatewayRefused, GatewayUnavailable, RefundByHand
from payments.gateways.base import (
    Attempt,
    CheckoutPage,
    CheckoutRequest,
    DisputeReport,
    DisputeState,
    Gateway,
    GatewayMessage,
    Outcome,
    PaymentReport,
    RefundReport,
    RefundRequest,
)
from payments.gateways.stripe_amounts import can_charge, to_minor
from payments.gateways.stripe_calls import StripeCalls
from payments.gateways.stripe_client import USUAL_PATIENCE, Patience, StripeRefused, StripeRepeated
from payments.gateways.stripe_messages import check_mode, read_event
from payments.gateways.stripe_pages import SHORTEST, page_of, session_wanted
from payments.gateways.stripe_set_up import find_doubts, is_live_key
from payments.gateways.stripe_signatures import HEADER, check_signature
from payments.gateways.stripe_words import REFUND

_ON_ITS_WAY = timedelta(minutes=5)
_NO_REFUND = {
    "charge_already_refunded": "all of it has gone back already",
    "charge_disputed": "the payer's bank disputes the payment",
    "refund_disputed_payment": "the payer's bank disputes the payment",
}
_BY_HAND = "charge_not_refundable"
Told = TypeVar("Told", bound=RefundReport | DisputeReport)


class StripeGateway(Gateway):
    name = "stripe"
    label = "Stripe"
    summary = _("Card, Apple Pay or Google Pay")
    shortest_page = SHORTEST
    unknown_payment_status = 500  # so that it is sent again

    def __init__(
        self, *, secret_key: str, webhook_secrets: Sequence[str], api_url: str, patience: Patience = USUAL_PATIENCE
    ) -> None:
        self._secret_key = secret_key
        self._secrets = [secret for secret in webhook_secrets if secret]
        self._api_url = api_url.rstrip("/")
        self._patience = patience

    @property
    def is_configured(self) -> bool:
        """True only with a secret for messages too: without them nobody would hear that somebody has paid."""
        return self._secret_key != "" and bool(self._secrets)

    def doubts(self, *, site_url: str) -> list[str]:
        secrets, api_url = self._secrets, self._api_url
        return [*find_doubts(secret_key=self._secret_key, secrets=secrets, api_url=api_url, site_url=site_url)]

    def can_take(self, money: Money) -> bool:
        return can_charge(money)

    def open_checkout(self, request: CheckoutRequest) -> CheckoutPage:
        """Create a Checkout Session. The key names the attempt, so whoever asks again gets the same page."""
        wanted = session_wanted(request)
        with self._calls.time_limit():
            try:
                session = self._calls.create_session(wanted, key=f"checkout-{request.reference}")
            except (StripeRefused, StripeRepeated) as error:
                token = self._find_first(request) if isinstance(error, StripeRepeated) or error.is_of_repetition else ""
                if not token:
                    raise
                session = self._calls.retrieve_session(token)
        return page_of(session, api_url=self._api_url)

    def fetch_report(self, attempt: Attempt) -> PaymentReport:
        with self._calls.time_limit():
            token = attempt.token or self._calls.find_token(attempt)
            return self._calls.report_of_page(token) if token else _not_begun(attempt)

    def close_checkout(self, attempt: Attempt) -> PaymentReport:
        """Expire the session, then read it again: it can only be expired while nobody has paid on it."""
        with self._calls.time_limit():
            token = attempt.token or self._calls.find_token(attempt)
            if not token:
                return _not_begun(attempt, Outcome.CANCELLED if _is_settled(attempt) else Outcome.PENDING)
            try:
                self._calls.expire_session(token)
            except StripeRefused as refusal:
                if refusal.is_of_set_up:
                    raise
            return self._calls.report_of_page(token)

    def send_refund(self, request: RefundRequest) -> RefundReport:
        """Create a refund unless there is one of this key: Stripe itself forgets the keys of requests after a day."""
        try:
            with self._calls.time_limit():
                return self._find_or_create_refund(request)
        except StripeRefused as refusal:
            if refusal.is_of_set_up:  # which says nothing about this refund: with the right key it can be sent
                raise GatewayUnavailable(refusal.detail) from None
            if refusal.code == _BY_HAND:
                raise RefundByHand("Stripe cannot send money back by the way this was paid") from None
            why = _NO_REFUND.get(refusal.code) or ("more than is left of the payment" if refusal.param == "amount" else "")
            raise GatewayRefused(f"{why}: {refusal.detail}" if why else refusal.detail) from None

    def verify_message(self, headers: Mapping[str, str], body: bytes) -> None:
        check_signature(headers.get(HEADER), body, secrets=self._secrets, now=time.time())
        check_mode(body, is_live=is_live_key(self._secret_key))

    def read_message(self, body: bytes) -> GatewayMessage:
        return read_event(body)

    def confirm_message(self, message: GatewayMessage, attempt: Attempt | None = None) -> PaymentReport:
        """Ask what is true of the payment that a message names, be it only by its payment intent."""
        with self._calls.time_limit():
            known = attempt or Attempt(message.reference or self._calls.find_reference(message.external_id))
            if not known.reference:
                return PaymentReport("", Outcome.UNKNOWN, external_id=message.external_id, detail="none of ours")
            asked = replace(known, token=message.token or known.token, external_id=message.external_id or known.external_id)
            report = self.fetch_report(asked)
            if known.token not in ("", asked.token) and report.outcome is not Outcome.PAID:
                report = self.fetch_report(known)  # the message is about another page than the one we know
        refunds, disputes = _with_told(report.refunds, message.refunds), _with_told(report.disputes, message.disputes)
        return replace(report, refunds=refunds, disputes=disputes)

    @cached_property
    def _calls(self) -> StripeCalls:
        return StripeCalls(secret_key=self._secret_key, api_url=self._api_url, patience=self._patience)

    def _find_first(self, request: CheckoutRequest) -> str:
        """Return the session of this attempt that was made before: in another language perhaps, or its answer was lost."""
        return self._calls.find_token(Attempt(request.reference, made_at=request.made_at))

    def _find_or_create_refund(self, request: RefundRequest) -> RefundReport:
        report = self.fetch_report(request.attempt)
        intent = request.attempt.external_id or report.external_id
        if not intent or intent != report.external_id:
            raise GatewayRefused("Stripe has no such payment of this attempt")
        if report.money is not None and report.money.currency != request.money.currency:
            raise GatewayRefused("it was paid in another currency")  # Stripe is told the amount only
        for refund in report.refunds:
            if refund.key == request.key:
                return refund
        if any(dispute.state is not DisputeState.WON for dispute in report.disputes):
            # Sent back as well, it could be lost twice.
            raise GatewayRefused("the payer's bank disputes the payment, or has taken it back")
        try:
            amount = to_minor(request.money)
        except ValueError as error:
            raise GatewayRefused(str(error)) from None
        return self._calls.create_refund(
            {
                "payment_intent": intent,
                "amount": amount,
                "reason": "requested_by_customer",
                "metadata": {REFUND: request.key},
            },
            key=f"refund-{request.key}",
        )


def _not_begun(attempt: Attempt, outcome: Outcome = Outcome.PENDING) -> PaymentReport:
    return PaymentReport(attempt.reference, outcome, detail="not begun")


def _is_settled(attempt: Attempt) -> bool:
    """True once a request to open the page can no longer be on its way: if there is none by now, there will be none."""
    return attempt.made_at is not None and timezone.now() - attempt.made_at > _ON_ITS_WAY


def _with_told(asked: Sequence[Told], told: Sequence[Told]) -> tuple[Told, ...]:
    """Return what asking has shown, and of what the message tells that which it has not."""
    shown = {one.external_id for one in asked}
    return (*asked, *(one for one in told if one.external_id not in shown))
