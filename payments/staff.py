"""Tell the people who run the site that a payment or a message needs them: by a job of the current transaction."""

from __future__ import annotations

from bookings.jobs import enqueue
from payments.models import Payment, WebhookEvent


def tell_staff(payment: Payment, *, what: str) -> None:
    """Mail the staff that something about this payment needs a person."""
    enqueue("payments.mail_staff_of_payment", payment_id=payment.pk, what=what)


def tell_staff_of_message(event: WebhookEvent, *, what: str) -> None:
    """Mail the staff that a gateway's message needs a person."""
    enqueue("payments.mail_staff_of_message", event_id=event.pk, what=what)
