"""What recorded money does to its order: it is paid, or the money is owed back."""

from __future__ import annotations

from bookings.errors import BookingNotPaid, OrderNotPayable, SlotsGone
from bookings.models import Order
from bookings.orders import mark_order_paid
from payments.models import Payment, Refund
from payments.refunds import owe_back


def settle_order(payment: Payment) -> None:
    """Mark the order of a recorded payment paid, or owe the money back. The payment is locked."""
    order = Order.objects.select_for_update().get(pk=payment.order_id)
    if order.is_paid:
        owe_back(payment, reason=Refund.Reason.TWICE)
        return
    try:
        mark_order_paid(order, why=payment.reference)
    except (SlotsGone, BookingNotPaid):
        owe_back(payment, reason=Refund.Reason.LATE)
    except OrderNotPayable:
        owe_back(payment, reason=Refund.Reason.CANCELLED)
