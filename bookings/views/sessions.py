"""A person's own bookings: as student, as tutor, or as the one who pays."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET

from bookings import lists
from bookings.access import PersonRequest
from bookings.models import Booking

BOOKINGS_ON_A_PAGE = 20
COMING, PAST, DROPPED = "coming", "past", "dropped"
LISTS = {COMING: _("Upcoming"), PAST: _("Past"), DROPPED: _("Cancelled and expired")}
_ASKED = {COMING: lists.coming, PAST: lists.past, DROPPED: lists.dropped}


@require_GET
def list_bookings(request: PersonRequest) -> HttpResponse:
    """Show one of three lists: what is coming (first what waits for payment), what is over, what came to nothing."""
    shown = request.GET.get("show", COMING)
    if shown not in LISTS:
        raise Http404
    bookings = _ASKED[shown](Booking.objects.visible_to(request.user).with_people(), now=timezone.now())
    page = Paginator(bookings, BOOKINGS_ON_A_PAGE).get_page(request.GET.get("page"))
    context = {"page_obj": page, "shown": shown, "lists": LISTS.items(), "teaches": hasattr(request.user, "tutor")}
    return render(request, "bookings/booking_list.html", context)


@require_GET
def show_booking(request: PersonRequest, reference: str) -> HttpResponse:
    """Show one booking to those whom it concerns. Strangers get 404."""
    visible = Booking.objects.visible_to(request.user).with_people()
    booking = get_object_or_404(visible, reference=reference)
    changes = list(booking.changes.select_related("who").order_by("at", "pk"))
    context: dict[str, Any] = {
        "booking": booking,
        "changes": changes,
        "proposal_message": next((change.why for change in reversed(changes) if change.what == "proposal"), ""),
        "is_payer": booking.order.payer_id == request.user.pk,
        "is_tutor": booking.tutor.user_id == request.user.pk,
        "is_student": booking.student_id == request.user.pk,
        "is_party": request.user.pk in (booking.student_id, booking.tutor.user_id),
    }
    return render(request, "bookings/booking_detail.html", context)
