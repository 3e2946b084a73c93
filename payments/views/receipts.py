"""The receipt of a paid order, to be read, printed or kept as a PDF."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from bookings.access import PersonRequest
from payments.receipts import make_receipt, orders_with_receipt


@require_GET
def show_receipt(request: PersonRequest, reference: str) -> HttpResponse:
    """Show the payer, and nobody else, the receipt of an order for which money came, or which cost nothing."""
    orders = orders_with_receipt(request.user).select_related("payer", "promo_code")
    receipt = make_receipt(get_object_or_404(orders, reference=reference))
    return render(request, "payments/receipt.html", {"receipt": receipt, "order": receipt.order})
