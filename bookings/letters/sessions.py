"""Letters about sessions that are settled: paid, moved, cancelled, soon to begin."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from bookings.letters.letter import Letter, Row
from bookings.letters.money import say_money_back
from bookings.letters.telling import Role, Telling, name_of, say_start, say_time
from bookings.times import During


def paid(told: Telling) -> Letter:
    """The session is settled. Whoever pays for others reads of the whole order, without a booking."""
    if told.notice.booking is None:
        return _paid_order(told)
    words = told.words_of_session
    letter = Letter(
        subject=_("Confirmed: %(session)s, %(when)s") % words,
        sentence=_("%(session)s on %(when)s is confirmed.") % words,
        rows=(told.when(), *_paid_how_much(told)),
        paragraphs=tuple(_about_the_room(told)),
        button=told.to_room,
        also=told.to_booking,
    )
    if told.is_for_tutor:
        sentence = _("%(student)s has booked %(lesson)s on %(when)s. It is confirmed.") % words
        letter = replace(letter, subject=_("New session: %(session)s, %(when)s") % words, sentence=sentence)
    return letter.with_more(paragraphs=_about_the_order(told))


def _paid_order(told: Telling) -> Letter:
    words = {"reference": told.order.reference, "money": told.order.money}
    is_free = told.order.money.is_zero
    return Letter(
        subject=(_("Confirmed: order %(reference)s") if is_free else _("Paid: order %(reference)s")) % words,
        sentence=(
            _("Your order %(reference)s is confirmed; it costs nothing.")
            if is_free
            else _("Your order %(reference)s is paid: %(money)s.")
        )
        % words,
        paragraphs=(_("Students and tutors have been told how to get to their sessions."),),
        button=told.to_order,
    )


def moved(told: Telling) -> Letter:
    """The session has another time; the old one is told beside it."""
    start, end = told.instant("was_start"), told.instant("was_end")
    was = [Row(_("Was"), say_time(During(start, end)))] if start and end and start < end else []
    words = told.words_of_session
    sentence = _("%(session)s has been moved to %(when)s.") % words
    if start:
        sentence = _("%(session)s has been moved from %(was)s to %(when)s.") % {**words, "was": say_start(start)}
    return Letter(
        subject=_("Moved to %(when)s: %(session)s") % words,
        sentence=sentence,
        rows=(told.when(_("New time")), *was, *told.why(told.detail("why"))),
        paragraphs=(_("The address you join by stays the same."),) if told.role is not Role.PAYER else (),
        button=told.to_room,
        also=told.to_booking,
    )


def cancelled(told: Telling) -> Letter:
    """The session will not take place: by whom, why, and for the payer what comes back."""
    booking, words = told.booking, told.words_of_session
    return Letter(
        subject=_("Cancelled: %(session)s, %(when)s") % words,
        sentence=_cancelled_by_whom(told) % _named_once(told, words),
        rows=(told.when(), *told.why(told.detail("why") or booking.cancel_reason)),
        paragraphs=tuple(_about_the_end(told)),
        button=told.to_booking if told.is_for_tutor else told.to_times,
        also=None if told.is_for_tutor else told.to_booking,
    )


def _about_the_end(told: Telling) -> list[str]:
    if told.booking.order.paid_at is not None:
        return say_money_back(told)
    return [_("The time is free again.") if told.is_for_tutor else _("Nothing was paid for it.")]


def _named_once(told: Telling, words: dict[str, Any]) -> dict[str, Any]:
    """Whoever cancelled it is named as such: the session need not name them again."""
    booking = told.booking
    counterpart = booking.student_id if told.is_for_tutor else booking.tutor.user_id
    is_named = told.role is not Role.PAYER and booking.cancelled_by_id == counterpart
    return {**words, "session": words["lesson"]} if is_named else words


def _cancelled_by_whom(told: Telling) -> str:
    booking, who = told.booking, told.booking.cancelled_by_id
    if who is None:
        return _("%(session)s on %(when)s has been cancelled.")
    if who == told.reader.pk:
        return _("You have cancelled %(session)s on %(when)s.")
    if who == booking.tutor.user_id:
        return _("%(tutor)s has cancelled %(session)s on %(when)s.")
    if who == booking.student_id:
        return _("%(student)s has cancelled %(session)s on %(when)s.")
    if who == booking.order.payer_id:
        return _("%(payer)s has cancelled %(session)s on %(when)s.")
    return _("Our team has cancelled %(session)s on %(when)s.")


def reminder_day(told: Telling) -> Letter:
    """A day or less before. Mails may be late: the date is told, never the hours left."""
    words = told.words_of_session
    return Letter(
        subject=_("Reminder: %(session)s, %(when)s") % words,
        sentence=_("This is a reminder of %(session)s on %(when)s.") % words,
        rows=(told.when(),),
        paragraphs=tuple(_about_the_room(told)),
        button=told.to_room,
        also=told.to_booking,
    )


def reminder_hour(told: Telling) -> Letter:
    """An hour or less before."""
    words = told.words_of_session
    return Letter(
        subject=_("Soon: %(session)s, %(when)s") % words,
        sentence=_("This is a reminder that %(session)s begins soon, on %(when)s.") % words,
        rows=(told.when(),),
        paragraphs=tuple(_about_the_room(told)),
        button=told.to_room,
        also=told.to_booking,
    )


def _about_the_room(told: Telling) -> list[str]:
    if told.role is Role.PAYER:
        return []
    opens = ngettext(
        "The door opens %(minutes)d minute before the start. The way in stays the same whatever changes.",
        "The door opens %(minutes)d minutes before the start. The way in stays the same whatever changes.",
        settings.JOIN_OPENS_MINUTES,
    )
    return [opens % {"minutes": settings.JOIN_OPENS_MINUTES}]


def _paid_how_much(told: Telling) -> list[Row]:
    net = told.booking.net
    return [] if not told.is_for_payer or net.is_zero else [Row(_("Paid"), str(net))]


def _about_the_order(told: Telling) -> list[str]:
    """Say which of several sessions this is, and who gave it, to those who paid or learn."""
    if told.is_for_tutor:
        return []
    order, said = told.booking.order, []
    if order.gifted_by_id:
        said.append(_("It is a gift of ours: there is nothing to pay."))
    number, of = told.notice.details.get("number"), told.notice.details.get("of")
    if told.is_for_payer and isinstance(number, int) and isinstance(of, int) and of > 1:
        place = {"number": number, "of": of, "reference": order.reference, "money": order.money}
        said.append(_("This is session %(number)d of %(of)d in your order %(reference)s (%(money)s in all).") % place)
    if not told.is_for_payer and not order.gifted_by_id:
        said.append(_("It was booked for you by %(payer)s.") % {"payer": name_of(order.payer)})
    return said
