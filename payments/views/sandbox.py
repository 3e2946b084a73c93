"""The page of the pretend bank. It is there only where the sandbox gateway is: while DEBUG is on."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from bookings.errors import InvalidInput
from bookings.views.answers import SeeOther
from payments.gateways import get_gateway
from payments.gateways.sandbox import Answer, SandboxGateway
from payments.pretending import LATE, TRIES, pay_late


@login_not_required  # whoever pays at a bank need not be known here
@require_http_methods(["GET", "HEAD", "POST"])
def pretend_to_pay(request: HttpRequest, token: str) -> HttpResponse:
    """Show what can be tried with this payment; POST tries it and leads back as a bank would."""
    gateway = get_gateway(SandboxGateway.name)
    if not isinstance(gateway, SandboxGateway):
        raise Http404
    ticket = gateway.read_ticket(token)
    answer = gateway.answer_of(ticket.reference)
    is_over = answer is Answer.EXPIRED or timezone.now() >= ticket.expires_at
    context = {"ticket": ticket, "answer": answer.value, "is_over": is_over, "late_seconds": LATE.seconds}
    if request.method != "POST" or answer is Answer.PAID:
        return render(request, "payments/sandbox.html", context)
    chosen = TRIES.get(request.POST.get("try", ""))
    if chosen is None or (is_over and chosen is not pay_late):
        raise InvalidInput
    chosen(gateway, ticket)
    if chosen is pay_late:
        return render(request, "payments/sandbox_late.html", context)
    return SeeOther(ticket.return_url)
