"""Buttons on the pages of the admin that call the verbs of the site."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from bookings.errors import DomainError
from bookings.models import User


@dataclass(frozen=True)
class Button:
    """What a person can do to a row: `press(row, request)` calls a verb and returns the sentence that tells of it.

    `asks` is the question whose answer comes as `request.POST["text"]`.
    """

    name: str
    label: Any
    press: Callable[[Any, HttpRequest], str]
    has_use: Callable[[Any], bool]
    is_final: bool = False
    asks: Any = ""


def person_of(request: HttpRequest) -> User:
    """Return who sits at the admin."""
    assert isinstance(request.user, User)  # noqa: S101 - the admin has seen to it
    return request.user


class ButtonsAdmin(admin.ModelAdmin[Any]):
    """Shows the buttons that have a use above the row. Each needs the permission to change such rows."""

    change_form_template = "admin/row_with_buttons.html"
    buttons: tuple[Button, ...] = ()

    def get_urls(self) -> list[URLPattern]:
        pressed = [
            path(
                f"<int:key>/{button.name}/",
                self.admin_site.admin_view(require_POST(partial(self._press, button))),
                name=self.page_name(button.name),
            )
            for button in self.buttons
        ]
        return [*pressed, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        row = self.get_object(request, object_id)
        shown = {"buttons": self.buttons_for(request, row)} if row is not None else {}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **shown})

    def page_name(self, what: str) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_{what}"

    def may_press(self, request: HttpRequest) -> bool:
        """Say whether this person may change such rows, even if the form shows them read-only."""
        user: Any = request.user
        return bool(user.has_perm(f"{self.opts.app_label}.change_{self.opts.model_name}"))

    def press_and_tell(self, request: HttpRequest, press: Callable[[], str]) -> None:
        """Call the verb and show what became of it."""
        if not self.may_press(request):
            raise PermissionDenied
        try:
            self.message_user(request, press(), messages.SUCCESS)
        except DomainError as error:
            self.message_user(request, str(error), messages.ERROR)

    def buttons_for(self, request: HttpRequest, row: Model) -> list[dict[str, Any]]:
        """Return what this person can do to the row now, as `admin/_verbs.html` shows it on whatever page."""
        if not self.may_press(request):
            return []
        return [
            {
                "label": button.label,
                "is_final": button.is_final,
                "asks": button.asks,
                "url": reverse(f"admin:{self.page_name(button.name)}", args=[row.pk]),
            }
            for button in self.buttons
            if button.has_use(row)
        ]

    def _press(self, button: Button, request: HttpRequest, key: int) -> HttpResponse:
        row = get_object_or_404(self.get_queryset(request), pk=key)
        self.press_and_tell(request, partial(button.press, row, request))
        return HttpResponseRedirect(_way_back(request) or reverse(f"admin:{self.page_name('change')}", args=[row.pk]))


def _way_back(request: HttpRequest) -> str:
    """Return the page of this site from which the button was pressed, if it says so."""
    back = request.POST.get("back", "")
    is_ours = url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()}, require_https=request.is_secure())
    return back if is_ours and back.startswith("/") else ""
