"""What a payer is told about money on its way back: why, how far it is, when the bank shows it. Never whose fault it is."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from payments.models import Refund

Status = Refund.Status

_HOW_FAR: dict[str, Promise] = {
    Status.PENDING: gettext_lazy("It is being sent now. You need not do anything."),
    Status.SUBMITTED: gettext_lazy(
        "It is on its way. E-wallets show it within a day or two; banks and cards usually take 5 to 10 working days, "
        "some 14."
    ),
    Status.SUCCEEDED: gettext_lazy(
        "Sent on %(day)s. E-wallets show it within a day or two; banks and cards usually take 5 to 10 working days, some "
        "14. If you do not see it by then, please tell us the number of this refund."
    ),
    Status.FAILED: gettext_lazy(
        "It did not get through at the first try. We are seeing to it and send it another way; you need not do anything."
    ),
    Status.MANUAL: gettext_lazy(
        "Your way of paying cannot send money back by itself, so somebody of us sends it, mostly within 3 working days. "
        "If we need the number of your account, we write to you."
    ),
}
_BADGES: dict[str, Promise] = {
    Status.PENDING: gettext_lazy("being sent"),
    Status.SUBMITTED: gettext_lazy("on its way"),
    Status.SUCCEEDED: gettext_lazy("sent back"),
    Status.FAILED: gettext_lazy("we are seeing to it"),
    Status.MANUAL: gettext_lazy("sent by hand"),
}
_TONES = {Status.SUCCEEDED: "good"}


@dataclass(frozen=True)
class RefundTold:
    """One refund as its payer reads it. `badge` and `mark` are its state as a word and as a status with an icon."""

    refund: Refund
    tone: str
    title: str
    why: str
    how_far: str
    badge: str
    mark: str


def tell_refund(refund: Refund) -> RefundTold:
    """Return what the payer reads about a refund. Wants its payment and booking loaded."""
    is_sent = refund.status == Status.SUCCEEDED
    title = _("%(money)s went back to you") if is_sent else _("%(money)s goes back to you")
    return RefundTold(
        refund=refund,
        tone=_TONES.get(Status(refund.status), "wait"),
        title=title % {"money": refund.money},
        why=tell_why(refund),
        how_far=_how_far(refund),
        badge=str(_BADGES[refund.status]),
        mark="succeeded" if is_sent else "pending",
    )


def tell_why(refund: Refund) -> str:
    """Return why money goes back, as one sentence for its payer."""
    if (booking := refund.booking) is not None:
        facts = {"name": booking.name, "day": date_format(timezone.localtime(booking.starts_at), "WEEKDAY_FORMAT")}
        return str(_OF_BOOKING.get(refund.reason, _OF_BOOKING[Refund.Reason.OTHER]) % facts)
    return str(_OF_PAYMENT.get(refund.reason, _OF_PAYMENT[Refund.Reason.OTHER]))


_OF_BOOKING: dict[str, Promise] = {
    Refund.Reason.ABSENT: gettext_lazy("For %(name)s on %(day)s, which did not take place as booked."),
    Refund.Reason.CANCELLED: gettext_lazy("For %(name)s on %(day)s, which was cancelled."),
    Refund.Reason.LATE: gettext_lazy(
        "For %(name)s on %(day)s: your payment came after the deadline, and this time had gone to somebody else."
    ),
    Refund.Reason.OTHER: gettext_lazy("For %(name)s on %(day)s."),
}
_OF_PAYMENT: dict[str, Promise] = {
    Refund.Reason.TWICE: gettext_lazy(
        "This order was paid twice. Your sessions stand as booked; the second payment is returned in full."
    ),
    Refund.Reason.LATE: gettext_lazy("Your payment came after the deadline, when a time had gone to somebody else."),
    Refund.Reason.CANCELLED: gettext_lazy("Your payment came for an order that was no longer open."),
    Refund.Reason.MISFIT: gettext_lazy("Your payment did not fit its order."),
    Refund.Reason.VENDOR: gettext_lazy("It was sent back at the payment service."),
    Refund.Reason.OTHER: gettext_lazy("Our team has decided to send it back."),
}


def _how_far(refund: Refund) -> str:
    words = str(_HOW_FAR[refund.status])
    if refund.finished_at is None:
        return words
    return words % {"day": date_format(timezone.localtime(refund.finished_at), "DATE_FORMAT")}
