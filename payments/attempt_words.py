"""What a payer is told about each attempt to pay: what became of it, in plain words. A gateway's own words stay inside."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from payments.models import Payment

Status = Payment.Status


@dataclass(frozen=True)
class AttemptTold:
    """One attempt: `way` names the gateway, `mark` is a status with an icon, `badge` a word, `text` a sentence."""

    payment: Payment
    way: str
    mark: str
    badge: str
    text: str


def tell_attempt(payment: Payment, *, way: str, now: datetime) -> AttemptTold:
    """Return what the payer reads about an attempt."""
    mark, badge, text = _tell(payment, now)
    return AttemptTold(payment, way, mark, badge, text)


def _tell(payment: Payment, now: datetime) -> tuple[str, str, str]:
    if payment.status == Status.SUCCEEDED:
        return "succeeded", _("received"), _("Your money has arrived.")
    if payment.status == Status.NEEDS_REVIEW:
        return "pending", _("being looked at"), _("Something does not fit, so a person looks at it. Nothing is lost.")
    if payment.status == Status.FAILED and payment.checkout_url:
        return "failed", _("did not go through"), _("It was refused, or broken off. Nothing was taken.")
    if payment.closed_at is not None:
        return "dropped", _("closed"), _("Its payment page was closed. Nothing was taken.")
    if payment.is_begun(now):
        return _tell_of_begun(payment)
    if payment.superseded_at is not None and now < payment.expires_at:
        return "pending", _("being closed"), _("Its payment page is being closed.")
    if not payment.checkout_url:
        return _tell_of_no_page(payment)
    if payment.page_is_open(now):
        return "pending", _("waiting"), _("Its payment page is open.")
    if payment.is_pending and payment.next_check_at is not None:
        return "pending", _("being asked about"), _("Its payment page is over; we ask whether money came after all.")
    return "dropped", _("not paid in time"), _("Its payment page is over. Nothing was taken.")


def _tell_of_begun(payment: Payment) -> tuple[str, str, str]:
    """Nobody but the gateway knows whether its money comes: a slow bank may send it days after the page is over."""
    if payment.is_pending:
        text = _("A payment was begun on its page, and its money may be on its way. We go on asking about it.")
        return "pending", _("begun"), text
    text = _(
        "A payment was begun on its page, and no money has reached us. If it still comes, it pays for this order where that "
        "can be, or goes back to you."
    )
    return "dropped", _("no money yet"), text


def _tell_of_no_page(payment: Payment) -> tuple[str, str, str]:
    if payment.is_pending and not payment.note:
        return "pending", _("being opened"), _("Its payment page is being opened.")
    return "failed", _("no page"), _("The payment page did not open. Nothing was taken.")
