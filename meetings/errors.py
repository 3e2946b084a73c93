"""What the meetings refuse, each as one plain sentence with the next step."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from bookings.errors import DomainError, InvalidInput


class NoLinkLeft(DomainError):
    """No link of the pool is free for the whole time, the rest included."""

    message = _("No available meeting links at this time. Please contact support.")


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
    """A vendor could not make the meeting now; the job tries again. `message` must not quote the vendor."""

    http_status = 502
    message = _("The meeting provider could not be reached. We keep trying; there is nothing you need to do.")


class LinkRetired(DomainError):
    message = _("A retired link is never used again. Please add a new one.")


class LinkAddressRefused(InvalidInput):
    """The text is not a meeting address that the pool takes."""


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
