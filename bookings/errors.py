"""What the domain refuses, each as one plain sentence with the next step.

Raise these anywhere; `config.middleware.RefusalMiddleware` is the only place where they become HTTP.
"""

from __future__ import annotations

from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class DomainError(Exception):
    """Something the rules do not allow. `message` is for the person who reads it."""

    http_status = 409
    message: str | Promise = _("This cannot be done right now. Please go back and try again.")

    def __init__(self, message: str | Promise | None = None, **context: Any) -> None:
        if message is not None:
            self.message = message
        self.context = context
        super().__init__(str(self.message))


class InvalidInput(DomainError):
    http_status = 400
    message = _("Something in this request is missing or cannot be read. Please check it and try again.")


class RequestTooLarge(DomainError):
    http_status = 413
    message = _("This request is too large.")


class NotFound(DomainError):
    http_status = 404
    message = _("This does not exist, or it is not yours.")


class AskedTooOften(DomainError):
    http_status = 429
    message = _("This was asked for too often. Please try again in a few minutes.")


class NoticeOutdated(DomainError):
    message = _("This is no longer true, so it is not mailed again.")


class SlotTaken(DomainError):
    """Somebody else holds or has booked the time, or the student is busy then."""

    message = _("Sorry, somebody else has just taken this time. Please choose another one.")


class StudentBusy(SlotTaken):
    message = _("You already have a session at that time. Please choose another time, or release the other one.")


class SlotNotOffered(DomainError):
    message = _("This time is not offered any more. Please choose another one.")


class HoursChanged(DomainError):
    """What a tutor edited is no longer what is saved: another tab, or an admin, was faster."""

    message = _("Your hours have been changed meanwhile, in another window or by our team. Please look at them again.")


class OwnSession(DomainError):
    message = _("You cannot book a session with yourself.")


class ApprovalNeeded(DomainError):
    """This tutor agrees to every session first, so its time cannot be held or ordered at once."""

    message = _("This tutor confirms every session first. Please ask for the time; you pay once the tutor has accepted it.")


class ApprovalNotNeeded(DomainError):
    """The tutor takes bookings as they come: nothing is kept for a day without being paid."""

    message = _("This tutor no longer needs to be asked first. Please choose the time again to book it right away.")


class RequestAnswered(DomainError):
    """Somebody was faster: the request has been answered, withdrawn, or its time to be answered is over."""

    message = _("This request has been answered already. Please look at how it stands now.")


class TooManyHolds(DomainError):
    message = _("Your cart is full. Please pay for what is in it, or remove something first.")


class CurrencyMixed(DomainError):
    message = _("Your cart holds sessions in another currency. Please pay for those first.")


class CartEmpty(DomainError):
    message = _("Your cart is empty. Please choose a time first.")


class HoldExpired(DomainError):
    message = _("A time in your cart was kept too long and has been released. Please choose it again.")


class PriceChanged(DomainError):
    """What is ordered costs something else than the payer saw."""

    message = _("Your cart has changed since you looked at it. Please look at the new total, then pay.")


class PromoCodeRefused(DomainError):
    """This code takes nothing off this order. The message says why, to the one who typed it."""

    message = _("This code is not known here. Please check how it is written.")


class TooManyCodes(PromoCodeRefused):
    """Somebody tries one code after the other."""

    http_status = 429
    message = _("That were too many codes that do not fit. Please try again in an hour, or go on without one.")


class OrderNotPayable(DomainError):
    message = _("This order can no longer be paid. Please choose your times again; you were not charged.")


class NoRoomLeft(DomainError):
    """There would be nowhere to meet: every room that the session could have is taken."""

    message = _("Every meeting room is taken at that time. Please choose another time.")


class AnswerAwaited(OrderNotPayable):
    """The time of the order is asked for, and nobody has agreed to it yet."""

    message = _("This time has not been agreed on yet. You can pay for it as soon as it is.")


class SlotsGone(DomainError):
    """The order was paid too late and at least one of its times has been sold again."""

    message = _("Your payment came too late and the time has been sold to somebody else.")


class BookingNotPaid(DomainError):
    message = _("This booking is not paid, so it has no meeting.")


class AbsenceTooEarly(DomainError):
    message = _("It is too early to say that somebody is absent. Please wait a little: they may be late.")


class AbsenceDecided(DomainError):
    message = _("This session has been decided about already, or it was cancelled.")


class NoLeave(DomainError):
    """The payer may not book for this student, or may no longer."""

    message = _("You cannot book for this person. They have to accept your invitation first.")


class InvitationRefused(DomainError):
    """An invitation cannot be sent."""


class InvitationUnknown(DomainError):
    http_status = 404
    message = _(
        "This invitation cannot be found. A newer mail may have replaced it, or its address is not complete. "
        "Please open the newest mail, or ask for another invitation."
    )


class InvitationOver(DomainError):
    message = _("This invitation can no longer be accepted. Please ask for a new one if you still want it.")


class InvitationForSomebodyElse(DomainError):
    message = _(
        "This invitation was sent to another address than the one you are logged in with. "
        "Please log in with the address that got the mail."
    )


class NotMovable(DomainError):
    message = _("This session cannot be moved.")


class NotCancellable(DomainError):
    message = _("This session cannot be cancelled.")


class TermsChanged(DomainError):
    """What comes back is not what the person saw."""

    message = _("What comes back has changed since you looked. Nothing has been cancelled; please look again.")


class ReasonMissing(InvalidInput):
    message = _("Please say why: the others read it in their mail.")
