"""Paying, for other programs of the owner."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from bookings import times
from bookings.errors import InvalidInput, NotFound
from bookings.holds import HOLDS_AT_ONCE, Wanted
from bookings.models import ApiKey, Order, PromoCode, SessionType, User
from bookings.promo_codes import find_code
from payments.checkout import order_and_check_out
from payments.errors import GatewayError, GatewayNotOffered
from payments.gateways import offered_gateways
from payments.inquiries import ask_gateway
from payments.models import Payment

MOST_ASKED = 3  # attempts of one order


class InitiateBookingCheckout(APIView):
    """POST {student, bookings: [{tutor, session_type, start}], gateway, promo_code?}: hold the slots, open a page to pay."""

    scope = ApiKey.Scope.CHECKOUT
    http_method_names = ["post", "options"]

    def post(self, request: Request) -> Response:
        """Answer the page's address. All slots are held or none; without a page nothing stays held.

        Prices, lengths and names are those of this site, whatever the request says about them.
        """
        asked = _Asked(_object(request.data))
        student, wanted = asked.student(), asked.wanted()
        order, payment = order_and_check_out(
            wanted, student=student, gateway_name=asked.gateway(wanted), code=asked.promo_code()
        )
        return Response(
            {
                "success": True,
                "checkout_url": payment.checkout_url if payment else settings.SITE_URL + order.get_absolute_url(),
                "session_id": payment.reference if payment else "",
                "pending_booking_id": order.reference,
                "booking_ids": list(order.bookings.order_by("pk").values_list("reference", flat=True)),
                "total_amount": order.total,
                "session_count": len(wanted),
            }
        )


class VerifyPayment(APIView):
    """POST {orderId}: ask the gateway about an order, or about one attempt to pay it."""

    scope = ApiKey.Scope.CHECKOUT
    http_method_names = ["post", "options"]

    def post(self, request: Request) -> Response:
        """Answer our state and the gateway's own word. `success` says that there is an answer, never that it is paid."""
        order, attempts = _find(_text(_object(request.data), "orderId"))
        payment, status = _ask(attempts)
        return Response(
            {
                "success": True,
                "order_id": order.reference,
                "payment_status": payment.status if payment else order.status,
                "transaction_status": status,
            }
        )


@dataclass(frozen=True)
class _Asked:
    """The body of a checkout, read field by field. Each method raises InvalidInput or NotFound."""

    body: Mapping[str, Any]

    def student(self) -> User:
        email = _text(self.body, "student").strip().lower()
        student = User.objects.filter(email=email, is_active=True).first()
        if student is None:
            raise NotFound(_("There is no student with this e-mail address."))
        return student

    def wanted(self) -> list[Wanted]:
        lines = self.body.get("bookings")
        if not isinstance(lines, list) or not lines:
            raise InvalidInput(_("No bookings provided"))
        if len(lines) > HOLDS_AT_ONCE:
            raise InvalidInput(_("Please book at most %(most)s sessions at once.") % {"most": HOLDS_AT_ONCE})
        return [_wanted(_object(line)) for line in lines]

    def promo_code(self) -> PromoCode | None:
        """Return the code that is named. Raises PromoCodeRefused where there is none like it."""
        return find_code(_text(self.body, "promo_code")) if self.body.get("promo_code") else None

    def gateway(self, wanted: list[Wanted]) -> str:
        """Return the gateway that is named; with none named, the first that can take the money."""
        named = self.body.get("gateway")
        if named is not None and not isinstance(named, str):
            raise InvalidInput(_("%(name)s must be a text.") % {"name": "gateway"})
        dearest = max((one.session_type.money for one in wanted), key=lambda money: money.amount)
        offered = [gateway.name for gateway in offered_gateways(dearest)]
        if named and named not in offered and not dearest.is_zero:
            raise GatewayNotOffered
        return named or next(iter(offered), "")


def _wanted(line: Mapping[str, Any]) -> Wanted:
    tutor, slug, start = _text(line, "tutor"), _text(line, "session_type"), _text(line, "start")
    on_sale = SessionType.objects.on_sale().filter(tutor__is_approved=True, tutor__is_paused=False)
    found = on_sale.filter(tutor__user__is_active=True, tutor__slug=tutor, slug=slug).select_related("tutor__user").first()
    if found is None:
        raise NotFound(_("There is no such tutor, or no such session type."))
    return _during(found, start)


def _during(session_type: SessionType, start: str) -> Wanted:
    try:
        wanted = Wanted(session_type, times.as_utc(datetime.fromisoformat(start)))
        wanted.blocks  # noqa: B018 - fails at the end of the calendar
    except ValueError:
        sentence = _("“start” must be a time with its offset, such as 2026-03-01T09:00:00+07:00.")
        raise InvalidInput(sentence) from None
    return wanted


def _find(reference: str) -> tuple[Order, list[Payment]]:
    """Return the order and the attempts that are asked about: the one that is named, or all, paid ones and newest first."""
    payment = Payment.objects.select_related("order").filter(reference=reference).first()
    if payment is not None:
        return payment.order, [payment]
    order = Order.objects.exclude(status=Order.Status.CART).filter(reference=reference).first()
    if order is None:
        raise NotFound(_("There is no order of this number."))
    attempts = order.payments.select_related("order").order_by("-number")
    return order, sorted(attempts, key=lambda attempt: attempt.status != Payment.Status.SUCCEEDED)


def _ask(attempts: list[Payment]) -> tuple[Payment | None, str]:
    """Ask until one is paid, and return that attempt, else the first, with the gateway's word about it.

    What our books know as paid stays paid though its gateway is silent: a success is never told as an error.
    """
    said: list[tuple[Payment, str]] = []
    for payment in attempts[:MOST_ASKED]:
        try:
            status = ask_gateway(payment).status or "not_started"
        except GatewayError:
            if payment.status != Payment.Status.SUCCEEDED:
                raise
            status = ""
        payment.refresh_from_db()
        said.append((payment, status))
        if payment.status == Payment.Status.SUCCEEDED:
            return said[-1]
    return said[0] if said else (None, "")


def _object(data: Any) -> Mapping[str, Any]:
    if not isinstance(data, Mapping):
        raise InvalidInput(_("Please send a JSON object."))
    return data


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if value is None or value == "":
        raise InvalidInput(_("Missing required field: %(name)s") % {"name": name})
    if not isinstance(value, str) or not value.isprintable():
        raise InvalidInput(_("%(name)s must be a text.") % {"name": name})
    return value
