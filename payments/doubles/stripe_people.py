"""What happens at the pretend Stripe without this site: payers pay, banks dispute, merchants refund by hand.

A page is named by its session or by our reference; a verb that cannot be done returns "" and changes nothing.
"""

from __future__ import annotations

import copy
import hashlib
import heapq
import hmac
import json
import time
from collections.abc import Sequence

from bookings.doubles.server import Double, Message
from payments.doubles.stripe_books import Thing, make_charge, make_dispute, make_event, make_intent, make_refund

GONE = ("succeeded", "pending", "requires_action")  # refunds that count as sent back


class StripePeople(Double):
    verbs = frozenset(
        [
            "pay",
            "pay_later",
            "settle_later",
            "fail_later",
            "decline",
            "expire",
            "refund_in_dashboard",
            "settle_refund",
            "fail_refund",
            "open_dispute",
            "close_dispute",
            "pass_time",
            "open_pages",
            "sent_back",
        ]
    )

    def __init__(
        self, *, secret_key: str, webhook_secrets: Sequence[str], port: int = 0, silence: float = 60, seed: int = 1
    ) -> None:
        super().__init__(port=port, silence=silence, seed=seed)
        self.secret_key = secret_key
        self.webhook_secrets = list(webhook_secrets)
        self.is_live = secret_key.startswith(("sk_live_", "rk_live_"))
        self.refunds_start = "succeeded"  # "pending", where the balance is too low
        self.ahead = 0.0  # seconds by which its clock is ahead of ours
        self.sessions: dict[str, Thing] = {}
        self.intents: dict[str, Thing] = {}
        self.charges: dict[str, Thing] = {}
        self.refunds: dict[str, Thing] = {}
        self.disputes: dict[str, Thing] = {}
        self.events: dict[str, Thing] = {}
        self.wanted: dict[str, Thing] = {}  # by session: the metadata of its payment intent
        self.refunds_of: dict[str, list[Thing]] = {}  # by charge
        self.by_reference: dict[str, str] = {}  # the latest session
        self.ends: list[tuple[int, str]] = []  # a heap of when sessions end

    def now(self) -> int:
        return int(time.time() + self.ahead)

    def pass_time(self, seconds: float) -> None:
        """Let time pass here only: sessions end, keys are forgotten."""
        with self.lock:
            self.ahead += seconds
            self.end_sessions()

    # What payers do.

    def pay(self, page: str, method: str = "card") -> str:
        """Pay at once; returns the payment intent."""
        with self.lock:
            session = self._open_session(page)
            return self._take(session, method) if session else ""

    def pay_later(self, page: str, method: str = "bank_transfer") -> str:
        """Finish the page with a slow method: whether money comes is known days later."""
        with self.lock:
            session = self._open_session(page)
            if session is None:
                return ""
            intent = self._intent_of(session)
            charge = self._charge(intent, method, "pending")
            session["status"], intent["status"], intent["latest_charge"] = "complete", "processing", charge["id"]
            self._tell("checkout.session.completed", session)
            return str(intent["id"])

    def settle_later(self, page: str) -> str:
        """Have the money of a slow method arrive."""
        with self.lock:
            session, intent = self._slow(page)
            if session is None or intent is None:
                return ""
            self._receive(session, intent, self.charges[intent["latest_charge"]])
            self._tell("checkout.session.async_payment_succeeded", session)
            return str(intent["id"])

    def fail_later(self, page: str) -> str:
        """Have the money of a slow method never arrive."""
        with self.lock:
            session, intent = self._slow(page)
            if session is None or intent is None:
                return ""
            self.charges[intent["latest_charge"]]["status"] = "failed"
            intent.update(
                status="requires_payment_method", last_payment_error={"code": "payment_intent_payment_attempt_failed"}
            )
            self._tell("checkout.session.async_payment_failed", session)
            return str(intent["id"])

    def decline(self, page: str) -> str:
        """Refuse a card. The page stays open for another."""
        with self.lock:
            session = self._open_session(page)
            if session is None:
                return ""
            intent = self._intent_of(session)
            intent["latest_charge"] = self._charge(intent, "card", "failed")["id"]
            intent["last_payment_error"] = {"code": "card_declined"}
            self._tell("payment_intent.payment_failed", intent)
            return str(intent["id"])

    def expire(self, page: str) -> str:
        """End a page unpaid."""
        with self.lock:
            session = self._open_session(page)
            return self._end(session) if session else ""

    def end_sessions(self) -> None:
        """End the pages whose time is over."""
        while self.ends and self.ends[0][0] <= self.now():
            session = self.sessions[heapq.heappop(self.ends)[1]]
            if session["status"] == "open":
                self._end(session)

    # What banks and the merchant's own staff do. All is named by the payment intent, the refund or the dispute.

    def refund_in_dashboard(self, intent: str, amount: int, status: str = "succeeded") -> str:
        """Send money back (minor units) from Stripe's own pages; returns the refund."""
        with self.lock:
            charge = self.charges.get(self.intents[intent]["latest_charge"])
            if charge is None or not charge["paid"] or charge["amount_refunded"] + amount > charge["amount"]:
                return ""
            return str(self.add_refund(charge, amount=amount, status=status, reason=None, metadata={})["id"])

    def settle_refund(self, refund: str) -> str:
        return self._change_refund(refund, "succeeded", "refund.updated", ("pending", "requires_action"))

    def fail_refund(self, refund: str, reason: str = "expired_or_canceled_card") -> str:
        """Have a refund fail, even one that had succeeded: the money is at Stripe again."""
        return self._change_refund(refund, "failed", "refund.failed", GONE, failure_reason=reason)

    def open_dispute(self, intent: str, amount: int = 0, reason: str = "fraudulent") -> str:
        """Have the payer's bank take money back (minor units; 0 is all of it); returns the dispute."""
        with self.lock:
            charge = self.charges[self.intents[intent]["latest_charge"]]
            charge["disputed"] = True
            dispute = make_dispute(charge, amount=amount or charge["amount"], now=self.now(), reason=reason)
            self.disputes[dispute["id"]] = dispute
            self._tell("charge.dispute.created", dispute)
            return str(dispute["id"])

    def close_dispute(self, dispute: str, status: str = "won") -> str:
        with self.lock:
            self.disputes[dispute]["status"] = status
            self._tell("charge.dispute.closed", self.disputes[dispute])
            return dispute

    def open_pages(self, reference: str) -> int:
        """Count the pages on which an attempt can be paid now."""
        with self.lock:
            ours = [one for one in self.sessions.values() if one["client_reference_id"] == reference]
            return sum(one["status"] == "open" for one in ours)

    def sent_back(self, intent: str) -> int:
        """Return what went back of a payment, in minor units."""
        with self.lock:
            return sum(
                one["amount"] for one in self.refunds.values() if one["payment_intent"] == intent and one["status"] in GONE
            )

    def session_of(self, page: str) -> Thing:
        """Return a session by its own id or by our reference. Raises KeyError."""
        return self.sessions[self.by_reference.get(page, page)]

    def add_refund(self, charge: Thing, *, amount: int, status: str, reason: str | None, metadata: Thing) -> Thing:
        """Write a refund down and tell of it."""
        refund = make_refund(charge, amount=amount, now=self.now(), status=status, reason=reason, metadata=metadata)
        self.refunds[refund["id"]] = refund
        self.refunds_of.setdefault(charge["id"], []).append(refund)
        self._count_refunds(charge)
        self._tell("refund.created", refund)
        self._tell("charge.refunded", charge)
        return refund

    def _open_session(self, page: str) -> Thing | None:
        self.end_sessions()
        session = self.session_of(page)
        return session if session["status"] == "open" else None

    def _end(self, session: Thing) -> str:
        session.update(status="expired", url=None)
        self._tell("checkout.session.expired", session)
        return str(session["id"])

    def _slow(self, page: str) -> tuple[Thing | None, Thing | None]:
        session = self.session_of(page)
        intent = self.intents.get(session["payment_intent"] or "")
        return (session, intent) if intent and intent["status"] == "processing" else (None, None)

    def _intent_of(self, session: Thing) -> Thing:
        """Return the payment intent of a session: there is none before its payer submits the page."""
        if session["payment_intent"] is None:
            intent = make_intent(session, now=self.now(), metadata=self.wanted[session["id"]])
            self.intents[intent["id"]] = intent
            session["payment_intent"] = intent["id"]
        return self.intents[session["payment_intent"]]

    def _charge(self, intent: Thing, method: str, status: str) -> Thing:
        charge = make_charge(intent, now=self.now(), method=method, status=status)
        self.charges[charge["id"]] = charge
        return charge

    def _take(self, session: Thing, method: str) -> str:
        intent = self._intent_of(session)
        charge = self._charge(intent, method, "pending")
        self._receive(session, intent, charge)
        self._tell("checkout.session.completed", session)
        return str(intent["id"])

    def _receive(self, session: Thing, intent: Thing, charge: Thing) -> None:
        charge.update(status="succeeded", paid=True)
        intent.update(
            status="succeeded", latest_charge=charge["id"], amount_received=charge["amount"], last_payment_error=None
        )
        session.update(status="complete", payment_status="paid", url=None)

    def _change_refund(self, refund: str, status: str, kind: str, before: Sequence[str], **more: str) -> str:
        with self.lock:
            known = self.refunds[refund]
            if known["status"] not in before:
                return ""
            known.update(status=status, **more)
            self._count_refunds(self.charges[known["charge"]])
            self._tell(kind, known)
            return refund

    def _count_refunds(self, charge: Thing) -> None:
        ours = self.refunds_of.get(charge["id"], [])
        charge["amount_refunded"] = sum(one["amount"] for one in ours if one["status"] in GONE)
        charge["refunded"] = charge["amount_refunded"] == charge["amount"]

    def _tell(self, kind: str, thing: Thing) -> None:
        """Queue a message: what is true now, signed with every secret whenever it is sent."""
        event = make_event(kind, copy.deepcopy(thing), now=self.now(), is_live=self.is_live)
        self.events[event["id"]] = event
        body = json.dumps(event).encode()
        self.messages.append(Message(body, lambda: {"Stripe-Signature": self.signature(body)}))

    def signature(self, body: bytes) -> str:
        """Return the header of a message that is sent now."""
        at = int(time.time())
        signed = str(at).encode() + b"." + body
        digests = [hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() for secret in self.webhook_secrets]
        return ",".join([f"t={at}", *(f"v1={digest}" for digest in digests), f"v0={'0' * 64}"])
