"""Transactions that were paid on one page of a gateway: the first belongs to its attempt, each more is a payment beside it.

Some gateways let one page bring several transactions, and whoever has two ways to pay on it may use both. Each is a payment
of its own, with its own number at the gateway, receipt and refunds; all of them are asked about by the page's reference.
"""

from __future__ import annotations

import logging
from dataclasses import replace

from django.db.models import Max, Q

from bookings.models import Order
from payments.gateways.base import PaymentReport
from payments.models import Payment

log = logging.getLogger("linkpool.payments")
Told = tuple[Payment, PaymentReport]


def sort_out(payment: Payment, report: PaymentReport) -> list[Told]:
    """Return every transaction of a report with the payment that it belongs to; where there are several, all are locked."""
    if report.others:
        first = payment.page_of_id or payment.pk
        # Whoever makes a payment beside the first holds its lock: those that there are now can be seen after it only.
        list(Payment.objects.filter(pk=first).select_for_update().values_list("pk"))
        list(Payment.objects.filter(page_of=first).order_by("pk").select_for_update().values_list("pk"))
    return [_belonging(payment, one) for one in (report, *report.others)]


def is_another(payment: Payment, report: PaymentReport) -> bool:
    """Say whether a report is about money that came beside that of this payment, which is locked."""
    numbers = {payment.external_id, report.external_id}
    return not payment.may_still_be_paid and "" not in numbers and len(numbers) == 2


def payment_beside(payment: Payment, report: PaymentReport) -> Told | None:
    """Return the payment of another transaction on the page of this one, made if there is none; `payment` is locked.

    None if the transaction is known to belong to another page.
    """
    if (known := Payment.objects.filter(gateway=payment.gateway, external_id=report.external_id).first()) is not None:
        return _told(known, payment, report) if payment.pk in (known.pk, known.page_of_id) else None
    order = Order.objects.select_for_update().get(pk=payment.order_id)
    number = (order.payments.aggregate(last=Max("number"))["last"] or 0) + 1
    beside = Payment.objects.create(
        order=order,
        page_of=payment,
        number=number,
        reference=f"PAY-{order.reference.removeprefix('OR-')}-{number}",
        gateway=payment.gateway,
        amount=payment.amount,
        currency=payment.currency,
        checkout_token=payment.checkout_token,
        expires_at=payment.expires_at,
    )
    log.warning("a second transaction was paid", extra={"payment": beside.reference, "order": order.reference})
    return _told(beside, payment, report)


def _belonging(payment: Payment, report: PaymentReport) -> Told:
    # One that has no number yet, as far as is known: under its lock it is looked at again (`is_another`).
    is_first = payment.external_id == "" and payment.page_of_id is None
    if is_first or report.external_id in ("", payment.external_id):
        return _told(payment, payment.page_of or payment, report)
    first = payment.page_of or payment
    on_page = Payment.objects.filter(Q(pk=first.pk) | Q(page_of=first), external_id=report.external_id)
    return _told(on_page.select_related("page_of").first() or first, first, report)


def _told(payment: Payment, first: Payment, report: PaymentReport) -> Told:
    """The gateway knows the page by the reference of its first payment."""
    is_of_page = report.reference == first.reference
    return payment, replace(report, others=(), reference=payment.reference if is_of_page else report.reference)
