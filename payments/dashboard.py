"""What the admin's front page asks of payments: money and messages that wait for a person."""

from __future__ import annotations

from django.db.models import Count, Q, QuerySet

from payments.models import Dispute, Payment, Refund, WebhookEvent


def payments_to_look_at() -> QuerySet[Payment]:
    """Return payments that nobody but a person can settle, the oldest first."""
    return Payment.objects.needing_review().select_related("order__payer").order_by("pk")


def refunds_for_a_person() -> QuerySet[Refund]:
    """Return money that no gateway sends back by itself, or could not, the oldest first."""
    return Refund.objects.needing_person().select_related("payment__order__payer").order_by("pk")


def count_refunds() -> tuple[int, int]:
    """Return how many refunds need a person, and how many a gateway is asked for, in one query."""
    under_way = Q(status__in=[Refund.Status.PENDING, Refund.Status.SUBMITTED])
    person = Q(pk__in=Refund.objects.needing_person().values("pk"))
    counted = Refund.objects.exclude(status=Refund.Status.SUCCEEDED).aggregate(
        person=Count("pk", filter=person), under_way=Count("pk", filter=under_way)
    )
    return counted["person"], counted["under_way"]


def open_disputes() -> QuerySet[Dispute]:
    """Return what payers' banks ask for, and nobody has decided yet, the oldest first."""
    return Dispute.objects.open().select_related("payment__order__payer").order_by("opened_at", "pk")


def failed_events() -> QuerySet[WebhookEvent]:
    """Return messages of gateways that could not be applied and are tried again, the oldest first."""
    return WebhookEvent.objects.filter(state=WebhookEvent.State.FAILED).defer("body").order_by("pk")
