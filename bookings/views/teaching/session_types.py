"""What a tutor sells: listed, added, edited, taken off sale and put on again."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from bookings.access import PersonRequest, own_tutor
from bookings.models import SessionType
from bookings.session_type_form import SessionTypeForm
from bookings.session_types import put_on_sale, take_off_sale
from bookings.views.answers import SeeOther


@require_GET
def list_session_types(request: PersonRequest) -> HttpResponse:
    """Show what the tutor sells, and what is off sale."""
    tutor = own_tutor(request)
    offers = list(tutor.session_types.order_by("-is_active", "minutes", "price", "pk"))
    return render(request, "bookings/teaching/session_types.html", {"tutor": tutor, "offers": offers})


@require_http_methods(["GET", "HEAD", "POST"])
def add_session_type(request: PersonRequest) -> HttpResponse:
    """Show and save the form of a new session."""
    tutor = own_tutor(request)
    latest = tutor.session_types.order_by("-pk").first()
    instance = SessionType(tutor=tutor, minutes=60, **({"currency": latest.currency} if latest else {}))
    return _show_or_save(request, SessionTypeForm(request.POST or None, instance=instance))


@require_http_methods(["GET", "HEAD", "POST"])
def edit_session_type(request: PersonRequest, slug: str) -> HttpResponse:
    """Show and save one of the tutor's sessions; what is booked keeps its name, length and price."""
    return _show_or_save(request, SessionTypeForm(request.POST or None, instance=_own(request, slug)))


@require_POST
def take_off(request: PersonRequest, slug: str) -> HttpResponse:
    """Take a session off sale."""
    session_type = _own(request, slug)
    take_off_sale(session_type)
    sentence = _("“%(name)s” is off sale. Sessions that are booked stay as they are.")
    messages.success(request, sentence % {"name": session_type.name})
    return SeeOther(reverse("bookings:session_type_list"))


@require_POST
def put_on(request: PersonRequest, slug: str) -> HttpResponse:
    """Put a session on sale again."""
    session_type = _own(request, slug)
    put_on_sale(session_type)
    messages.success(request, _("“%(name)s” can be booked now.") % {"name": session_type.name})
    return SeeOther(reverse("bookings:session_type_list"))


def _own(request: PersonRequest, slug: str) -> SessionType:
    return get_object_or_404(own_tutor(request).session_types, slug=slug)


def _show_or_save(request: PersonRequest, form: SessionTypeForm) -> HttpResponse:
    if request.method == "POST" and form.is_valid():
        saved = form.save()
        messages.success(request, _("“%(name)s” is saved.") % {"name": saved.name})
        return SeeOther(reverse("bookings:session_type_list"))
    status = 400 if form.is_bound else 200
    return render(request, "bookings/teaching/session_type_form.html", {"form": form}, status=status)
