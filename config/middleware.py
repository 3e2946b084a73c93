"""What every request passes through. The only place where a domain error becomes HTTP."""

from __future__ import annotations

import logging
import re
import sys
import time
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.views import redirect_to_login
from django.core.signals import got_request_exception
from django.db import InterfaceError, OperationalError
from django.dispatch import receiver
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.cache import add_never_cache_headers, patch_vary_headers
from django.utils.http import url_has_allowed_host_and_scheme

from bookings import languages
from bookings.errors import DomainError
from config.answers import answer_json, answer_refusal, answer_unavailable, bad_request, not_found, sentence_of, wants_json
from config.logs import request_id

GetResponse = Callable[[HttpRequest], HttpResponse]
log = logging.getLogger("linkpool.http")
DATABASE_TROUBLE = "database_trouble"
SECRET_PARTS = {"key", "uidb36", "token"}
_REQUEST_ID = re.compile(r"^[A-Za-z0-9_-]{8,64}$")


class RequestLogMiddleware:
    """Give the request an id, and log one line about its answer (the path only: queries may hold secrets)."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "")
        identity = given if _REQUEST_ID.match(given) else uuid.uuid4().hex
        token = request_id.set(identity)
        began = time.monotonic()
        try:
            response = self.get_response(request)
            response["X-Request-ID"] = identity
            if not request.path.startswith(settings.STATIC_URL):
                log.info(
                    "request",
                    extra={
                        "method": request.method,
                        "path": path_to_log(request),
                        "status": response.status_code,
                        "milliseconds": round((time.monotonic() - began) * 1000),
                    },
                )
            return response
        finally:
            request_id.reset(token)


def path_to_log(request: HttpRequest) -> str:
    """Return the path without the parts that open something: the keys of mails that confirm or reset."""
    path, match = request.path, request.resolver_match
    for name, value in (match.kwargs if match else {}).items():
        if name in SECRET_PARTS:
            path = path.replace(str(value), "…")
    return path


class PrivatePagesMiddleware:
    """Keep what is made for one person out of every cache: a proxy's, and a browser's that others use next."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if settings.SESSION_COOKIE_NAME in request.COOKIES and "Cache-Control" not in response:
            add_never_cache_headers(response)
        return response


class ProgramErrorMiddleware:
    """Let every error on a program's address be JSON, also those that Django answers with a page of its own."""

    KEPT_HEADERS = ("Allow", "Retry-After", "WWW-Authenticate")

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code < 400 or not wants_json(request):
            return response
        if response.get("Content-Type", "").startswith("application/json"):
            return response
        answer = answer_json(response.status_code, sentence_of(response.status_code))
        for name in self.KEPT_HEADERS:
            if name in response:
                answer[name] = response[name]
        return answer


class DatabaseDownMiddleware:
    """Answer 503 while the database cannot be reached, so that gateways and people try again.

    Views' exceptions come to `process_exception`. Those of other middleware (the session, the log-in) do not: Django
    turns them into a 500 on the spot, and `note_database_trouble` leaves a mark on the request.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        return answer_unavailable(request) if hasattr(request, DATABASE_TROUBLE) else response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, OperationalError | InterfaceError):
            log.error("database unreachable", extra={"path": path_to_log(request)}, exc_info=exception)
            return answer_unavailable(request)
        return None


@receiver(got_request_exception, dispatch_uid="config.note_database_trouble")
def note_database_trouble(sender: Any, request: HttpRequest, **kwargs: Any) -> None:
    """Django is about to answer 500: mark the request when that is the database's doing."""
    if isinstance(sys.exc_info()[1], OperationalError | InterfaceError):
        setattr(request, DATABASE_TROUBLE, True)


class VisitorLanguageMiddleware:
    """Speak the language that this device chose or asks for; to programs always English.

    It stands outside of whatever reads the database, so that a page that says "not now" is understood too.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if wants_json(request):
            with translation.override(settings.LANGUAGE_CODE):
                return self.get_response(request)
        language = languages.language_of_visitor(request)
        with translation.override(language):
            response = self.get_response(request)
        response.headers.setdefault("Content-Language", language)
        patch_vary_headers(response, ["Accept-Language", "Cookie"])
        return response


class LoginMiddleware(LoginRequiredMiddleware):
    """Send people to log in, and back to where they were.

    Where htmx asked for a part of a page, the whole page is loaded anew and sends them there. A button's address cannot
    be opened: whoever pressed one comes back to the page with the button.
    """

    def handle_no_permission(self, request: HttpRequest, view_func: Any) -> HttpResponse:  # type: ignore[override]
        if request.headers.get("HX-Request"):
            return HttpResponse(status=204, headers={"HX-Refresh": "true"})
        if request.method not in ("GET", "HEAD"):
            return redirect_to_login(_page_before(request))
        return super().handle_no_permission(request, view_func)


def _page_before(request: HttpRequest) -> str:
    """Return the page of ours from which a form was sent, else the reader's home."""
    before = request.headers.get("Referer", "")
    if not url_has_allowed_host_and_scheme(before, allowed_hosts={request.get_host()}, require_https=request.is_secure()):
        return reverse("bookings:home")
    return urlsplit(before)._replace(scheme="", netloc="", fragment="").geturl() or "/"


class ReaderMiddleware:
    """Speak to people who are logged in as their profile says, and show times in the reader's own zone.

    The zone is the profile's, else the browser's (cookie `tz`), else the site's.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if wants_json(request):
            return self.get_response(request)
        language, zone = self._reader_of(request)
        with translation.override(language), timezone.override(languages.zone_or_usual(zone)):
            response = self.get_response(request)
        response.headers.setdefault("Content-Language", language)
        return response

    @staticmethod
    def _reader_of(request: HttpRequest) -> tuple[str, str]:
        user, visitors = getattr(request, "user", None), translation.get_language()
        if user is None or not user.is_authenticated:
            return visitors, request.COOKIES.get("tz", "")
        return user.language if languages.is_spoken(user.language) else visitors, user.time_zone


class RefusalMiddleware:
    """Turn a refusal of the domain, and what is not there, into a page, or into JSON for programs.

    It stands innermost. Django's own pages for developers, which DEBUG brings, thus never stand in for "not found".
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if settings.DEBUG and response.status_code == 404 and request.resolver_match is None:
            return not_found(request, None)
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, DomainError):
            return answer_refusal(request, exception)
        if isinstance(exception, Http404):
            return not_found(request, exception)
        if isinstance(exception, UnreadablePostError):  # whoever sent it hung up or fell silent: may send it again
            return answer_json(408, sentence_of(408)) if wants_json(request) else bad_request(request, exception)
        return None
