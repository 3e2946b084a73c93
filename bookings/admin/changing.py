"""The pages on which an admin moves or cancels a session: what it means is told first, then the verbs of the site do it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _

from bookings.absence import HAPPENED, reported_from
from bookings.cancellation import cancel_booking, preview_cancellation
from bookings.change_forms import MoveForm, ReasonForm, SeenForm
from bookings.errors import DomainError, TermsChanged
from bookings.models import Booking, User
from bookings.money import Money
from bookings.rescheduling import Move, move_booking, preview_move
from bookings.views.cancelling import tell_cancelled
from bookings.views.days import by_day, read_fortnight, reader_zone


class ChangePages(admin.ModelAdmin[Any]):
    """Adds "Move" and "Cancel" to the page of a booking, for whoever may change bookings."""

    change_form_template = "admin/bookings/booking/change_form.html"

    def get_urls(self) -> list[URLPattern]:
        pages = {"move": self.move_view, "cancel": self.cancel_view}
        mine = [
            path(f"<int:key>/{name}/", self.admin_site.admin_view(view), name=f"bookings_booking_{name}")
            for name, view in pages.items()
        ]
        return [*mine, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        booking = self.get_object(request, object_id)
        shown = _links(request.user, booking) if isinstance(booking, Booking) else {}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **shown})

    def move_view(self, request: HttpRequest, key: int) -> HttpResponse:
        """Show the open times of a fortnight; POST moves the session to one of them."""
        booking, who = _find(key), _clerk(request)
        asked = preview_move(booking, who)
        form = MoveForm(request.POST if request.method == "POST" else None, needs_reason=asked.needs_reason)
        if request.method == "POST" and form.is_valid():
            try:
                move_booking(booking, who=who, **form.cleaned_data)
            except DomainError as refusal:
                form.add_error(None, str(refusal))
            else:
                self.message_user(request, _("The session is moved, and everybody is told by mail."), messages.SUCCESS)
                return redirect("admin:bookings_booking_change", booking.pk)
        shown = {"title": _("Move a session"), "asked": asked, "form": form, **_open_times(request, asked)}
        return self._page(request, booking, "move", shown)

    def cancel_view(self, request: HttpRequest, key: int) -> HttpResponse:
        """Show what goes back to the payer; POST cancels at these terms."""
        booking, who = _find(key), _clerk(request)
        asked = preview_cancellation(booking, who)
        form = ReasonForm(request.POST if request.method == "POST" else None, needs_reason=asked.needs_reason)
        if request.method == "POST" and form.is_valid():
            try:
                _cancel(booking, who, request, why=form.cleaned_data["why"])
            except DomainError as refusal:
                form.add_error(None, str(refusal))
            else:
                self.message_user(request, tell_cancelled(asked), messages.SUCCESS)
                return redirect("admin:bookings_booking_change", booking.pk)
        return self._page(request, booking, "cancel", {"title": _("Cancel a session"), "asked": asked, "form": form})

    def _page(self, request: HttpRequest, booking: Booking, name: str, shown: dict[str, Any]) -> HttpResponse:
        context = {**self.admin_site.each_context(request), "opts": self.opts, "booking": booking, **shown}
        return TemplateResponse(request, f"admin/bookings/booking/{name}.html", context)


def _links(user: Any, booking: Booking) -> dict[str, bool]:
    """Say which links stand on the page of a booking."""
    if not isinstance(user, User) or not user.has_perm("bookings.change_booking"):
        return {}
    booking = _find(booking.pk)
    return {
        "may_move": preview_move(booking, user).may_be,
        "may_cancel": preview_cancellation(booking, user).may_be,
        "may_mark": booking.status in HAPPENED and timezone.now() >= reported_from(booking),
    }


def _find(key: int) -> Booking:
    return get_object_or_404(Booking.objects.with_people(), pk=key)


def _clerk(request: HttpRequest) -> User:
    if not isinstance(request.user, User) or not request.user.has_perm("bookings.change_booking"):
        raise PermissionDenied
    return request.user


def _cancel(booking: Booking, who: User, request: HttpRequest, *, why: str) -> None:
    """Raises TermsChanged, and what `cancel_booking` raises."""
    seen = SeenForm(request.POST).amount()
    if seen is None:
        raise TermsChanged
    cancel_booking(booking, who=who, seen=Money(seen, booking.currency), why=why)


def _open_times(request: HttpRequest, asked: Move) -> dict[str, Any]:
    if not asked.may_be:
        return {}
    zone = reader_zone()
    fortnight, trouble = read_fortnight(request.GET.get("from", ""), asked.booking.tutor)
    days = by_day(asked.open_times(fortnight.during(zone)), zone)
    return {"fortnight": fortnight, "trouble": trouble, "days": days}
