"""The staff give a session an address by hand, on the page of its meeting."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from bookings.admin.buttons import ButtonsAdmin, person_of
from bookings.errors import DomainError
from meetings.by_hand import give_address
from meetings.forms import AddressForm
from meetings.models import Meeting


class AddressByHandAdmin(ButtonsAdmin):
    """Offers the form while people can still meet: also to move a session that has an address already."""

    def address_choice(self, request: HttpRequest, meeting: Meeting) -> dict[str, Any]:
        """Return what the page needs for the form; nothing where it has no use."""
        booking = meeting.booking
        if not self.may_press(request) or not booking.is_paid or timezone.now() >= booking.join_closes_at:
            return {}
        return {
            "address_form": AddressForm(),
            "address_url": reverse(f"admin:{self.page_name('address')}", args=[meeting.pk]),
        }

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.address_view)
        return [path("<int:key>/address/", view, name=self.page_name("address")), *super().get_urls()]

    def address_view(self, request: HttpRequest, key: int) -> HttpResponse:
        """Hold the session at the address that was typed. One that cannot be taken stays in the form, with the reason."""
        if not self.may_press(request):
            raise PermissionDenied
        meeting = get_object_or_404(self.get_queryset(request), pk=key)
        form = AddressForm(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            try:
                give_address(meeting.booking, form.cleaned_data["address"], who=person_of(request))
            except DomainError as refusal:
                form.add_error("address", str(refusal))
            else:
                told = _("The session is held at this address now. Whoever has to know is told.")
                self.message_user(request, told, messages.SUCCESS)
                return redirect(f"admin:{self.page_name('change')}", meeting.pk)
        shown = {"title": _("Give the session an address"), "opts": self.opts, "meeting": meeting, "form": form}
        return TemplateResponse(
            request, "admin/meetings/meeting/address.html", {**self.admin_site.each_context(request), **shown}
        )
