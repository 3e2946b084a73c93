"""What recorded money does to its order: it is paid as far as its times are still free; the rest goes back.

| the money comes | the order | what goes back |
| --- | --- | --- |
| in time | is paid | |
| late, or later than its own side gave the order up | is paid with the times still free | what was paid for the others |
| the same, and none of the times is free | stays as it is | all of it: late |
| before its own side gave the order up | stays cancelled | all of it: cancelled |
| after the tutor or the staff said no, or nobody agreed | stays as it is | all of it: cancelled |
| a second time | stays paid | all of it: paid twice |
"""

from __future__ import annotations

from django.utils import timezone

from bookings.errors import BookingNotPaid, OrderNotPayable, SlotsGone
from bookings.models import Order
from bookings.orders import revive_order
from payments.models import Payment, Refund
from payments.refunds import owe_back


def settle_order(payment: Payment) -> None:
    """Let a recorded payment pay its order, or owe the money back. The payment is locked."""
    try:
        revive_order(payment.order, paid_at=payment.succeeded_at or timezone.now(), why=payment.reference)
    except (SlotsGone, BookingNotPaid):
        reason = Refund.Reason.LATE
    except OrderNotPayable:
        reason = Refund.Reason.CANCELLED
    else:
        return
    # What was locked in trying has been let go: another payment may have paid the order since.
    order = Order.objects.select_for_update().get(pk=payment.order_id)
    owe_back(payment, reason=Refund.Reason.TWICE if order.is_paid else reason)
