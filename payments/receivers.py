"""What this app does when it hears news."""

from __future__ import annotations

from typing import Any

from django.dispatch import receiver

from bookings.models import Booking
from bookings.signals import booking_cancelled, booking_paid, refund_due
from payments import closing, earnings, refunds


@receiver(refund_due, dispatch_uid="payments.owe_refund")
def owe_refund(sender: type, booking: Booking, **kwargs: Any) -> None:
    refunds.owe_for_booking(booking)


@receiver(booking_paid, dispatch_uid="payments.settle_paid_session")
def settle_paid_session(sender: type, booking: Booking, **kwargs: Any) -> None:
    earnings.settle_soon(booking.order_id)


@receiver(booking_cancelled, dispatch_uid="payments.settle_cancelled_session")
def settle_cancelled_session(sender: type, booking: Booking, **kwargs: Any) -> None:
    earnings.settle_soon(booking.order_id)


@receiver(refund_due, dispatch_uid="payments.settle_refunded_session")
def settle_refunded_session(sender: type, booking: Booking, **kwargs: Any) -> None:
    earnings.settle_soon(booking.order_id)


@receiver([booking_paid, booking_cancelled], dispatch_uid="payments.close_attempts")
def close_attempts(sender: type, booking: Booking, **kwargs: Any) -> None:
    closing.close_attempts_of(booking.order)
