"""The choice of a language, which anybody may make."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from bookings.errors import InvalidInput
from bookings.forms import LanguageForm
from bookings.models import User
from bookings.views.answers import SeeOther

KEPT_FOR = timedelta(days=365)


@login_not_required
@require_POST
def set_language(request: HttpRequest) -> HttpResponse:
    """Keep the language on this device, and in the profile of people who are logged in. Raises InvalidInput."""
    form = LanguageForm(request.POST)
    if not form.is_valid():
        raise InvalidInput(_("The site does not speak this language. Please choose one at the end of the page."))
    chosen = form.cleaned_data["language"]
    if request.user.is_authenticated:
        User.objects.filter(pk=request.user.pk).update(language=chosen)
    response = SeeOther(_where_they_were(request))
    remember_language(response, chosen)
    return response


def remember_language(response: HttpResponse, chosen: str) -> None:
    """Let this device keep the choice, also once its owner has logged out; no choice forgets the one before."""
    if not chosen:
        response.delete_cookie(settings.LANGUAGE_COOKIE_NAME, samesite="Lax")
        return
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        chosen,
        max_age=KEPT_FOR,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _where_they_were(request: HttpRequest) -> str:
    """Return the page on which the choice was made, if it is one of ours."""
    address = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(address, allowed_hosts={request.get_host()}, require_https=request.is_secure())
    return address if is_ours else reverse("bookings:tutor_list")
