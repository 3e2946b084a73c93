"""Every error of the API is JSON: a sentence, never a page and never a stack trace."""

from __future__ import annotations

import logging
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.utils.translation import gettext as _
from rest_framework.exceptions import APIException
from rest_framework.response import Response
from rest_framework.views import exception_handler

from bookings.errors import DomainError

log = logging.getLogger("linkpool.api")


def answer_error(exception: Exception, context: dict[str, Any]) -> Response | None:
    """Return the JSON answer for an exception of a view; None lets trouble of ours become a plain 500."""
    if isinstance(exception, DomainError):
        return Response({"success": False, "error": str(exception)}, status=exception.http_status)
    if not isinstance(exception, APIException | Http404 | PermissionDenied):
        return None
    response = exception_handler(exception, context)
    if response is not None:
        response.data = {"success": False, "error": _sentence(exception, response)}
    return response


def _sentence(exception: Exception, response: Response) -> str:
    if isinstance(exception, Http404):
        return _("This does not exist.")
    detail = getattr(exception, "detail", None)
    return str(detail) if isinstance(detail, str) else _("This request cannot be understood.")
