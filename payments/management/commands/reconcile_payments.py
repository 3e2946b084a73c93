"""Ask the gateways about every attempt that may still turn out to be paid, now."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from payments.errors import GatewayError
from payments.inquiries import ask_gateway
from payments.models import Payment


class Command(BaseCommand):
    help = "Ask the gateways about every attempt that may still turn out to be paid, and print what changed."

    def handle(self, *args: Any, **options: Any) -> None:
        attempts = Payment.objects.filter(next_check_at__isnull=False).select_related("order").order_by("pk")
        changed = sum(self._ask(payment) for payment in attempts.iterator())
        self.stdout.write(f"{changed} payments changed.")

    def _ask(self, payment: Payment) -> bool:
        was = payment.status
        try:
            ask_gateway(payment)
        except GatewayError as error:  # the others still have their turn
            self.stderr.write(f"{payment.reference}: {error.detail}")
            return False
        payment.refresh_from_db()
        if payment.status == was:
            return False
        self.stdout.write(f"{payment.reference}: {was} → {payment.status}")
        return True
