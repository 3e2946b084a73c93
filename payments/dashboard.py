"""What the admin's front page asks of payments: money and messages that wait for a person."""

from __future__ import annotations

from django.db.models import QuerySet

from payments.models import Payment, Refund, WebhookEvent


def payments_to_look_at() -> QuerySet[Payment]:
    """Return payments that nobody but a person can settle, the oldest first."""
    return Payment.objects.needing_review().select_related("order__payer").order_by("pk")


def refunds_to_send() -> QuerySet[Refund]:
    """Return money that has not reached its payer yet, the oldest first."""
    waiting = Refund.objects.exclude(status=Refund.Status.SUCCEEDED)
    return waiting.select_related("payment__order__payer").order_by("pk")


def failed_events() -> QuerySet[WebhookEvent]:
    """Return messages of gateways that could not be applied and are tried again, the oldest first."""
    return WebhookEvent.objects.filter(state=WebhookEvent.State.FAILED).defer("body").order_by("pk")
