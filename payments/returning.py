"""Somebody comes back from a payment page, or asks for news: the gateway is asked through the webhook's own code."""

from __future__ import annotations

import logging

from bookings.models import Order
from payments.errors import GatewayError
from payments.inquiries import ask_gateway_now
from payments.models import Payment

log = logging.getLogger("linkpool.inquiries")
NEWEST = 3  # older attempts are asked about in their own time


def ask_about_order(order: Order) -> bool:
    """Ask about the newest attempts of an order that may still be paid. False when a gateway did not answer.

    What it says is recorded as if a message had come. Trouble is no error for whoever waits: we ask again by ourselves.
    """
    opened = order.payments.exclude(checkout_url="").order_by("-number")
    newest = [payment for payment in opened if payment.may_still_be_paid][:NEWEST]
    answers = [_is_answered(payment) for payment in newest]  # all of them, even after one that does not answer
    return all(answers)


def _is_answered(payment: Payment) -> bool:
    try:
        ask_gateway_now(payment)
    except GatewayError as error:
        log.warning("gateway could not be asked", extra={"payment": payment.reference, "reason": error.detail})
        return False
    return True
