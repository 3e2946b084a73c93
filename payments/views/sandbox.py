"""The page of the pretend bank. It is there only where the sandbox gateway is: while DEBUG is on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from bookings.errors import InvalidInput
from bookings.views.answers import SeeOther
from payments.gateways import get_gateway
from payments.gateways.sandbox import SandboxGateway, Ticket
from payments.gateways.sandbox_ledger import ENDS, Answer, Ledger
from payments.pretending import LATE, TRIES, TRIES_ONCE_PAID, Try, pay_late


@login_not_required  # whoever pays at a bank need not be known here
@require_http_methods(["GET", "HEAD", "POST"])
def pretend_to_pay(request: HttpRequest, token: str) -> HttpResponse:
    """Show what can be tried with this payment; POST tries it and leads back as a bank would."""
    gateway = get_gateway(SandboxGateway.name)
    if not isinstance(gateway, SandboxGateway):
        raise Http404
    ticket = gateway.read_ticket(token)
    context = _shown(ticket)
    asked = request.POST.get("try", "")
    if request.method != "POST" or (context["is_paid"] and asked in TRIES):  # pressed twice: it is paid already
        return render(request, "payments/sandbox.html", context)
    chosen = _tries(context).get(asked)
    if chosen is None:
        raise InvalidInput
    chosen(gateway, ticket)
    if chosen is pay_late:
        return render(request, "payments/sandbox_late.html", context)
    return SeeOther(ticket.return_url)


def _shown(ticket: Ticket) -> dict[str, Any]:
    ledger = Ledger(ticket.reference)
    answer, dispute = ledger.answer, ledger.dispute
    return {
        "ticket": ticket,
        "answer": answer.value,
        "is_paid": answer is Answer.PAID,
        "is_over": answer in ENDS or timezone.now() >= ticket.expires_at,
        "is_disputed": dispute is not None and dispute["state"] == "open",
        "late_seconds": LATE.seconds,
    }


def _tries(shown: dict[str, Any]) -> Mapping[str, Try]:
    if shown["is_paid"]:
        return TRIES_ONCE_PAID
    return {"pay_late": pay_late} if shown["is_over"] else TRIES
