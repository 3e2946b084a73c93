"""Letters about sessions that are not settled yet: asked for, proposed, accepted, declined, or come to nothing."""

from __future__ import annotations

from dataclasses import replace

from django.utils.translation import gettext as _

from bookings.letters.letter import Letter, Link, Row
from bookings.letters.telling import Telling, say_instant, say_time
from bookings.times import During


def requested(told: Telling) -> Letter:
    """Somebody asks a tutor for a session, who has until the deadline to answer."""
    words = told.words_of_session
    rows = (told.when(), *_message(told.booking.message), *_deadline(told, _("To be answered by")))
    if not told.is_for_tutor:
        return Letter(
            subject=_("Asked for: %(session)s, %(when)s") % words,
            sentence=_("%(tutor)s has been asked for %(lesson)s on %(when)s.") % words,
            rows=rows,
            paragraphs=(_("You will be told the answer. Nothing is to be paid before."),),
            button=told.to_booking,
        )
    return Letter(
        subject=_("Request: %(session)s, %(when)s") % words,
        sentence=_("%(student)s asks you for %(lesson)s on %(when)s.") % words,
        rows=rows,
        paragraphs=(_("You can accept, propose another time, or decline. Without an answer the request ends by itself."),),
        button=Link(_("Answer the request"), told.booking.get_absolute_url()),
    )


def proposed(told: Telling) -> Letter:
    """The tutor proposes another time than the one asked for."""
    words, first = told.words_of_session, told.booking.asked_for
    was = [Row(_("Asked for"), say_time(During(first.lower, first.upper)))] if first else []
    rows = (told.when(_("Proposed time")), *was, *_message(told.detail("message")), *_deadline(told, _("To be answered by")))
    if told.is_for_tutor:
        return Letter(
            subject=_("Proposed: %(session)s, %(when)s") % words,
            sentence=_("You have proposed %(when)s to %(student)s for %(lesson)s.") % words,
            rows=rows,
            button=told.to_booking,
        )
    return Letter(
        subject=_("Another time proposed: %(session)s, %(when)s") % words,
        sentence=_("%(tutor)s proposes another time for %(lesson)s: %(when)s.") % words,
        rows=rows,
        button=Link(_("Answer the proposal"), told.booking.get_absolute_url()),
    )


def accepted(told: Telling) -> Letter:
    """Both agree on the time; it is kept until the deadline for paying."""
    words = told.words_of_session
    rows = (told.when(), *_deadline(told, _("To be paid by")))
    if told.is_for_tutor:
        return Letter(
            subject=_("Agreed: %(session)s, %(when)s") % words,
            sentence=_("%(session)s on %(when)s is agreed, and settled once it is paid.") % words,
            rows=rows,
            paragraphs=(_("The time is kept until then. You will be told when it is paid."),),
            button=told.to_booking,
        )
    letter = Letter(
        subject=_("Accepted: %(session)s, %(when)s") % words,
        sentence=_("%(tutor)s is free for %(lesson)s on %(when)s.") % words,
        rows=rows,
        button=told.to_booking,
    )
    if not told.is_for_payer:
        return letter.with_more(paragraphs=[_("It is settled once %(payer)s has paid.") % words])
    pay = Link(_("Pay now"), told.order.get_absolute_url())
    letter = replace(letter, button=pay, also=told.to_booking)
    return letter.with_more(paragraphs=[_("The time is kept for you until then, and settled once it is paid.")])


def declined(told: Telling) -> Letter:
    """The tutor cannot take the session, or the student not the time that was proposed."""
    words, rows = told.words_of_session, (told.when(), *told.why(told.detail("why") or told.booking.cancel_reason))
    if told.is_for_tutor:
        return Letter(
            subject=_("Declined: %(session)s, %(when)s") % words,
            sentence=_("%(session)s on %(when)s will not take place; the time is free again.") % words,
            rows=rows,
            button=told.to_booking,
        )
    return Letter(
        subject=_("Declined: %(session)s, %(when)s") % words,
        sentence=_("%(session)s on %(when)s will not take place.") % words,
        rows=rows,
        paragraphs=(_("Nothing was paid for it."),),
        button=told.to_times,
        also=told.to_booking,
    )


def unanswered(told: Telling) -> Letter:
    """Nobody answered in time: the tutor the request, or the student the proposal."""
    words, was_proposed = told.words_of_session, told.booking.asked_for is not None
    subject = _("Not answered in time: %(session)s, %(when)s") % words
    if told.is_for_tutor:
        said = (
            _("%(student)s has not answered your proposal of %(when)s for %(lesson)s in time; the time is free again.")
            if was_proposed
            else _("The request of %(student)s for %(lesson)s on %(when)s has ended without your answer.")
        )
        return Letter(subject=subject, sentence=said % words, rows=(told.when(),), button=told.to_booking)
    said = (
        _("The time to answer the proposal of %(tutor)s for %(lesson)s on %(when)s is over.")
        if was_proposed
        else _("%(tutor)s has not answered the request for %(lesson)s on %(when)s in time, so it has ended.")
    )
    paragraphs = (_("Nothing was paid for it."),)
    return Letter(subject, said % words, (told.when(),), paragraphs, button=told.to_times, also=told.to_booking)


def unpaid(told: Telling) -> Letter:
    """A time that both agreed on was not paid before the deadline."""
    words = told.words_of_session
    return Letter(
        subject=_("Not paid in time: %(session)s, %(when)s") % words,
        sentence=_("%(session)s on %(when)s was not paid in time, so the time is free again.") % words,
        rows=(told.when(),),
        button=told.to_booking if told.is_for_tutor else told.to_times,
        also=None if told.is_for_tutor else told.to_booking,
    )


def _message(text: str) -> list[Row]:
    text = " ".join(text.split())
    return [Row(_("Message"), text)] if text else []


def _deadline(told: Telling, name: str) -> list[Row]:
    """Return until when something is to be done, as long as it is."""
    until = told.booking.held_until if told.booking.is_kept else None
    return [Row(name, say_instant(until))] if until else []
