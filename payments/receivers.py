"""What this app does when it hears news."""

from __future__ import annotations

from typing import Any

from django.dispatch import receiver

from bookings.models import Booking
from bookings.signals import refund_due
from payments import refunds


@receiver(refund_due, dispatch_uid="payments.owe_refund")
def owe_refund(sender: type, booking: Booking, **kwargs: Any) -> None:
    refunds.owe_for_booking(booking)
