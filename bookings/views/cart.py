"""The cart: times kept for a while, one button away from paying."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from bookings.access import PersonRequest
from bookings.holds import release_hold
from bookings.models import Booking, Order
from bookings.views.answers import SeeOther
from bookings.views.codes import totals_of


@require_GET
def show_cart(request: PersonRequest) -> HttpResponse:
    """Show what is kept for the reader, what was kept too long, and orders that wait for payment."""
    in_cart = Booking.objects.filter(order__payer=request.user, order__status=Order.Status.CART).with_people()
    holds = list(
        in_cart.filter(status__in=[Booking.Status.HELD, Booking.Status.EXPIRED], during__startswith__gt=timezone.now())
    )
    kept = [hold for hold in holds if hold.is_hold_open]
    again = {(hold.session_type_id, hold.starts_at) for hold in kept}
    context = {
        "kept": kept,
        "lapsed": [hold for hold in holds if not hold.is_hold_open and (hold.session_type_id, hold.starts_at) not in again],
        **totals_of(kept),
        "unpaid": Order.objects.to_pay(timezone.now()).filter(payer=request.user),
    }
    return render(request, "bookings/cart.html", context)


@require_POST
def remove_hold(request: PersonRequest, reference: str) -> HttpResponse:
    """Take a time out of the cart, for others to book."""
    release_hold(reference, payer=request.user)
    messages.info(request, _("The time has been released."))
    return SeeOther(reverse("bookings:cart"))
