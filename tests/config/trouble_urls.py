"""The site's addresses, and some that get into trouble."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.http import require_POST

from bookings.errors import DomainError, SlotTaken
from bookings.models import User
from config.urls import urlpatterns as site_urls

SECRET = "words that only the log may know"


class Unavailable(DomainError):
    http_status = 503


ERRORS: dict[str, type[Exception]] = {
    "taken": SlotTaken,
    "away": Unavailable,
    "missing": Http404,
    "forbidden": PermissionDenied,
    "odd": SuspiciousOperation,
    "broken": RuntimeError,
}


@login_not_required
def get_into_trouble(request: HttpRequest, name: str) -> HttpResponse:
    if name == "people":
        return HttpResponse(str(User.objects.count()))
    error = ERRORS[name]
    raise error() if issubclass(error, DomainError) else error(SECRET)


@login_not_required
@require_POST
def take_posts(request: HttpRequest) -> HttpResponse:
    return HttpResponse("taken")


urlpatterns = [
    *(path(f"{place}trouble/<name>", get_into_trouble) for place in ("", "api/", "webhooks/")),
    *(path(f"{place}posts", take_posts) for place in ("", "api/", "webhooks/")),
    *site_urls,
]
handler400 = "config.answers.bad_request"
handler403 = "config.answers.permission_denied"
handler404 = "config.answers.not_found"
handler500 = "config.answers.server_error"
