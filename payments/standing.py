"""What a payer is told of how an order stands: what happened, what it means for the sessions, what to do next.

One table: each `State` has its words and its next step. Nothing is loaded here, and nothing that a gateway wrote is shown.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from bookings.models import Booking, User
from payments.models import Refund
from payments.stories import State, Story

Words = str | Promise
Step = tuple[str, Words]  # an address and what it is called


@dataclass(frozen=True)
class Standing:
    """A notice: `tone` is good, wait, bad or nothing. Where the order can be paid, the way to pay stands below it."""

    tone: str
    title: Words
    text: Words
    steps: list[Step] = field(default_factory=list)


def tell_standing(story: Story, reader: User, *, just_back: bool = False) -> Standing:
    """Return what the payer reads first on the page of the order.

    `just_back` says that they come from a payment page: while our books know nothing, neither success nor failure is told.
    """
    if just_back and story.state is State.UNDERWAY:
        return _just_back(story)
    return _TELL[story.state](story, reader)


def _asked(story: Story, reader: User) -> Standing:
    return Standing(
        "wait",
        _("Waiting for an answer"),
        _("The time is kept while it is agreed on. You can pay here as soon as it is; nothing is taken before."),
        [(booking.get_absolute_url(), _("See the request")) for booking in story.bookings[:1]],
    )


def _waiting(story: Story, reader: User) -> Standing:
    return Standing("wait", _("Not paid yet"), _("Your times are kept while you pay."))


def _underway(story: Story, reader: User) -> Standing:
    if story.begun:
        return Standing("wait", _("Waiting for your payment"), _BEGUN)
    text = _(
        "This page says so by itself as soon as the payment service tells us; a bank transfer can take some minutes. "
        "If you have paid already, please do not pay again."
    )
    return Standing("wait", _("Waiting for your payment"), text)


_BEGUN = gettext_lazy(
    "You have begun to pay, and this page says so by itself as soon as the money has come: that takes some banks minutes, "
    "and some days. If you have sent it, please do not pay again. Money that comes too late for a time goes back to you."
)


def _just_back(story: Story) -> Standing:
    text = _(
        "This page shows the answer by itself; a bank transfer can take some minutes. If you have paid, please do not pay "
        "again. If you have not, your payment page is still open."
    )
    return Standing("wait", _("We are asking the payment service about your payment"), text)


def _failed(story: Story, reader: User) -> Standing:
    text = _(
        "Attempt %(number)d was refused, or broken off before its end. Nothing was taken, and your times are still kept. "
        "Please try again, or choose another way to pay."
    ) % {"number": story.last_try.number if story.last_try else 1}
    return Standing("bad", _("This payment did not go through"), text)


def _no_page(story: Story, reader: User) -> Standing:
    text = _(
        "The payment service did not answer, or did not take this payment. Nothing was taken, and your times are still "
        "kept. Please try again, or choose another way to pay."
    )
    return Standing("bad", _("The payment page did not open"), text)


def _lapsed(story: Story, reader: User) -> Standing:
    if story.begun:
        return Standing("wait", _("Waiting for your payment"), _BEGUN)
    text = _("It was not used in time, or was closed. Nothing was taken, and your times are still kept: please pay below.")
    return Standing("wait", _("Your payment page is closed"), text)


def _paid(story: Story, reader: User) -> Standing:
    title = _("Paid. Thank you!")
    if story.order.gifted_by_id:
        title = _("A gift for you")
    elif story.order.money.is_zero:
        title = _("Booked. There is nothing to pay.")
    if (coming := story.next_session) is None:
        text = _("The sessions of this order are over, or do not take place.")
        return Standing("good", title, text, [(reverse("bookings:tutor_list"), _("Book another session"))])
    return Standing("good", title, _next_words(coming, reader), [(coming.get_absolute_url(), _("See the session"))])


def _next_words(coming: Booking, reader: User) -> str:
    facts = {
        "name": coming.name,
        "day": _at(coming.starts_at, "WEEKDAY_FORMAT"),
        "time": _at(coming.starts_at, "TIME_FORMAT"),
        "current_zone": timezone.get_current_timezone_name(),
        "opens": _at(coming.join_opens_at, "TIME_FORMAT"),
    }
    if coming.student_id != reader.pk:
        return _("Next: %(name)s on %(day)s at %(time)s (%(current_zone)s).") % facts
    return _("Next: %(name)s on %(day)s at %(time)s (%(current_zone)s). The door opens at %(opens)s.") % facts


def _partly(story: Story, reader: User) -> Standing:
    lost = len(story.lost)
    text = ngettext(
        "Your payment came after its deadline, and %(number)d time had gone to somebody else. Your other sessions are "
        "booked; the money for the lost one goes back to you.",
        "Your payment came after its deadline, and %(number)d times had gone to somebody else. Your other sessions are "
        "booked; the money for the lost ones goes back to you.",
        lost,
    ) % {"number": lost}
    steps = [(coming.get_absolute_url(), _("See the session")) for coming in [story.next_session] if coming]
    return Standing("good", _("Paid, and some of your sessions are booked"), text, [*steps, *_choose_again(story)])


_NOT_SENT = gettext_lazy("What was to go back is not sent any more. If you do not know why, please write to us.")


def _called_off(story: Story, reader: User) -> Standing:
    text: Words
    if story.refunds:
        text = _("What comes back of it stands below.")
    elif not story.taken_back.is_zero:
        text = _("Your bank has taken %(money)s of it back.") % {"money": story.taken_back}
    elif any(booking.refund for booking in story.bookings):
        text = _NOT_SENT
    else:
        text = _("Nothing of it comes back; each session says why.")
    return Standing("", _("This order was paid, and its sessions were cancelled"), text, _choose_again(story))


def _disputed(story: Story, reader: User) -> Standing:
    text = _(
        "While your bank looks into it, nothing can be paid back from here. Your sessions stay as they are below. If you "
        "did not mean to ask your bank, please tell it that this payment is right."
    )
    return Standing("wait", _("Your bank has asked for this payment back"), text, [_to_payments()])


def _taken(story: Story, reader: User) -> Standing:
    text = _(
        "Your bank has taken %(money)s of this payment back. Your sessions stay as they are below until we write to you. If "
        "this was a mistake, please write to us."
    ) % {"money": story.taken_back}
    return Standing("wait", _("Your bank has taken money back"), text, [_to_payments()])


def _checking(story: Story, reader: User) -> Standing:
    text = _(
        "We are asking the payment service whether your payment came after all. If it did, your sessions are booked as long "
        "as their times are still free; if they are not, the money goes back to you."
    )
    return Standing("wait", _("The time to pay is over"), text, [_to_payments()])


def _review(story: Story, reader: User) -> Standing:
    text = _(
        "The payment service told us something that does not fit this order, so a person checks it. Nothing is lost and you "
        "need not pay again; this page, and a mail if money goes back, will tell you."
    )
    return Standing("wait", _("Your payment is being looked at"), text, [_to_payments()])


def _returned(story: Story, reader: User) -> Standing:
    reasons = {refund.reason for refund in story.refunds}
    if Refund.Reason.LATE in reasons:
        text = _(
            "Your payment came after the deadline and a time in this order had gone to somebody else. Nothing is booked; "
            "your money goes back to you, as it says below."
        )
    elif Refund.Reason.CANCELLED in reasons:
        text = _(
            "Your payment came for an order that was no longer open. Nothing is booked; your money goes back to you, as it "
            "says below."
        )
    else:
        text = _("Your payment did not fit this order. Nothing is booked; your money goes back to you, as it says below.")
    if story.is_all_back:
        return Standing("", _("Nothing is booked, and your money went back"), _WENT_BACK, _choose_again(story))
    return Standing("wait", _("Nothing is booked, and your money goes back"), text, _choose_again(story))


_WENT_BACK = gettext_lazy(
    "Your payment could not be used for this order. It was sent back to you, as it says below. Please choose again if you "
    "still want a session."
)


def _after_money(story: Story) -> str:
    """Say what became of money for an order that came to nothing, of which nothing is on its way back."""
    if not story.taken_back.is_zero:
        return _("Its times have been released. Your bank has taken %(money)s back.") % {"money": story.taken_back}
    return _(
        "Its times have been released. Money came for it, and nothing of that is being sent back. If you do not know why, "
        "please write to us."
    )


def _gone(title: Words) -> Callable[[Story, User], Standing]:
    """Return the words of an order that came to nothing, unpaid."""

    def tell(story: Story, reader: User) -> Standing:
        text = _("Its times have been released and you were not charged. Please choose again if you still want a session.")
        if story.has_money:
            text = _after_money(story)
        elif story.begun:
            text = _(
                "Its times have been released, and no money has reached us. If a payment that you have begun still comes, "
                "your sessions are booked where their times are free; if they are not, it goes back to you."
            )
        return Standing("", title, text, _choose_again(story))

    return tell


_TELL: dict[State, Callable[[Story, User], Standing]] = {
    State.ASKED: _asked,
    State.WAITING: _waiting,
    State.UNDERWAY: _underway,
    State.FAILED: _failed,
    State.NO_PAGE: _no_page,
    State.LAPSED: _lapsed,
    State.PAID: _paid,
    State.PARTLY: _partly,
    State.CALLED_OFF: _called_off,
    State.DISPUTED: _disputed,
    State.TAKEN: _taken,
    State.CHECKING: _checking,
    State.REVIEW: _review,
    State.RETURNED: _returned,
    State.EXPIRED: _gone(gettext_lazy("This order was not paid in time")),
    State.UNANSWERED: _gone(gettext_lazy("This request was not answered in time")),
    State.DECLINED: _gone(gettext_lazy("The tutor could not take this session")),
    State.CANCELLED: _gone(gettext_lazy("This order was cancelled")),
}


def _choose_again(story: Story) -> list[Step]:
    """Return the way to new times: at the same tutor where there is one."""
    tutors = {booking.tutor_id: booking.tutor for booking in story.bookings}
    if len(tutors) == 1:
        (tutor,) = tutors.values()
        return [(tutor.get_absolute_url(), _("Choose another time"))]
    return [(reverse("bookings:tutor_list"), _("Choose a time"))]


def _to_payments() -> Step:
    return reverse("payments:payment_list"), _("See all your payments")


def _at(instant: object, how: str) -> str:
    return str(date_format(timezone.localtime(instant), how))  # type: ignore[arg-type]
