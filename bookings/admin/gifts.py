"""The page on which an admin gives a session away."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext as _

from bookings.errors import DomainError
from bookings.explanations import Explanation, explain
from bookings.gift_form import GiftForm
from bookings.gifts import give_session
from bookings.models import User


class GiftPages(admin.ModelAdmin[Any]):
    """Adds "Give a session" to the pages of bookings. Whoever may add bookings may give."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.gift_view)
        return [path("gift/", view, name="bookings_booking_gift"), *super().get_urls()]

    def gift_view(self, request: HttpRequest) -> HttpResponse:
        """Show the form, filled in from the address (`student`, `session_type`, `date`, `time`), and give the session."""
        giver = request.user
        if not isinstance(giver, User) or not giver.has_perm("bookings.add_booking"):
            raise PermissionDenied
        initial = {name: request.GET[name] for name in ("student", "session_type", "date", "time") if name in request.GET}
        form = GiftForm(request.POST) if request.method == "POST" else GiftForm(initial=initial)
        if request.method == "POST" and form.is_valid():
            answer = self._give(request, form, giver)
            if answer is not None:
                return answer
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Give a session"),
            "form": form,
            "why_not": self._why_not(form),
        }
        return TemplateResponse(request, "admin/bookings/booking/gift.html", context)

    def _give(self, request: HttpRequest, form: GiftForm, giver: User) -> HttpResponse | None:
        """Give it and go to the booking; what the rules refuse stands above the form, with the reason."""
        wish = form.cleaned_data
        try:
            booking = give_session(
                wish["session_type"],
                starts_at=wish["starts_at"],
                student=wish["student"],
                who=giver,
                why=wish["why"],
            )
        except DomainError as refusal:
            form.add_error(None, str(refusal))
            return None
        told = _("%(student)s has got the session; everybody is told by mail.") % {"student": booking.student}
        self.message_user(request, told, messages.SUCCESS)
        return redirect("admin:bookings_booking_change", booking.pk)

    def _why_not(self, form: GiftForm) -> Explanation | None:
        """Return the rule that hides the time that was refused, and the open times near it."""
        wish = getattr(form, "cleaned_data", {})
        if not form.non_field_errors() or not wish.get("starts_at"):
            return None
        found = explain(wish["session_type"], starts_at=wish["starts_at"], student=wish["student"])
        return None if found.is_offered else found
