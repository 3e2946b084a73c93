"""What every request passes through. The only place where a domain error becomes HTTP."""

from __future__ import annotations

import logging
import re
import time
import uuid
from collections.abc import Callable
from http import HTTPStatus
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _

from bookings import times
from bookings.errors import DomainError
from config.logs import request_id

GetResponse = Callable[[HttpRequest], HttpResponse]
log = logging.getLogger("linkpool.http")
_REQUEST_ID = re.compile(r"^[A-Za-z0-9_-]{8,64}$")


def wants_json(request: HttpRequest) -> bool:
    """True for programs: they get JSON whatever happens."""
    return request.path.startswith(("/api/", "/webhooks/", "/health/"))


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
                        "path": request.path,
                        "status": response.status_code,
                        "milliseconds": round((time.monotonic() - began) * 1000),
                    },
                )
            return response
        finally:
            request_id.reset(token)


class DatabaseDownMiddleware:
    """Answer 503 while the database cannot be reached, so that gateways and people try again."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, OperationalError | InterfaceError):
            log.error("database unreachable", extra={"path": request.path}, exc_info=exception)
            return answer_unavailable(request)
        return None


def answer_unavailable(request: HttpRequest) -> HttpResponse:
    """Return 503 without touching the database: not even the session may be read."""
    message = _("The site cannot reach its database right now. Nothing was lost; please try again in a minute.")
    response: HttpResponse
    if wants_json(request):
        response = JsonResponse({"success": False, "error": message}, status=503)
    else:
        response = render(request, "503.html", {"message": message}, status=503)
    response["Retry-After"] = "60"
    return response


class TimeZoneMiddleware:
    """Show times in the reader's own zone: the profile's, else the browser's (cookie `tz`), else the site's."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with timezone.override(self._zone_of(request)):
            return self.get_response(request)

    @staticmethod
    def _zone_of(request: HttpRequest) -> ZoneInfo:
        user = getattr(request, "user", None)
        name = user.time_zone if user is not None and user.is_authenticated else request.COOKIES.get("tz", "")
        try:
            return times.parse_zone(name)
        except ValueError:
            return times.parse_zone(settings.DEFAULT_TIME_ZONE)


class DomainErrorMiddleware:
    """Turn a refusal of the domain into a page, or into JSON for programs."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, DomainError):
            return None
        response: HttpResponse
        if wants_json(request):
            response = JsonResponse({"success": False, "error": str(exception)}, status=exception.http_status)
        else:
            context = {"message": str(exception), "status": exception.http_status, **exception.context}
            response = render(request, "error.html", context, status=exception.http_status)
        if exception.http_status == HTTPStatus.SERVICE_UNAVAILABLE:
            response["Retry-After"] = "60"
        return response
