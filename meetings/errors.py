"""What the meetings refuse, each as one plain sentence with the next step."""

from __future__ import annotations

from datetime import timedelta

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from bookings.errors import AbsenceTooEarly, DomainError, InvalidInput

PATIENCE = timedelta(minutes=2)  # a vendor that asks for more is given up for now


class NoLinkLeft(DomainError):
    """No link of the pool is free for the whole time, the rest included."""

    message = _("No available meeting links at this time. Please contact support.")


class NoPlaceLeft(DomainError):
    """None of the tutor's providers can hold the session now: a person has to help."""

    message = _("No provider can hold this session at the moment. Our team has been told and looks after it.")


class LinkNotFree(DomainError):
    message = _("This link is not free at that time. Please choose another one.")


class LinkSearchFailed(DomainError):
    """The database could not be asked. Trouble of ours: the caller may try again."""

    http_status = 500
    message = _("Failed to find available meeting link")


class MeetingNotWaiting(DomainError):
    message = _("This meeting does not wait for a link: it is over or cancelled.")


class MeetingInTheMaking(DomainError):
    message = _("The meeting is being prepared at this moment. Please ask again in a minute.")


class ProviderTrouble(DomainError):
    """A vendor did not do what was asked. `message` is for people and must not quote the vendor.

    `detail` is for operators: a few English words without tokens or addresses. `code` and `status` are the vendor's
    own; `after` is how long it asked us to wait, or how long its account is better left alone.
    """

    http_status = 502
    message = _("The meeting provider could not be reached. We keep trying; there is nothing you need to do.")

    def __init__(
        self,
        message: str | Promise | None = None,
        *,
        detail: str = "",
        code: str = "",
        status: int | None = None,
        after: timedelta | None = None,
    ) -> None:
        super().__init__(message)
        self.detail, self.code, self.status, self.after = detail, code, status, after

    @property
    def own_message(self) -> str | Promise | None:
        """Return the sentence of this very case, such as which right is missing; None where only its kind's is known."""
        return None if self.message is type(self).message else self.message

    @property
    def pause(self) -> timedelta | None:
        """Return how long nobody should ask for rooms with the same account; None if only this question has to wait."""
        return None


class ProviderUnavailable(ProviderTrouble):
    """No answer, or a plea to come again: what was asked may have been done. Ask again with the same key."""

    @property
    def pause(self) -> timedelta | None:
        return self.after if self.after is not None and self.after > PATIENCE else None


class ProviderLeftAlone(ProviderUnavailable):
    """It let us wait in vain a moment ago, so it was not asked: this is no try. `after` is when to come again."""


class ConnectionBroken(ProviderTrouble):
    """The consent is gone, or lacks a right. Nothing works until its owner connects again."""

    http_status = 401
    message = _("The connection to the meeting provider no longer works. Please connect the account again.")


class ProviderCannot(ProviderTrouble):
    """It will not make this meeting with this account, or not today: another provider can."""

    message = _("The meeting provider cannot hold this session. Another way is taken.")

    @property
    def pause(self) -> timedelta | None:
        return self.after


class ProviderMisconfigured(ProviderTrouble):
    """Refused for good through a fault of ours or of the set-up: an operator must look."""

    message = _("The meeting provider refused the request. The staff have been told.")


class RoomGone(ProviderTrouble):
    """The vendor has no such room any more."""

    message = _("The meeting is no longer there at the provider. A new one is made.")


class ConsentRefused(ProviderTrouble):
    """The vendor does not give tokens for this code: it was used, is too old, or is not ours."""

    http_status = 400
    message = _("The account could not be connected. Please try again.")


class AccountTaken(DomainError):
    """Vendors end the older of two consents, so one account serves one tutor."""

    message = _("Another tutor has connected this account already. Please connect one of your own.")


class ProviderNotForYou(InvalidInput):
    """Nobody of that name holds sessions here, or not for this tutor as things stand."""

    message = _("Sessions cannot be held there. Please choose one of those that are offered, or connect your account first.")


class TokenUnreadable(Exception):
    """A stored token cannot be decrypted with TOKEN_KEYS: it is an error, never a value."""


class LinkRetired(DomainError):
    message = _("A retired link is never used again. Please add a new one.")


class LinkAddressRefused(InvalidInput):
    """The text is not a meeting address that the pool takes."""


class AddressOfPool(InvalidInput):
    message = _("This address belongs to the link pool, so others meet there. Please give one of your own.")


class AddressInUse(InvalidInput):
    message = _("Another session is held at this address at the same time. Please give another one.")


class AddressWanted(DomainError):
    """A person has to give an address: trying again by itself changes nothing."""

    message = _("This session waits for a person to give its address.")


class SessionOver(DomainError):
    message = _("This session is over, so its address cannot be changed any more.")


class LinkKnown(InvalidInput):
    message = _("This link is in the pool already.")


class LinkListRefused(InvalidInput):
    """A list of links has faults, so none of it was taken. `faults` are sentences, one per line at fault."""

    message = _("Nothing was added: please correct the list and try again.")

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        super().__init__()


class ReportTooLate(DomainError):
    message = _("It is too late to report an absence here. Please write to us.")


class ReportKnown(DomainError):
    message = _("This session has been reported already. You can read and answer the report on its page.")


class NobodyCouldCome(DomainError):
    message = _("This session had no room, so the student cannot be called absent. Our team looks into it.")


class NoRoomYet(AbsenceTooEarly):
    message = _("This session has no room yet, but one may still come. If none does, we put it right by ourselves.")


class RoomWasThere(DomainError):
    message = _("This session had a room. Please decide who was absent.")


class ReportDecided(DomainError):
    message = _("This report has been decided already.")


class AnswerGiven(DomainError):
    message = _("This report has been answered already.")


class AnswerTooLate(DomainError):
    message = _("The time to answer is over. We decide with what we know; please write to us if something is missing.")


class AnswerOpen(DomainError):
    message = _("The other side still has time to answer. Please decide after that.")


class TellMore(InvalidInput):
    message = _("Please tell in a few sentences what happened (20 to 2,000 characters).")
