"""What a gateway says of money that went back, whoever asked for it: matched with our rows, set, never added up.

A report may come any number of times, late, and from several messages at once: the end is the same. What the gateway
calls failed stays failed, even if an older word comes after it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from django.db import transaction
from django.utils import timezone

from bookings.history import record_order_change
from bookings.kept import Kept
from bookings.money import Money
from payments.gateways.base import PaymentReport, RefundReport, RefundState
from payments.models import Payment, Refund
from payments.models.refunds import REFERENCE_BEGINS
from payments.refund_steps import FIRST_LOOK, SENT, fail_refund, finish_refund, give_up_for_room, submit_refund
from payments.refunds import lock_payment, room_of
from payments.staff import tell_staff

log = logging.getLogger("linkpool.refunds")
Status = Refund.Status
# With the number that a report is about, these tell that it failed: once and for all, whatever round has begun since.
HAS_FAILED = (Status.FAILED, Status.PENDING, Status.MANUAL)
MADE_THERE = Kept(
    "%(money)s of this payment went back at the gateway itself (%(status)s). A session may still stand for it: please look."
)
NOT_LEFT = Kept("Nothing is left of this payment: it has gone back at the gateway itself.")
DROPPED = Kept("%(money)s (%(refund)s) is not sent any more: that money has gone back at the gateway itself.")
TOO_MUCH = Kept("The gateway says that %(money)s more went back (%(number)s) than the books know of. Please look there.")
UNREADABLE = Kept("The gateway says that money went back (%(number)s), but not how much. Please look there.")
SENT_TWICE = Kept("%(refund)s was recorded as sent by hand, but the gateway has sent %(money)s as well. Please look there.")
OTHER_SUM = Kept("Of %(refund)s the gateway sent back %(money)s, not %(asked)s.")


def record_reported_refunds(payment: Payment, report: PaymentReport) -> bool:
    """Record the refunds of a report about this payment's own transaction. True when that changed something."""
    is_other = report.external_id and payment.external_id and report.external_id != payment.external_id
    if not report.refunds or report.reference != payment.reference or is_other:
        return False
    return record_refunds(payment, report.refunds)


def is_ours(report: RefundReport) -> bool:
    """Say whether we asked for it: a gateway may give what is made in its own pages a key as well."""
    return report.key.startswith(REFERENCE_BEGINS)


@transaction.atomic
def record_refunds(payment: Payment, reports: Iterable[RefundReport]) -> bool:
    """Record what became of refunds: ours by their key, then by the gateway's number, then by their sum; others are added.

    Those with a key of ours come first, so that nothing else takes their place. True when that changed something.
    """
    payment = lock_payment(payment.pk)
    if not payment.has_money:
        log.error("gateway tells of refunds of a payment without money", extra={"payment": payment.reference})
        return False
    ordered = sorted(reports, key=lambda report: not is_ours(report))
    changes = [_record(payment, report) for report in ordered]
    return any(changes)


def _record(payment: Payment, report: RefundReport) -> bool:
    refunds = list(payment.refunds.select_for_update(of=("self",)).select_related("booking").order_by("pk"))
    for refund in refunds:
        refund.payment = payment
    known = _of_key(refunds, report) or _of_number(refunds, report) or _of_sum(refunds, report)
    return _add(payment, report) if known is None else _set(known, report)


def _of_key(refunds: list[Refund], report: RefundReport) -> Refund | None:
    """Return our refund that was asked for with this key. An older round's key counts unless that round had failed."""
    for refund in refunds:
        # A refund that is to be sent may bear the number of a round that failed; some numbers come after the key.
        known = ("", report.external_id, report.key)
        is_number_free = refund.external_id in known or refund.status == Status.PENDING
        if report.key and report.key == refund.key and is_number_free:
            return refund
        is_older_round = report.key.startswith(refund.reference) and report.key != refund.key
        has_gone_out = report.state is not RefundState.FAILED and report.external_id != refund.external_id
        if is_older_round and has_gone_out and refund.is_open and is_number_free:
            return refund
    return None


def _of_number(refunds: list[Refund], report: RefundReport) -> Refund | None:
    return next((one for one in refunds if report.external_id and one.external_id == report.external_id), None)


def _of_sum(refunds: list[Refund], report: RefundReport) -> Refund | None:
    """Return a refund of ours that a person has sent at the gateway: the one that waits for it, else one recorded so."""
    if is_ours(report) or report.money is None or report.state is RefundState.FAILED:
        return None
    alike = [one for one in refunds if one.money == report.money and not one.is_given_up]
    waiting = [one for one in alike if one.needs_person and one.reason != Refund.Reason.VENDOR]
    to_be_sent = [one for one in alike if one.status == Status.PENDING]
    recorded = [one for one in alike if one.has_arrived and one.external_id == ""]
    return next(iter([*waiting, *to_be_sent, *recorded]), None)


