"""Apply every stored message that is not applied yet, now."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from bookings.errors import DomainError
from payments.models import WebhookEvent
from payments.webhooks import apply_event, describe


class Command(BaseCommand):
    help = "Apply every gateway's message that is stored and not applied yet, whenever its next try would be due."

    def handle(self, *args: Any, **options: Any) -> None:
        waiting = WebhookEvent.objects.unapplied().order_by("pk").values_list("pk", flat=True)
        applied = sum(self._apply(event_id) for event_id in list(waiting))
        left = WebhookEvent.objects.unapplied().count()
        self.stdout.write(f"{applied} messages applied, {left} left.")

    def _apply(self, event_id: int) -> bool:
        try:
            apply_event(event_id)
        except DomainError as error:  # the others still have their turn
            self.stderr.write(f"Message {event_id}: {describe(error)}")
            return False
        return True
