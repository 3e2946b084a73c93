"""A session is called off: what comes back is said before the button, and done only if that is still so."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from bookings.access import PersonRequest
from bookings.cancellation import Cancellation, cancel_booking, preview_cancellation
from bookings.change_forms import ReasonForm, SeenForm
from bookings.models import Booking
from bookings.rescheduling import preview_move
from bookings.views.answers import SeeOther


@require_http_methods(["GET", "HEAD", "POST"])
def cancel_session(request: PersonRequest, reference: str) -> HttpResponse:
    """Show what cancelling would mean now; POST cancels, at the terms that were shown."""
    visible = Booking.objects.visible_to(request.user).with_people()
    booking = get_object_or_404(visible, reference=reference)
    if booking.status == Booking.Status.CANCELLED:  # done already, by another click perhaps
        return SeeOther(booking.get_absolute_url())
    asked = preview_cancellation(booking, request.user)
    form = ReasonForm(request.POST if request.method == "POST" else None, needs_reason=asked.needs_reason)
    if request.method != "POST" or not asked.may_be or not form.is_valid():
        return _show(request, asked, form)
    if SeenForm(request.POST).amount() != asked.back.amount:
        return _show(request, asked, form, changed=True)
    cancel_booking(booking, who=request.user, seen=asked.back, why=form.cleaned_data["why"])
    messages.success(request, tell_cancelled(asked))
    return SeeOther(booking.get_absolute_url())


def tell_cancelled(asked: Cancellation) -> str:
    """Return what is said once it is done."""
    if asked.back.is_zero:
        return _("The session is cancelled, and its time is free again.")
    return _("The session is cancelled. %(money)s goes back the way it was paid.") % {"money": asked.back}


def _show(request: PersonRequest, asked: Cancellation, form: ReasonForm, *, changed: bool = False) -> HttpResponse:
    booking = asked.booking
    context = {
        "booking": booking,
        "asked": asked,
        "form": form,
        "terms_changed": changed,
        "may_move": preview_move(booking, request.user).may_be,
        "is_payer": booking.order.payer_id == request.user.pk,
    }
    status = 409 if changed else 400 if form.errors else 200
    return render(request, "bookings/booking_cancel.html", context, status=status)
