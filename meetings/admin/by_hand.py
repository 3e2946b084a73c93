"""The staff give a session an address by hand, on the page of its meeting."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from bookings.admin.buttons import ButtonsAdmin
from bookings.errors import InvalidInput
from bookings.models import User
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
        view = self.admin_site.admin_view(require_POST(self.address_view))
        return [path("<int:key>/address/", view, name=self.page_name("address")), *super().get_urls()]

    def address_view(self, request: HttpRequest, key: int) -> HttpResponse:
        """Hold the session at the address that was typed."""
        meeting = get_object_or_404(self.get_queryset(request), pk=key)

        def give() -> str:
            form = AddressForm(request.POST)
            if not form.is_valid() or not isinstance(request.user, User):
                raise InvalidInput(" ".join(str(error) for error in form.errors.get("address", [])) or None)
            give_address(meeting.booking, form.cleaned_data["address"], who=request.user)
            return _("The session is held at this address now. Whoever has to know is told.")

        self.press_and_tell(request, give)
        return redirect(f"admin:{self.page_name('change')}", meeting.pk)
