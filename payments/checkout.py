"""Going to pay: the Payment is written down first, then the gateway is asked for its page, outside of any lock.

A page that is still open is used again, so reloading makes no new attempt. Before another one is opened, at the same
gateway or elsewhere, the order's others are closed (closing.py), which may find that the order is paid already. When the
gateway's answer is lost nobody knows whether there is a page: that attempt stays pending until it is closed as well.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from bookings.errors import OrderNotPayable, PriceChanged
from bookings.holds import Wanted, lock_cart, open_holds
from bookings.kept import Kept
from bookings.models import Booking, Order, PromoCode, User
from bookings.money import Money
from bookings.orders import mark_order_paid, order_at_once, place_order, release_order
from bookings.pricing import quote_cart
from payments import closing
from payments.errors import (
    AlreadyPaid,
    BeginsTooSoon,
    CheckoutUnderway,
    GatewayError,
    GatewayNotOffered,
    GatewayRefused,
    MoneyBeingLookedAt,
    TooManyAttempts,
)
from payments.gateways import require_offered
from payments.gateways.base import CheckoutItem, CheckoutRequest, Gateway
from payments.models import Payment

log = logging.getLogger("linkpool.checkout")

LEAST_TIME = timedelta(minutes=1)  # less than this is no time to pay in
TOO_SOON = timedelta(minutes=2)  # an order must be paid before its first session begins
FIRST_CHECK = timedelta(minutes=2)
NO_PAGE = Kept("The gateway did not open a page: %(detail)s")
PERHAPS_A_PAGE = Kept("Nobody knows whether the gateway opened a page: %(detail)s")
CLOSED_AT_ONCE = 3  # while the payer waits; the others by a job
MOST_ATTEMPTS = 20  # of one order: each costs the gateway a page and us a question every few minutes


def start_checkout(order: Order, *, gateway_name: str) -> Payment | None:
    """Place the order if it is a cart, and return an attempt with the gateway's page; None if nothing is to be paid.

    Raises what `place_order` raises; AlreadyPaid, OrderNotPayable, AnswerAwaited, GatewayNotOffered, CheckoutUnderway,
    TooManyAttempts; GatewayUnavailable and GatewayRefused, after which the order waits for another attempt.
    """
    require_unpaid(order)
    if not total_of(order).is_zero:
        require_offered(gateway_name, total_of(order))  # before the cart is gone
    with transaction.atomic():
        order = place_order(order)
        if order.money.is_zero:
            mark_order_paid(order, why="nothing to pay")
            return None
    gateway = require_offered(gateway_name, order.money)
    if (page := _find_page(order, gateway)) is not None:
        return page
    closing.close_now(closing.supersede_others(order)[-CLOSED_AT_ONCE:])
    payment, is_new = _find_or_make_payment(order, gateway)
    if not is_new:
        return payment
    closing.supersede_others(order, newest=payment)  # one that another tab has begun meanwhile: the last click counts
    return _open_page(payment, gateway)


def require_unpaid(order: Order) -> None:
    """Raises AlreadyPaid for an order that is paid, MoneyBeingLookedAt if a person has to decide about money for it."""
    leads_to = order.get_absolute_url()
    if Order.objects.filter(pk=order.pk, status=Order.Status.PAID).exists():
        raise AlreadyPaid(leads_to=leads_to)
    if order.payments.needing_review().filter(received_amount__isnull=False).exists():
        raise MoneyBeingLookedAt(leads_to=leads_to)


def order_and_check_out(
    wanted: Sequence[Wanted], *, student: User, gateway_name: str, code: PromoCode | None = None
) -> tuple[Order, Payment | None]:
    """Order these sessions beside any cart and start to pay them, for a program that waits for the page's address.

    Without a page it has nothing to pay at, so the order is released and others may book. Raises what
    `order_at_once` and `start_checkout` raise.
    """
    order = order_at_once(wanted, student=student, code=code)
    try:
        return order, start_checkout(order, gateway_name=gateway_name)
    except (GatewayError, GatewayNotOffered):
        release_order(order, why="no payment page")
        raise


@transaction.atomic
def place_cart(payer: User, *, seen: Money, reference: str = "") -> Order:
    """Place the payer's cart if it is the one they saw (`reference`, if known) and costs what they saw.

    A page of a cart that was placed meanwhile, in another tab or by a second press, gets that order back. Raises
    PriceChanged, BeginsTooSoon and what `place_order` raises.
    """
    cart = lock_cart(payer)
    if reference and reference != cart.reference:
        placed = payer.orders.to_pay(timezone.now()).filter(reference=reference).first()
        if placed is None:
            raise PriceChanged
        return placed
    soon = open_holds(cart).filter(during__startswith__lt=timezone.now() + TOO_SOON)
    if not seen.is_zero and soon.exists():
        raise BeginsTooSoon
    return place_order(cart, seen=seen)


def total_of(order: Order) -> Money:
    """Return what is to be paid; a cart is reckoned from its open holds and its code."""
    if order.status != Order.Status.CART:
        return order.money
    return quote_cart(order, list(open_holds(order).select_related("session_type"))).total


@transaction.atomic
def _find_page(order: Order, gateway: Gateway) -> Payment | None:
    """Return the attempt whose page is open at this gateway. Raises what forbids to open one, and CheckoutUnderway."""
    return _page_of(_lock_payable(order), gateway)


@transaction.atomic
def _find_or_make_payment(order: Order, gateway: Gateway) -> tuple[Payment, bool]:
    """Look again under the order's lock, and write a new attempt down if there is still none."""
    order = _lock_payable(order)
    if (page := _page_of(order, gateway)) is not None:
        return page, False
    now = timezone.now()
    number = (order.payments.aggregate(last=Max("number"))["last"] or 0) + 1
    if number > MOST_ATTEMPTS:
        raise TooManyAttempts
    payment = Payment.objects.create(
        order=order,
        number=number,
        reference=f"PAY-{order.reference.removeprefix('OR-')}-{number}",
        gateway=gateway.name,
        amount=order.total,
        currency=order.currency,
        expires_at=min(order.expires_at or now, now + gateway.longest_page),
        next_check_at=now + FIRST_CHECK,
    )
    log.info("payment started", extra={**_facts(payment), "attempt": number})
    return payment, True


