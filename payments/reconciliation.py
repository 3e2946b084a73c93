"""Comparing the books with what the gateways say: what differs, as values, and putting right what can be put right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from django.db.models import Exists, OuterRef, Q

from payments.gateways.base import DisputeReport, Outcome, PaymentReport, RefundReport, RefundState
from payments.inquiries import fetch_report, record_asked
from payments.models import Dispute, Payment, Refund
from payments.models.payments import PaymentQuerySet
from payments.settlement import void_of

_Told = Iterator[tuple["Kind", str, str]]
# What a refund is called here while the gateway calls it so; what was never asked of the gateway has no word there.
_STATES = {
    Refund.Status.SUBMITTED: RefundState.PENDING,
    Refund.Status.SUCCEEDED: RefundState.SUCCEEDED,
    Refund.Status.FAILED: RefundState.FAILED,
}


class Kind(StrEnum):
    """In what the books and a gateway can differ, in words for operators."""

    PAID_THERE = "paid there, not here"
    PAID_HERE = "paid here, not there"
    UNKNOWN_THERE = "paid here, unknown there"
    AMOUNT = "another amount"
    TRANSACTION = "another transaction"
    HELD_THERE = "held there for a look"
    WORD = "a word that is not known here"
    REFUND_NOT_HERE = "refund not here"
    REFUND_NOT_THERE = "refund not there"
    REFUND = "refund differs"
    DISPUTE_NOT_HERE = "dispute not here"
    DISPUTE = "dispute differs"


@dataclass(frozen=True)
class Difference:
    """One thing of which the books and the gateway tell otherwise, each in a few words."""

    reference: str
    kind: Kind
    here: str
    there: str

    def __str__(self) -> str:
        return f"{self.reference}: {self.kind}. Books: {self.here}. Gateway: {self.there}."


@dataclass(frozen=True)
class Finding:
    """What differed when the gateway was asked about an attempt, and what of that still does."""

    found: Sequence[Difference]
    left: Sequence[Difference]
    status: str  # of the attempt, as it is now
    has_changed: bool = False


def attempts_since(since: datetime) -> PaymentQuerySet:
    """Return the attempts made, paid or refunded since then."""
    refunded = Refund.objects.filter(payment=OuterRef("pk"), created_at__gte=since)
    return Payment.objects.filter(Q(created_at__gte=since) | Q(succeeded_at__gte=since) | Exists(refunded))


def compare(payment: Payment) -> Finding:
    """Ask the gateway about an attempt, and change nothing at all. Raises GatewayUnavailable or GatewayRefused.

    What differs is asked about twice: a message may have come between the question and the look at the books.
    """
    found = _compare_now(payment, fetch_report(payment)) and _compare_now(payment, fetch_report(payment))
    return Finding(found, found, payment.status)


def reconcile(payment: Payment) -> Finding:
    """Ask the gateway about an attempt and record what it says; what still differs then is for a person.

    Raises GatewayUnavailable or GatewayRefused.
    """
    report = fetch_report(payment)
    found, was = _compare_now(payment, report), payment.status
    record_asked(payment, report)
    left = _compare_now(payment, report) and _compare_now(payment, fetch_report(payment))
    status = Payment.objects.values_list("status", flat=True).get(pk=payment.pk)
    return Finding(found, left, status, status != was)


def _compare_now(payment: Payment, report: PaymentReport) -> list[Difference]:
    """Compare with the rows as they are now, which may be younger than `payment`."""
    row = Payment.objects.get(pk=payment.pk)
    found = differences(row, list(row.refunds.select_related("payment")), report, list(row.disputes.all()))
    return [*found, *_second_transactions(row, report)]


def _second_transactions(payment: Payment, report: PaymentReport) -> Iterator[Difference]:
    """Yield what else was paid on the page and is not in the books."""
    numbers = [other.external_id for other in report.others]
    known = set(Payment.objects.filter(external_id__in=numbers).values_list("external_id", flat=True)) if numbers else set()
    for other in report.others:
        if other.external_id not in known:
            there = f"{_word(other)} {other.money or ''}, a second transaction: {other.external_id}"
            yield Difference(payment.reference, Kind.PAID_THERE, "nothing", there)


def differences(
    payment: Payment, refunds: Sequence[Refund], report: PaymentReport, disputes: Sequence[Dispute] = ()
) -> list[Difference]:
    """Return in what the books and the gateway's answer about an attempt differ. Reads no database and changes nothing.

    An attempt that nobody paid differs in nothing, whatever each side calls it.
    """
    if void := void_of(payment, report):
        report = replace(report, outcome=Outcome.PAID, money=payment.money_held, refunds=(void,))
    told = [
        *_of_money(payment, report),
        *_of_refunds(payment, refunds, report),
        *_of_disputes(disputes, report.disputes),
    ]
    return [Difference(payment.reference, kind, here, there) for kind, here, there in told]


def _of_money(payment: Payment, report: PaymentReport) -> _Told:
    is_here = payment.has_money and not payment.may_still_be_paid
    is_there = report.outcome is Outcome.PAID
    here = f"{payment.status} {payment.money_held}" if is_here else payment.status
    there = f"{_word(report)} {report.money or 'of an amount that cannot be read'}" if is_there else _word(report)
    if report.outcome is Outcome.UNKNOWN:
        yield Kind.WORD, here, there
    elif is_there and not is_here:
        yield Kind.PAID_THERE, here, there
    elif is_here and report.outcome is Outcome.PENDING and not report.external_id:
        yield Kind.UNKNOWN_THERE, here, there
    elif is_here and not is_there:
        yield Kind.PAID_HERE, here, there
    elif is_here and report.money != payment.money_held:
        yield Kind.AMOUNT, here, there
    elif is_here and report.external_id and payment.external_id and report.external_id != payment.external_id:
        yield Kind.TRANSACTION, payment.external_id, report.external_id
    elif report.outcome is Outcome.REVIEW and payment.status != Payment.Status.NEEDS_REVIEW:
        yield Kind.HELD_THERE, here, there


def _of_refunds(payment: Payment, refunds: Sequence[Refund], report: PaymentReport) -> _Told:
    matched: set[int] = set()
    for told in report.refunds:
        refund = _match(refunds, told, matched)
        if refund is not None:
            matched.add(refund.pk)
            yield from _of_refund(refund, told)
        elif told.state is not RefundState.FAILED:  # one that failed moved nothing
            yield Kind.REFUND_NOT_HERE, "nothing", _words(told)
    for refund in refunds:
        was_sent = refund.status == Refund.Status.SUCCEEDED and refund.external_id != ""
        if refund.pk not in matched and (was_sent or refund.status == Refund.Status.SUBMITTED):
            yield Kind.REFUND_NOT_THERE, _stands(refund), "nothing"


def _match(refunds: Sequence[Refund], told: RefundReport, matched: set[int]) -> Refund | None:
    """Return the row that a refund of the gateway is: by our key, by its number, or one of that sum sent by hand."""
    free = [refund for refund in refunds if refund.pk not in matched]
    for refund in free:
        if (told.key and told.key == refund.key) or (told.external_id and told.external_id == refund.external_id):
            return refund
    if told.key or told.state is RefundState.FAILED:
        return None
    by_hand = [one for one in free if one.status == Refund.Status.SUCCEEDED and one.external_id == ""]
    return next((one for one in by_hand if one.money == told.money), None)


def _of_refund(refund: Refund, told: RefundReport) -> _Told:
    is_same_sum = told.money is None or told.money == refund.money
    if not is_same_sum or _STATES.get(Refund.Status(refund.status)) is not told.state:
        yield Kind.REFUND, _stands(refund), _words(told)


def _of_disputes(disputes: Sequence[Dispute], reports: Sequence[DisputeReport]) -> _Told:
    known = {dispute.external_id: dispute for dispute in disputes}
    for told in reports:
        there = f"{told.external_id} {told.state.value} {told.money or ''}".strip()
        dispute = known.get(told.external_id)
        if dispute is None:
            yield Kind.DISPUTE_NOT_HERE, "nothing", there
        elif dispute.status != told.state.value or (told.money is not None and told.money != dispute.money):
            yield Kind.DISPUTE, f"{dispute.external_id} {dispute.status} {dispute.money}", there


def _word(report: PaymentReport) -> str:
    return report.status or report.detail or report.outcome.value


def _words(told: RefundReport) -> str:
    return f"{told.key or told.external_id} {told.state.value} {told.money or 'of an amount that cannot be read'}"


def _stands(refund: Refund) -> str:
    return f"{refund.reference} {refund.status} {refund.money}"
