"""A payer's bank takes money back, or asks to: held, told to the staff, and decided by the gateway or by a person.

While one is open nothing of its payment is refunded and the order bears a flag. Lost: the money is gone, as if it had
been refunded. Won: everything goes on as before.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from bookings.errors import DomainError, InvalidInput
from bookings.history import record_order_change
from bookings.kept import Kept
from bookings.models import Order, User
from payments.earnings import settle_soon
from payments.gateways.base import DisputeReport, DisputeState, PaymentReport
from payments.models import Dispute, Payment, Refund
from payments.refund_steps import FIRST_LOOK, enqueue_sending, give_up_for_room
from payments.refunds import balance_of, lock_payment
from payments.staff import tell_staff

log = logging.getLogger("linkpool.disputes")
Status = Dispute.Status
REVERSAL = "reversal"
OPENED = Kept(
    "The payer’s bank is asking for %(money)s (%(reason)s). Answer at the gateway, within the days that it names there: "
    "silence loses. Until it is decided nothing of this payment is refunded and no earning of it is paid out."
)
LOST = Kept(
    "Lost: %(money)s went back to the payer’s bank (%(reason)s). Earnings of it are taken back. Sessions still to come "
    "stand: cancel them if they should not take place."
)
WON = Kept("Won: %(money)s stays here. Refunds that waited go on.")
NOT_LEFT = Kept("Nothing is left of this payment: the payer’s bank has taken it.")


def record_reported_disputes(payment: Payment, report: PaymentReport) -> bool:
    """Record the disputes of a report about this payment's own transaction. True when that changed something."""
    is_other = report.external_id and payment.external_id and report.external_id != payment.external_id
    if not report.disputes or report.reference != payment.reference or is_other:
        return False
    return record_disputes(payment, report.disputes)


@transaction.atomic
def record_disputes(payment: Payment, reports: Iterable[DisputeReport]) -> bool:
    """Record disputes by the gateway's numbers, any number of times, in any order. True when that changed something.

    A closed one is not opened by an older word: some gateways never tell of the end, and a person has closed it.
    """
    payment = lock_payment(payment.pk)
    changes = [_record(payment, report) for report in reports]
    if any(changes):
        _flag_order(payment.order)
    return any(changes)


@transaction.atomic
def record_reversal(payment: Payment, *, transaction: str, status: str) -> None:
    """Record that the gateway took the whole of a payment back after it had said "paid": nothing can be refunded of it.

    The payment is locked, and a person is told by whoever calls.
    """
    held, now = payment.money_held, timezone.now()
    dispute, is_new = Dispute.objects.get_or_create(
        payment=payment,
        external_id=f"{REVERSAL}-{transaction}"[:200],
        defaults={
            "status": Status.LOST,
            "gateway_status": status[:60],
            "amount": held.amount,
            "currency": held.currency,
            "reason": REVERSAL,
            "opened_at": now,
            "closed_at": now,
        },
    )
    if is_new:
        _note(dispute, why=payment.reference)
        _drop_refunds(payment)


@transaction.atomic
def decide_dispute(dispute: Dispute, *, status: Dispute.Status, who: User, why: str) -> Dispute:
    """Record how a dispute ended, where the gateway sends no word of it. The same again changes nothing.

    Raises InvalidInput without a reason, DomainError when it has ended otherwise.
    """
    if not why.strip():
        raise InvalidInput(_("Please say how you know."))
    payment = lock_payment(dispute.payment_id)
    dispute = Dispute.objects.select_for_update().get(pk=dispute.pk)
    dispute.payment = payment
    if dispute.status == status:
        return dispute
    if not dispute.is_open:
        raise DomainError(_("This dispute has ended already."))
    dispute.note = why.strip()[:500]
    _close(dispute, status, who=who, why=why.strip())
    _flag_order(payment.order)
    return dispute


def _record(payment: Payment, report: DisputeReport) -> bool:
    dispute = payment.disputes.select_for_update().filter(external_id=report.external_id[:200]).first()
    if dispute is None:
        dispute = _open(payment, report)
        is_new = True
    else:
        dispute.payment, is_new = payment, _set_words(dispute, report)
    if report.state is DisputeState.OPEN:
        return is_new
    status = Status.WON if report.state is DisputeState.WON else Status.LOST
    if dispute.status == status:
        return is_new
    _close(dispute, status, why=report.status)
    return True