def _lock_payable(order: Order) -> Order:
    order = Order.objects.select_for_update().get(pk=order.pk)
    order.require_agreed()
    require_unpaid(order)
    if not order.is_awaiting_payment or order.expires_at is None or order.expires_at - timezone.now() < LEAST_TIME:
        raise OrderNotPayable
    return order


def _page_of(order: Order, gateway: Gateway) -> Payment | None:
    now = timezone.now()
    latest = order.payments.filter(gateway=gateway.name, superseded_at=None).order_by("-number").first()
    if latest is not None and latest.is_being_opened(now):
        raise CheckoutUnderway
    return latest if latest is not None and latest.page_is_open(now) else None


def _open_page(payment: Payment, gateway: Gateway) -> Payment:
    try:
        page = gateway.open_checkout(_request_of(payment))
    except GatewayError as error:
        _note_trouble(payment, error)
        error.context["next_steps"] = _to_order(payment.order)
        raise
    payment.checkout_url, payment.checkout_token = page.url, page.token
    payment.save(update_fields=["checkout_url", "checkout_token"])
    # Another tab was faster: whatever closed this attempt meanwhile has not found its page.
    late = Payment.objects.filter(pk=payment.pk, superseded_at__isnull=False)
    if late.update(closed_at=None, next_close_at=timezone.now()):
        raise CheckoutUnderway(next_steps=_to_order(payment.order))
    return payment


def _note_trouble(payment: Payment, error: GatewayError) -> None:
    """A refusal ends the attempt. Without an answer it stays pending: the gateway is asked about it later."""
    log.error("no payment page", extra={**_facts(payment), "reason": error.detail})
    attempt = Payment.objects.filter(pk=payment.pk, status=Payment.Status.PENDING)
    if isinstance(error, GatewayRefused):
        note = NO_PAGE(detail=error.detail)
        attempt.update(status=Payment.Status.FAILED, note=note[:500], next_check_at=None)
        return
    note = PERHAPS_A_PAGE(detail=error.detail)
    attempt.update(note=note[:500])


def _request_of(payment: Payment) -> CheckoutRequest:
    order = payment.order
    bookings = order.bookings.exclude(status=Booking.Status.CANCELLED).order_by("pk")
    items = [CheckoutItem(one.reference, one.name, one.money) for one in bookings if not one.money.is_zero]
    rest = order.money - sum((item.money for item in items), Money(0, order.currency))
    if not rest.is_zero:
        items.append(CheckoutItem("discount", _("Discount"), rest))
    return CheckoutRequest(
        reference=payment.reference,
        money=payment.money,
        items=items,
        payer_name=str(order.payer),
        payer_email=order.payer.email,
        made_at=payment.created_at,
        expires_at=payment.expires_at,
        return_url=settings.SITE_URL + reverse("payments:payment_return", args=[payment.reference]),
    )


def _to_order(order: Order) -> list[tuple[str, str]]:
    return [(order.get_absolute_url(), _("Go to your order"))]


def _facts(payment: Payment) -> dict[str, object]:
    return {
        "payment": payment.reference,
        "order": payment.order.reference,
        "gateway": payment.gateway,
        "amount": payment.amount,
        "currency": payment.currency,
    }
