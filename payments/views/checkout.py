"""From the cart to the gateway's page and back, and the story of an order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from bookings.access import PersonRequest
from bookings.errors import CartEmpty, HoldExpired, PriceChanged
from bookings.holds import open_holds
from bookings.models import Booking, Order, User
from bookings.money import Money
from bookings.pricing import Quote, quote_cart
from bookings.views.answers import SeeOther
from bookings.views.lapsed import Lapsed, chosen_students, look_up_lapsed
from payments.attempt_words import tell_attempt
from payments.checkout import place_cart, start_checkout
from payments.errors import BeginsTooSoon, GatewayNotOffered
from payments.forms import CheckoutForm, GatewayForm
from payments.gateways import listed_gateways
from payments.models import Payment
from payments.refund_words import tell_refund
from payments.returning import ask_about_order
from payments.standing import tell_standing
from payments.stories import Story, tell_story

BACK = "back"  # in the address of an order's page: its payer has just come from a payment page
JUST_NOW, LATELY = timedelta(minutes=1), timedelta(hours=1)


@require_http_methods(["GET", "HEAD", "POST"])
def check_out(request: PersonRequest) -> HttpResponse:
    """Show what is about to be paid and how; POST places the order and goes on to the gateway's page."""
    if (order := _placed_before(request)) is not None:
        return SeeOther(order.get_absolute_url())
    cart = Order.objects.carts().filter(payer=request.user).first()
    holds = [] if cart is None else list(open_holds(cart).with_people().order_by("during", "pk"))
    if cart is None or not holds:
        return _go_to_waiting_order(request)
    quote = quote_cart(cart, holds)
    money = quote.total
    if request.method != "POST":
        form = CheckoutForm(money=money, initial={"expected_total": money.amount, "cart": cart.reference})
        return _show_checkout(request, holds, quote, form)
    form = CheckoutForm(request.POST, money=money)
    if "expected_total" in form.errors:
        raise PriceChanged(next_steps=_look_again())
    if not form.is_valid():
        return _show_checkout(request, holds, quote, form, status=400)
    seen = Money(form.cleaned_data["expected_total"], money.currency)
    with _cart_offered():
        order = place_cart(request.user, seen=seen, reference=form.cleaned_data["cart"])
    return _go_to_payment(order, form.chosen)


@require_GET
def show_order(request: PersonRequest, reference: str) -> HttpResponse:
    """Show the payer how the order stands."""
    story = tell_story(_order(request, reference), now=timezone.now())
    return render(request, "payments/order_detail.html", _context(request, story))


@require_GET
def show_order_state(request: PersonRequest, reference: str) -> HttpResponse:
    """Answer the page that asks every few seconds: the fragment, or 204 while it is as it was (`?seen=`)."""
    story = tell_story(_order(request, reference), now=timezone.now())
    if request.GET.get("seen") == story.version:
        return HttpResponse(status=204)
    return render(request, "payments/_order.html", _context(request, story))


@require_POST
def pay_order(request: PersonRequest, reference: str) -> HttpResponse:
    """Go (back) to a gateway's page with an order that waits for payment."""
    order = _order(request, reference)
    form = GatewayForm(request.POST, money=order.money)
    if not form.is_valid():
        raise GatewayNotOffered(next_steps=[(order.get_absolute_url(), _("Go to your order"))])
    return _go_to_payment(order, form.chosen)


@require_POST
def check_payments(request: PersonRequest, reference: str) -> HttpResponse:
    """Ask the gateway for somebody who has just come back from its page; what is shown follows from our books."""
    order = _order(request, reference)
    has_answer = ask_about_order(order)
    if request.headers.get("HX-Request"):
        return HttpResponse(status=204)  # the page asks for its own news
    if not has_answer:
        messages.warning(request, _("The payment service does not answer right now. We go on asking it by ourselves."))
    elif not tell_story(order, now=timezone.now()).is_settled:
        messages.info(request, _("The payment service has not told us of your money yet. We go on asking it by ourselves."))
    return SeeOther(order.get_absolute_url())


