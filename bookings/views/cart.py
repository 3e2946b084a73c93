"""The cart: times kept for a while, one button away from paying."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from bookings.access import PersonRequest
from bookings.availability import Around, look_around
from bookings.holds import release_hold
from bookings.models import Booking, Order, StudentLink, User
from bookings.retaking import is_sold, read_cart, take_again
from bookings.views.answers import SeeOther
from bookings.views.codes import totals_of
from bookings.views.days import Day, by_day
from bookings.views.for_whom import ForWhom

LATELY = timedelta(hours=1)


@dataclass(frozen=True)
class Kept:
    """A time that is kept, and for whom: more can be added for the same person."""

    hold: Booking
    for_whom: ForWhom


@dataclass(frozen=True)
class Lapsed:
    """A time that was kept too long: whether it can be had again, and which are nearest if it cannot."""

    hold: Booking
    is_free: bool
    nearest: Sequence[Day]
    for_whom: ForWhom


@require_GET
def show_cart(request: PersonRequest) -> HttpResponse:
    """Show what is kept for the reader, what was kept too long, and orders that wait for payment."""
    cart, now = read_cart(request.user), timezone.now()
    chosen = _for_whom([*cart.kept, *cart.lapsed], request.user)
    lapsed = _lapsed(cart.lapsed, chosen)
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


def _for_whom(holds: Sequence[Booking], reader: User) -> dict[int, ForWhom]:
    """Return by the student's key whom the reader books for; of whoever has ended the leave, no link."""
    students = {hold.student_id: hold.student for hold in holds if hold.student_id != reader.pk}
    found = {reader.pk: ForWhom(reader, None, [])}
    if not students:
        return found
    leaves = {link.student_id: link for link in StudentLink.objects.standing().filter(payer=reader)}
    for key, student in students.items():
        link = leaves.get(key)
        if link is not None:
            link.student = student  # loaded already
        found[key] = ForWhom(reader, link, [])
    return found


def _lapsed(holds: Sequence[Booking], chosen: dict[int, ForWhom]) -> list[Lapsed]:
    """Look up what is free of these, and around them. Takes the same few queries for one and for many."""
    for hold in holds:
        hold.session_type.tutor = hold.tutor  # loaded once, with its person
    around = look_around([(hold.session_type, hold.starts_at, hold.student_id) for hold in holds])
    return [_tell(hold, found, chosen[hold.student_id]) for hold, found in zip(holds, around, strict=True)]


def _tell(hold: Booking, around: Around, for_whom: ForWhom) -> Lapsed:
    may = is_sold(hold) and for_whom.student.pk == hold.student_id
    zone = ZoneInfo(timezone.get_current_timezone_name())
    nearest = by_day(around.nearest, zone) if may and not around.is_open else []
    return Lapsed(hold, may and around.is_open, nearest, for_whom)
