"""What a tutor can do about a session without an address: have it tried again, or give one."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from bookings.access import PersonRequest
from bookings.limits import require_seldom
from bookings.models import Booking
from bookings.views.answers import SeeOther
from meetings.by_hand import give_address
from meetings.forms import AddressForm
from meetings.joining import find_door
from meetings.places import name_of_place
from meetings.retrying import retry_meeting

RETRIES, ADDRESSES = "4/min", "10/min"


@require_POST
def retry(request: PersonRequest, reference: str) -> HttpResponse:
    """Try again at once, the tutor's own provider first. Only the tutor may ask; the staff have the admin."""
    booking = _own_session(request, reference)
    require_seldom("meeting-retry", booking.pk, rate=RETRIES)
    retry_meeting(booking)
    messages.success(request, _("We are trying again. This page shows how it goes."))
    return SeeOther(booking.get_absolute_url())


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def address(request: PersonRequest, reference: str) -> HttpResponse:
    """Show the form for an address that a tutor gives; POST holds the session there."""
    booking = _own_session(request, reference)
    form = AddressForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        require_seldom("meeting-address", booking.pk, rate=ADDRESSES)
        with form.address_refused():
            give_address(booking, form.cleaned_data["address"], who=request.user)
            messages.success(request, _("The session is held at your address now. Your student joins as ever."))
            return SeeOther(booking.get_absolute_url())
    return render(request, "meetings/address.html", _shown(booking, form), status=400 if form.errors else 200)


def _shown(booking: Booking, form: AddressForm) -> dict[str, Any]:
    now = timezone.now()
    door = find_door(booking, now=now)
    return {
        "booking": booking,
        "form": form,
        "is_open": booking.is_paid and now < booking.join_closes_at,
        "place": name_of_place(door.meeting) if door.meeting and door.is_ready else "",
    }


def _own_session(request: PersonRequest, reference: str) -> Booking:
    taught = Booking.objects.filter(tutor__user=request.user).with_people().select_related("meeting__link")
    return get_object_or_404(taught, reference=reference)