@require_GET
def return_from_gateway(request: PersonRequest, reference: str) -> HttpResponse:
    """Lead back to the order, which then asks the gateway. Nothing that this address claims is believed, or shown."""
    payment = get_object_or_404(Payment.objects.visible_to(request.user), reference=reference)
    return SeeOther(f"{payment.order.get_absolute_url()}?{BACK}=1")


def _order(request: PersonRequest, reference: str) -> Order:
    placed = Order.objects.visible_to(request.user).exclude(status=Order.Status.CART)
    return get_object_or_404(placed.select_related("payer", "promo_code"), reference=reference)


def _context(request: PersonRequest, story: Story) -> dict[str, Any]:
    order = story.order
    labels = {gateway.name: str(gateway.label) for gateway in listed_gateways()}
    just_back = BACK in request.GET
    return {
        "order": order,
        "story": story,
        "state": story.state.value,
        "standing": tell_standing(story, request.user, just_back=just_back),
        "just_back": just_back,
        "happenings": story.happenings(labels),
        "attempts": [
            tell_attempt(payment, way=labels.get(payment.gateway, payment.gateway), now=story.now)
            for payment in story.payments
        ],
        "refunds": [tell_refund(refund) for refund in story.refunds],
        "retakes": _retakes(story, request.user),
        "form": GatewayForm(money=order.money, initial={"gateway": story.last_try.gateway} if story.last_try else {}),
    }


def _retakes(story: Story, reader: User) -> list[Lapsed]:
    """Return what can be chosen in the place of times that are not booked."""
    lost = story.to_take_again
    for booking in lost:
        booking.order = story.order
    return look_up_lapsed(lost, chosen_students(lost, reader)) if lost else []


def _show_checkout(
    request: PersonRequest, holds: Sequence[Booking], quote: Quote, form: CheckoutForm, status: int = 200
) -> HttpResponse:
    first_start = min(hold.starts_at for hold in holds)
    context = {
        "holds": holds,
        "quote": quote,
        "money": quote.total,
        "form": form,
        "first_to_go": min(hold.held_until for hold in holds if hold.held_until),
        "minutes_to_pay": settings.PAYMENT_MINUTES,
        # The session that must be paid before it begins, where that is sooner than the usual deadline.
        "begins_soon": first_start if first_start < timezone.now() + timedelta(minutes=settings.PAYMENT_MINUTES) else None,
    }
    return render(request, "payments/checkout.html", context, status=status)


def _go_to_payment(order: Order, gateway_name: str) -> HttpResponse:
    payment = start_checkout(order, gateway_name=gateway_name)
    return SeeOther(payment.checkout_url if payment else order.get_absolute_url())


def _placed_before(request: PersonRequest) -> Order | None:
    """Return the order that the form's cart has become: the page was old, went back to, or stood in another tab."""
    reference = request.POST.get("cart", "").replace("\x00", "")
    if not reference:
        return None
    return request.user.orders.exclude(status=Order.Status.CART).filter(reference=reference).first()


@contextmanager
def _cart_offered() -> Iterator[None]:
    """Put the way to the cart beside a refusal."""
    try:
        yield
    except (PriceChanged, BeginsTooSoon, HoldExpired, CartEmpty) as refusal:
        refusal.context.setdefault("next_steps", _look_again())
        raise


def _go_to_waiting_order(request: PersonRequest) -> HttpResponse:
    """An empty cart: whoever has just placed it, in another tab or by a second press, or has paid it, is led to it."""
    now = timezone.now()
    mine = request.user.orders.order_by("-placed_at")
    waiting, paid = mine.to_pay(now).first(), mine.filter(status=Order.Status.PAID, placed_at__gt=now - LATELY).first()
    order = max(filter(None, [waiting, paid]), key=lambda one: one.placed_at or now, default=None)  # the one they came from
    if order is not None and (request.method != "POST" or _is_just_placed(order, now)):
        return SeeOther(order.get_absolute_url())
    if request.method == "POST":
        raise CartEmpty(next_steps=_look_again())
    return SeeOther(reverse("bookings:cart"))


def _is_just_placed(order: Order, now: datetime) -> bool:
    return not order.is_paid or (order.placed_at is not None and order.placed_at > now - JUST_NOW)


def _look_again() -> list[tuple[str, str]]:
    return [(reverse("bookings:cart"), _("Look at your cart"))]
