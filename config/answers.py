"""What people and programs get instead of the answer they asked for: a page, or JSON, and never a stack trace."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bookings.errors import DomainError
from bookings.views.answers import SeeOther

RETRY_AFTER_SECONDS = "60"
SENTENCES: dict[int, str | Promise] = {
    400: gettext_lazy("This request cannot be understood. Please go back and try again."),
    403: gettext_lazy("You may not do this. Please log in with the right account."),
    404: gettext_lazy("There is nothing at this address."),
    405: gettext_lazy("This address does not answer that method."),
    413: gettext_lazy("This request is too large."),
    503: gettext_lazy("The site cannot reach its database right now. Nothing was lost; please try again in a minute."),
}
OUR_TROUBLE = gettext_lazy("Something went wrong on our side. Nothing was lost; please try again.")


def wants_json(request: HttpRequest) -> bool:
    """True for programs: they get JSON whatever happens."""
    return request.path.startswith(("/api/", "/webhooks/", "/health/"))


def answer_trouble(request: HttpRequest, status: int, message: str | Promise = "") -> HttpResponse:
    """Answer with the sentence for this status: a page for people, JSON for programs."""
    message = str(message or sentence_of(status))
    if wants_json(request):
        return answer_json(status, message)
    return render(request, f"{status}.html", {"message": message}, status=status)


def answer_json(status: int, message: str) -> HttpResponse:
    return JsonResponse({"success": False, "error": message}, status=status)


def answer_unavailable(request: HttpRequest) -> HttpResponse:
    """Answer 503 without touching the database: not even the session may be read."""
    response = answer_trouble(request, 503)
    response["Retry-After"] = RETRY_AFTER_SECONDS
    return response


def answer_refusal(request: HttpRequest, refusal: DomainError) -> HttpResponse:
    """Say what the domain refuses, with the status and the next steps it brings along."""
    response: HttpResponse
    if "leads_to" in refusal.context and not wants_json(request):  # what was asked for is so already: the page shows it
        messages.info(request, str(refusal))
        return SeeOther(refusal.context["leads_to"])
    if wants_json(request):
        response = answer_json(refusal.http_status, str(refusal))
    else:
        context = {"message": str(refusal), "status": refusal.http_status, **refusal.context}
        response = render(request, "error.html", context, status=refusal.http_status)
    if refusal.http_status in (429, 503):
        response["Retry-After"] = RETRY_AFTER_SECONDS
    return response


def sentence_of(status: int) -> str:
    """Return the sentence for a status; whatever is not the asker's fault is ours."""
    return str(SENTENCES.get(status, OUR_TROUBLE if status >= 500 else SENTENCES[400]))


def bad_request(request: HttpRequest, exception: Any) -> HttpResponse:
    return answer_trouble(request, 400)


def permission_denied(request: HttpRequest, exception: Any) -> HttpResponse:
    return answer_trouble(request, 403)


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form without its token: nearly always a page that was open since before a log-in."""
    return answer_trouble(request, 403, _("This page was open for too long. Please go back, reload it and try again."))


def not_found(request: HttpRequest, exception: Any) -> HttpResponse:
    return answer_trouble(request, 404)


def server_error(request: HttpRequest) -> HttpResponse:
    return answer_trouble(request, 500)
