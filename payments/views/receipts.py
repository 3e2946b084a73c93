"""The receipt of a paid order, to be read, printed or kept as a PDF."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from bookings.access import PersonRequest
from bookings.models import Order
from payments.receipts import make_receipt


@require_GET
def show_receipt(request: PersonRequest, reference: str) -> HttpResponse:
    """Show the payer, and nobody else, the receipt of an order that was paid."""
    paid = Order.objects.visible_to(request.user).filter(paid_at__isnull=False).select_related("payer", "promo_code")
    receipt = make_receipt(get_object_or_404(paid, reference=reference))
    return render(request, "payments/receipt.html", {"receipt": receipt, "order": receipt.order})