def _set(refund: Refund, report: RefundReport) -> bool:
    """Set what the gateway says of a refund that is known."""
    was = (refund.status, refund.external_id, refund.amount)
    is_same = refund.external_id != "" and refund.external_id == report.external_id
    if (is_same and refund.status in HAS_FAILED) or not _set_sum(refund, report):
        return False
    if is_ours(report) and refund.has_arrived and refund.external_id == "":
        _tell_once(refund.payment, SENT_TWICE(refund=refund.reference, money=refund.money))
    if report.external_id and refund.external_id != report.external_id:
        refund.external_id = report.external_id[:200]
        refund.save(update_fields=["external_id"])
    if report.state is RefundState.FAILED and refund.status != Status.FAILED:
        fail_refund(refund, detail=report.detail or report.status)
    elif report.state is RefundState.SUCCEEDED and not refund.has_arrived:
        finish_refund(refund, note=SENT())
    elif report.state is RefundState.PENDING and refund.status in (Status.PENDING, Status.MANUAL, Status.FAILED):
        submit_refund(refund)
    return was != (refund.status, refund.external_id, refund.amount)


def _set_sum(refund: Refund, report: RefundReport) -> bool:
    """Set the sum that went back, if it is another one. False if there is no room for it: a person must look."""
    if report.state is RefundState.FAILED:
        return True
    money = report.money if report.money is not None and report.money.currency == refund.money.currency else refund.money
    taken = 0 if refund.status == Status.FAILED else refund.amount
    if money.amount > taken and not _make_room(refund.payment, Money(money.amount - taken, money.currency), keep=refund):
        _tell_once(refund.payment, TOO_MUCH(money=money, number=report.external_id))
        return False
    if money == refund.money or money.amount <= 0:
        return True
    tell_staff(refund.payment, what=OTHER_SUM(refund=refund.reference, money=money, asked=refund.money))
    refund.amount = money.amount
    refund.save(update_fields=["amount"])
    return True


def _add(payment: Payment, report: RefundReport) -> bool:
    """Record a refund that was made at the gateway itself; a session may still stand for the money."""
    money = report.money
    if money is None or money.currency != payment.money_held.currency or money.amount <= 0:
        return _tell_once(payment, UNREADABLE(number=report.external_id))
    if _is_of_older_round(payment, report):
        return False
    has_failed = report.state is RefundState.FAILED
    if not has_failed and not _make_room(payment, money):
        return _tell_once(payment, TOO_MUCH(money=money, number=report.external_id))
    refund = Refund.objects.create(
        payment=payment,
        amount=money.amount,
        reason=Refund.Reason.VENDOR,
        status=Status.FAILED if has_failed else Status.SUBMITTED,
        external_id=report.external_id[:200],
        submitted_at=report.made_at or timezone.now(),
        next_attempt_at=None if has_failed else timezone.now() + FIRST_LOOK,
        note=report.detail[:500],
    )
    payment.refresh_from_db(fields=["refunded_amount"])
    refund.payment = payment
    record_order_change(payment.order, what="refund", became=refund.status, why=f"{payment.reference}: {refund.reason}")
    tell_staff(payment, what=MADE_THERE(money=money, status=report.status or report.state.value))
    if report.state is RefundState.SUCCEEDED:
        finish_refund(refund, note=SENT())
    return True


def _is_of_older_round(payment: Payment, report: RefundReport) -> bool:
    """Say whether this is what failed before we began another round: nothing new, and no other refund."""
    if report.state is not RefundState.FAILED:
        return False
    return any(report.key.startswith(refund.reference) for refund in payment.refunds.all())


def _make_room(payment: Payment, wanted: Money, *, keep: Refund | None = None) -> bool:
    """Give up what is still to be sent, newest first, until so much is left; what went back at the gateway is a fact.

    False, and nothing is given up, if not even all of that would do.
    """
    missing = wanted.amount - room_of(payment)
    waiting = payment.refunds.filter(status__in=[Status.PENDING, Status.MANUAL]).order_by("-pk")
    open_ones = [one for one in waiting if keep is None or one.pk != keep.pk]
    if missing > sum(one.amount for one in open_ones):
        return False
    for one in open_ones:
        if missing <= 0:
            break
        one.payment = payment
        gone = give_up_for_room(one, missing=missing, note=NOT_LEFT())
        tell_staff(payment, what=DROPPED(money=Money(gone, wanted.currency), refund=one.reference))
        missing -= gone
    return True


def _tell_once(payment: Payment, what: str) -> bool:
    """Tell the staff of something that no row can hold, once: the order's history remembers it."""
    said = f"{payment.reference}: {what}"[:500]
    if payment.order.changes.filter(what="refund", why=said).exists():
        return False
    record_order_change(payment.order, what="refund", why=said)
    tell_staff(payment, what=what)
    return True