def _open(payment: Payment, report: DisputeReport) -> Dispute:
    money = report.money or payment.money_held
    dispute = Dispute.objects.create(
        payment=payment,
        external_id=report.external_id[:200],
        gateway_status=report.status[:60],
        amount=max(0, money.amount),
        currency=money.currency,
        reason=report.reason[:100],
        opened_at=min(report.opened_at or timezone.now(), timezone.now()),
    )
    _note(dispute, why=report.reason or report.status)
    if report.state is DisputeState.OPEN:
        tell_staff(payment, what=OPENED(money=dispute.money, reason=report.reason or report.status))
    return dispute


def _set_words(dispute: Dispute, report: DisputeReport) -> bool:
    """Set what the gateway says of an open one now. True if that is something new."""
    money = report.money or dispute.money
    said = (report.status[:60], max(0, money.amount), money.currency, report.reason[:100] or dispute.reason)
    known = (dispute.gateway_status, dispute.amount, dispute.currency, dispute.reason)
    if not dispute.is_open or said == known:
        return False
    dispute.gateway_status, dispute.amount, dispute.currency, dispute.reason = said
    dispute.save(update_fields=["gateway_status", "amount", "currency", "reason"])
    return True


def _close(dispute: Dispute, status: Dispute.Status, *, why: str, who: User | None = None) -> None:
    payment, was = dispute.payment, dispute.status
    dispute.status, dispute.closed_at = status, timezone.now()
    dispute.save(update_fields=["status", "closed_at", "note"])
    _note(dispute, was=was, why=why, who=who)
    if status == Status.LOST:
        tell_staff(payment, what=LOST(money=dispute.money, reason=dispute.reason or dispute.gateway_status))
        _drop_refunds(payment)
        return
    tell_staff(payment, what=WON(money=dispute.money))
    _take_up_dropped(payment)
    if not payment.disputes.open().exists():
        _resume_refunds(payment)


def _drop_refunds(payment: Payment) -> None:
    """Give up what is still to be sent of money that is not here any more, newest first."""
    waiting = payment.refunds.filter(status__in=[Refund.Status.PENDING, Refund.Status.MANUAL])
    for refund in waiting.select_for_update().order_by("-pk"):
        missing = -balance_of(payment)
        if missing <= 0:
            break
        refund.payment = payment
        give_up_for_room(refund, missing=missing, note=NOT_LEFT())


def _take_up_dropped(payment: Payment) -> None:
    """Owe again what was given up because the bank had the money, oldest first: it was counted as lost too soon.

    A part may have gone another way since: of a payment that goes back as a whole the rest is owed.
    """
    dropped = payment.refunds.filter(status=Refund.Status.FAILED, note=NOT_LEFT()).exclude(finished_at=None)
    for refund in dropped.select_for_update().order_by("pk"):
        left = balance_of(payment)
        if left <= 0 or (refund.amount > left and not refund.is_of_whole):
            continue
        refund.amount = min(refund.amount, left)
        refund.mark_to_be_sent(at=timezone.now() + FIRST_LOOK)
        refund.save(update_fields=["amount", "status", "round", "finished_at", "next_attempt_at", "note"])
        was, became = Refund.Status.FAILED, refund.status
        record_order_change(payment.order, what="refund", was=was, became=became, why=refund.reference)


def _resume_refunds(payment: Payment) -> None:
    for refund in payment.refunds.select_for_update().filter(status=Refund.Status.PENDING):
        refund.next_attempt_at, refund.note = timezone.now(), ""
        refund.save(update_fields=["next_attempt_at", "note"])
        enqueue_sending(refund)


def _flag_order(order: Order) -> None:
    """Have the order say since when the oldest open dispute of its payments runs, if there is one. The order is locked."""
    opened = Dispute.objects.open().filter(payment__order=order).order_by("opened_at")
    since = opened.values_list("opened_at", flat=True).first()
    Order.objects.filter(pk=order.pk).update(disputed_at=since)


def _note(dispute: Dispute, *, why: str, was: str = "", who: User | None = None) -> None:
    payment = dispute.payment
    said = f"{payment.reference}, {dispute.money}: {why}"
    record_order_change(payment.order, what="dispute", was=was, became=dispute.status, why=said, who=who)
    settle_soon(payment.order_id)
    facts = {"dispute": dispute.external_id, "payment": payment.reference, "state": dispute.status}
    log.warning("dispute recorded", extra={**facts, "amount": dispute.amount, "currency": dispute.currency})
