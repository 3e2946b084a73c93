"""Where gateways send their messages. Their retries depend on the exact answer: never a redirect, never HTML."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt

from payments.errors import MessageTooLarge
from payments.webhooks import BODY_LIMIT, receive_webhook


@csrf_exempt
@login_not_required
@transaction.non_atomic_requests  # the stored message must survive whatever happens later in the request
def take_webhook(request: HttpRequest, gateway: str) -> HttpResponse:
    """Take a gateway's message: 200 when stored, 4xx when it is not to be believed, 503 when it is to be sent again."""
    if request.method != "POST":
        error = {"success": False, "error": _("Send messages with POST.")}
        return JsonResponse(error, status=405, headers={"Allow": "POST"})
    declared = request.headers.get("Content-Length", "").lstrip("0")
    if declared.isdecimal() and (len(declared) > 9 or int(declared) > BODY_LIMIT):
        raise MessageTooLarge  # before anything of it is read
    receive_webhook(gateway, request.headers, request.body)
    return JsonResponse({"success": True})
