"""The cart: times kept for a while, one button away from paying."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from bookings.access import PersonRequest
from bookings.holds import release_hold
from bookings.models import Booking, Order
from bookings.retaking import read_cart, take_again
from bookings.views.answers import SeeOther
from bookings.views.codes import totals_of
from bookings.views.for_whom import ForWhom
from bookings.views.lapsed import chosen_students, look_up_lapsed

LATELY = timedelta(hours=1)


@dataclass(frozen=True)
class Kept:
    """A time that is kept, and for whom: more can be added for the same person."""

    hold: Booking
    for_whom: ForWhom


@require_GET
def show_cart(request: PersonRequest) -> HttpResponse:
    """Show what is kept for the reader, what was kept too long, and orders that wait for payment."""
    cart, now = read_cart(request.user), timezone.now()
    chosen = chosen_students([*cart.kept, *cart.lapsed], request.user)
    lapsed = look_up_lapsed(cart.lapsed, chosen)
    orders = request.user.orders
    context = {
        "kept": [Kept(hold, chosen[hold.student_id]) for hold in cart.kept],
        "first_to_go": cart.first_to_go,
        "lapsed": lapsed,
        "free_again": sum(1 for one in lapsed if one.is_free),
        "unpaid": orders.to_pay(now).order_by("expires_at", "pk"),
        "paid_lately": orders.filter(status=Order.Status.PAID, paid_at__gt=now - LATELY).order_by("paid_at").last(),
        **totals_of(cart.kept),
    }
    return render(request, "bookings/cart.html", context)


@require_POST
def remove_hold(request: PersonRequest, reference: str) -> HttpResponse:
    """Take a time out of the cart, for others to book."""
    release_hold(reference, payer=request.user)
    messages.info(request, _("The time has been released."))
    return SeeOther(reverse("bookings:cart"))


@require_POST
def retake(request: PersonRequest) -> HttpResponse:
    """Take all lapsed times again that are still free; the cart then names those that are gone."""
    done = take_again(request.user)
    taken, gone = len(done.taken), len(done.gone)
    if taken:
        text = ngettext("%(count)d time is kept for you again.", "%(count)d times are kept for you again.", taken)
        messages.success(request, text % {"count": taken})
    if gone:
        text = ngettext(
            "%(count)d time could not be had again. See the nearest free times below.",
            "%(count)d times could not be had again. See the nearest free times below.",
            gone,
        )
        messages.warning(request, text % {"count": gone})
    return SeeOther(reverse("bookings:cart"))
