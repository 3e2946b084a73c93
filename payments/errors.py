"""What paying refuses. `message` is for the person; `detail`, where there is one, is for the log and the admin."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from bookings.errors import DomainError, InvalidInput, NotFound, OrderNotPayable


class GatewayUnknown(NotFound):
    """No gateway of that name is set up here."""

    message = _("There is no payment service of this name here.")


class GatewayNotOffered(InvalidInput):
    message = _("Please choose one of the ways to pay that are offered.")


class PaymentUnknown(NotFound):
    message = _("There is no payment of this number here.")


class CheckoutUnderway(DomainError):
    """Another tab is opening the payment page right now."""

    message = _("Your payment page is just being opened in another tab. Please wait a moment and try again.")


class AlreadyPaid(OrderNotPayable):
    """Good news: there is nothing left to pay. `leads_to` is the order's page, which says so."""

    message = _("This order is already paid. You are not charged again.")


class MoneyBeingLookedAt(AlreadyPaid):
    """Money for the order has come that does not fit it: nobody shall pay again before a person has looked."""

    message = _(
        "A payment for this order has arrived and is being looked at. Please do not pay again; you will hear from us."
    )


class TooManyAttempts(DomainError):
    message = _(
        "There were too many attempts to pay this order. Please wait until its time to pay is over, then choose your times "
        "again."
    )


class BeginsTooSoon(DomainError):
    """A session in the cart begins before anybody could pay for it."""

    message = _("A session in your cart begins too soon to be paid for. Please take it out to pay for the others.")


class NothingLeft(DomainError):
    message = _("Nothing is left of this payment: all of it has gone back, or is on its way.")


class RefundTooLarge(DomainError):
    """More is asked for than is left of the payment; the message says how much that is."""

    message = _("That is more than is left of this payment.")


class PaymentDisputed(DomainError):
    message = _("The payer’s bank is asking for this money. Nothing can be sent back until that is decided.")


class PaymentNotReceived(DomainError):
    message = _("No money of this payment has been received, so nothing can be sent back.")


class InboxClosed(DomainError):
    """A gateway's message could not be stored: it must be sent again."""

    http_status = 503
    message = _("This message cannot be stored right now. Please send it again later.")


class MessageTooLarge(DomainError):
    http_status = 413
    message = _("This message is too large.")


class MessageEmptied(DomainError):
    message = _("The body of this message was deleted for its age, so it cannot be applied again.")


class PageOver(DomainError):
    """A page of the pretend bank has ended, or its payment has not that much left."""

    message = _("This page is over: nothing can be done on it any more.")


class GatewayError(DomainError):
    """Trouble with a gateway. `detail` never holds a key, a signature or a person's data."""

    def __init__(self, detail: str) -> None:
        self.detail = detail[:500]
        super().__init__()

    def __str__(self) -> str:
        return str(self.message)


class GatewayUnavailable(GatewayError):
    """No answer, or none that can be understood: what became of the request is unknown. Ask again later."""

    http_status = 503
    message = _("The payment service does not answer right now. Please try again in a minute.")


class GatewayRefused(GatewayError):
    """The gateway understood and said no; the same request will be refused again."""

    http_status = 502
    message = _("The payment service did not accept this payment. Please choose another way to pay, or tell us.")


class RefundByHand(GatewayRefused):
    """The gateway cannot send this money back by itself; `detail` says why."""


class BadSignature(GatewayError):
    http_status = 403
    message = _("The signature of this message is missing or wrong.")


class BadMessage(GatewayError):
    http_status = 400
    message = _("This message cannot be read.")
