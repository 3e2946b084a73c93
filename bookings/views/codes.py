"""A code in the cart: typed, shown with what it takes off, taken out again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from bookings.access import PersonRequest
from bookings.errors import DomainError
from bookings.holds import open_holds
from bookings.models import Booking, Order
from bookings.pricing import quote_cart
from bookings.promo_codes import put_code, take_code_out
from bookings.views.answers import SeeOther


def totals_of(holds: Sequence[Booking]) -> dict[str, Any]:
    """Return what `bookings/_cart_total.html` shows of the open holds of a cart, loaded `with_people`."""
    if not holds:
        return {"quote": None, "code": None}
    cart = holds[0].order
    return {"quote": quote_cart(cart, holds), "code": cart.promo_code}


@require_POST
def add_code(request: PersonRequest) -> HttpResponse:
    """Put the code that was typed into the cart; one that takes nothing off is not kept, and the answer says why."""
    typed = request.POST.get("code", "")
    refusal = put_code(request.user, typed)
    if request.headers.get("HX-Request"):
        return _answer_in_place(request, refusal, typed)
    if refusal is not None:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("The code counts: see the new total."))
    return SeeOther(reverse("bookings:cart"))


@require_POST
def remove_code(request: PersonRequest) -> HttpResponse:
    """Take the code out of the cart."""
    take_code_out(request.user)
    if request.headers.get("HX-Request"):
        return _answer_in_place(request, None, "")
    messages.info(request, _("The code has been taken out."))
    return SeeOther(reverse("bookings:cart"))


def _answer_in_place(request: PersonRequest, refusal: DomainError | None, typed: str) -> HttpResponse:
    """Answer the part of the cart that has changed; the whole page where its times have run out meanwhile."""
    cart = Order.objects.carts().filter(payer=request.user).first()
    holds = [] if cart is None else list(open_holds(cart).with_people())
    if not holds:
        return HttpResponse(status=204, headers={"HX-Refresh": "true"})
    context = {**totals_of(holds), "code_refusal": refusal, "code_typed": typed[:30], "is_fragment": True}
    return render(request, "bookings/_cart_total.html", context)
