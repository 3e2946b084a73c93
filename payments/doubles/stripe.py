"""A pretend Stripe: sessions, payment intents, refunds, disputes and events, as payments of Checkout need them.

Keys of requests are remembered with status and body as Stripe remembers them, its own 500s included.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qsl

from bookings.doubles.server import Answer, Fault, Request
from payments.doubles.stripe_books import Thing, make_session
from payments.doubles.stripe_forms import DAY, Form, Refused, check_metadata, check_session, read_form, whole
from payments.doubles.stripe_people import StripePeople

REFUND_REASONS = ("duplicate", "fraudulent", "requested_by_customer")
_LOST_DISPUTE = ("needs_response", "under_review", "lost")


class StripeDouble(StripePeople):
    """Stripe on a local port. `busy_keys`: keys of requests of which another is still running."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.busy_keys: set[str] = set()
        self._keys: dict[str, tuple[object, Answer, int]] = {}  # what was asked, the first answer, when
        self._routes: list[tuple[str, str, Callable[..., Thing]]] = [
            ("POST", "/v1/checkout/sessions", self._create_session),
            ("GET", "/v1/checkout/sessions", self._list_sessions),
            ("GET", "/v1/checkout/sessions/([^/]+)", self._retrieve_session),
            ("POST", "/v1/checkout/sessions/([^/]+)/expire", self._expire_session),
            ("GET", "/v1/payment_intents/([^/]+)", self._retrieve_intent),
            ("POST", "/v1/refunds", self._create_refund),
            ("GET", "/v1/refunds", self._list_refunds),
            ("GET", "/v1/refunds/([^/]+)", self._retrieve_refund),
            ("GET", "/v1/disputes", self._list_disputes),
            ("GET", "/v1/disputes/([^/]+)", self._retrieve_dispute),
            ("GET", "/v1/events", self._list_events),
        ]

    def answer(self, request: Request) -> Answer:
        self.end_sessions()
        try:
            if request.path.startswith("/pay/"):
                return Answer(200, self._show(request.path.removeprefix("/pay/")))
            self._check_key(request)
            key = request.headers.get("Idempotency-Key", "") if request.method == "POST" else ""
            return self._once(key, request) if key else Answer(200, self._act(request))
        except Refused as refused:
            return Answer(refused.status, refused.body)

    def respond(self, request: Request) -> tuple[Answer, Fault | None]:
        """Remember a 500 after the work under the request's key: it is what a repetition gets."""
        key = request.headers.get("Idempotency-Key", "")
        with self.lock:
            was_known = key in self._keys
            answer, fault = super().respond(request)
            if answer.status == 500 and fault is None and key in self._keys and not was_known:
                asked, _first, at = self._keys[key]
                self._keys[key] = (asked, answer, at)
            return answer, fault

    def error(self, status: int) -> Answer:
        if status == 429:
            return Answer(429, {"error": {"type": "rate_limit_error", "code": "rate_limit", "message": "Too many requests"}})
        message = "Sorry! There was an error while talking to one of our backends."
        return Answer(status, {"error": {"type": "api_error", "message": message}})

    def state(self) -> dict[str, Any]:
        names = ("sessions", "intents", "charges", "refunds", "disputes")
        return {name: list(getattr(self, name).values()) for name in names}

    def _check_key(self, request: Request) -> None:
        if request.headers.get("Authorization") != f"Bearer {self.secret_key}":
            shown = f"{request.headers.get('Authorization', '')[-4:]}"
            raise Refused(f"Invalid API Key provided: ****{shown}", status=401, kind="authentication_error")

    def _once(self, key: str, request: Request) -> Answer:
        """Do what was not done under this key yet; else answer as the first time. What is refused is not remembered."""
        if key in self.busy_keys:
            message = "There is currently another in-progress request using this key."
            raise Refused(message, status=409, code="idempotency_key_in_use", kind="idempotency_error")
        asked = (request.path, request.body)
        known = self._keys.get(key)
        if known is not None and known[2] > self.now() - DAY:
            if known[0] != asked:
                message = "Keys for idempotent requests can only be used with the same parameters they were first used with."
                raise Refused(message, kind="idempotency_error")
            return Answer(known[1].status, known[1].body, {"Idempotent-Replayed": "true"})
        answer = Answer(200, self._act(request))
        self._keys[key] = (asked, answer, self.now())
        return answer

    def _act(self, request: Request) -> Thing:
        for method, path, act in self._routes:
            found = re.fullmatch(path, request.path)
            if found and method == request.method:
                return act(_form_of(request), *found.groups())
        message = f"Unrecognized request URL ({request.method}: {request.path})."
        raise Refused(message, status=404)

    def _create_session(self, form: Form) -> Thing:
        check_session(form, now=self.now())
        session = make_session(form, now=self.now(), is_live=self.is_live, url=self.url)
        identity = session["id"]
        self.sessions[identity] = session
        self.by_reference[session["client_reference_id"] or identity] = identity
        self.wanted[identity] = (form.get("payment_intent_data") or {}).get("metadata") or {}
        heapq.heappush(self.ends, (session["expires_at"], identity))
        return {**session}

    def _retrieve_session(self, form: Form, identity: str) -> Thing:
        session = dict(_known(self.sessions, identity, "checkout.session"))
        wanted = form.get("expand") or []
        if any(path.startswith("payment_intent") for path in wanted) and session["payment_intent"]:
            deeper = [path.partition(".")[2] for path in wanted if path.startswith("payment_intent.")]
            session["payment_intent"] = self._expanded(self.intents[session["payment_intent"]], deeper)
        return session

    def _retrieve_intent(self, form: Form, identity: str) -> Thing:
        return self._expanded(_known(self.intents, identity, "payment_intent"), form.get("expand") or [])

    def _expanded(self, intent: Thing, wanted: list[str]) -> Thing:
        intent = dict(intent)
        if any(path.startswith("latest_charge") for path in wanted) and intent["latest_charge"]:
            charge = dict(self.charges[intent["latest_charge"]])
            if "latest_charge.refunds" in wanted:
                charge["refunds"] = _page(reversed(self.refunds_of.get(charge["id"], [])), {}, "/v1/refunds")
            intent["latest_charge"] = charge
        return intent

    def _expire_session(self, _form: Form, identity: str) -> Thing:
        _known(self.sessions, identity, "checkout.session")
        if not self.expire(identity):
            message = 'Only Checkout Sessions with a status in ["open"] can be expired.'
            raise Refused(f"{message} This Checkout Session has a status of {self.sessions[identity]['status']}.")
        return {**self.sessions[identity]}

    def _list_sessions(self, form: Form) -> Thing:
        created = form.get("created") or {}
        first, last = int(created.get("gte", 0)), int(created.get("lte", 2**40))
        intent = form.get("payment_intent")
        ours = [
            one
            for one in reversed(self.sessions.values())
            if first <= one["created"] <= last and intent in (None, one["payment_intent"])
        ]
        return _page(ours, form, "/v1/checkout/sessions")

    def _create_refund(self, form: Form) -> Thing:
        intent = _known(self.intents, form.get("payment_intent", ""), "payment_intent")
        charge = self.charges.get(intent["latest_charge"] or "")
        if charge is None or not charge["paid"]:
            raise Refused("This PaymentIntent does not have a successful charge to refund.", param="payment_intent")
        if any(one["charge"] == charge["id"] and one["status"] in _LOST_DISPUTE for one in self.disputes.values()):
            raise Refused("This charge has been charged back.", code="charge_disputed")
        left = charge["amount"] - charge["amount_refunded"]
        if left == 0:
            raise Refused(f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
        amount = whole(form, "amount", least=1) if "amount" in form else left
        if amount > left:
            raise Refused(f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})", param="amount")
        if form.get("reason") not in (None, *REFUND_REASONS):
            raise Refused(f"Invalid reason: must be one of {', '.join(REFUND_REASONS)}", param="reason")
        check_metadata(form)
        metadata = form.get("metadata") or {}
        made = self.add_refund(
            charge, amount=amount, status=self.refunds_start, reason=form.get("reason"), metadata=metadata
        )
        return {**made}

    def _list_refunds(self, form: Form) -> Thing:
        return _page(_of_intent(self.refunds, form), form, "/v1/refunds")

    def _retrieve_refund(self, _form: Form, identity: str) -> Thing:
        return dict(_known(self.refunds, identity, "refund"))

    def _list_disputes(self, form: Form) -> Thing:
        return _page(_of_intent(self.disputes, form), form, "/v1/disputes")

    def _retrieve_dispute(self, _form: Form, identity: str) -> Thing:
        return dict(_known(self.disputes, identity, "dispute"))

    def _list_events(self, form: Form) -> Thing:
        kinds = form.get("types")
        events = [one for one in reversed(self.events.values()) if not kinds or one["type"] in kinds]
        return _page(events, form, "/v1/events")

    def _show(self, identity: str) -> Thing:
        session = _known(self.sessions, identity, "checkout.session")
        return {name: session[name] for name in ("id", "status", "payment_status", "amount_total", "currency")}


def _form_of(request: Request) -> Form:
    if request.method == "POST":
        return read_form(parse_qsl(request.body.decode(), keep_blank_values=True))
    return read_form((name, value) for name, values in request.query.items() for value in values)


def _known(things: dict[str, Thing], identity: str, kind: str) -> Thing:
    if identity not in things:
        raise Refused(f"No such {kind}: '{identity}'", status=404, code="resource_missing", param="id")
    return things[identity]


def _of_intent(things: dict[str, Thing], form: Form) -> list[Thing]:
    intent = form.get("payment_intent")
    return [one for one in reversed(things.values()) if intent in (None, one["payment_intent"])]


def _page(things: Iterable[Thing], form: Form, url: str) -> Thing:
    """Return a page of a list, the newest first, as the cursors ask for it."""
    found, most = list(things), min(100, whole({"limit": 10, **form}, "limit", least=1))
    ids = [one["id"] for one in found]
    if after := form.get("starting_after"):
        found = found[ids.index(after) + 1 :] if after in ids else []
    if before := form.get("ending_before"):
        found = found[: ids.index(before)][-most:] if before in ids else []
    return {"object": "list", "url": url, "has_more": len(found) > most, "data": [dict(one) for one in found[:most]]}
