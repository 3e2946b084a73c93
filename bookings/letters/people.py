"""Letters about people: who did not come, and who may be booked for."""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import gettext as _

from bookings.letters.letter import Letter, Link, Row
from bookings.letters.money import say_money_back
from bookings.letters.telling import Telling, one_line, say_instant


def absence_reported(told: Telling) -> Letter:
    """Somebody says that the reader's side did not come; they may answer."""
    if told.detail("absent") == "room":
        return _no_room(told)
    words = told.words_of_session
    said = (
        _("%(tutor)s is said not to have come to %(lesson)s on %(when)s.")
        if told.detail("absent") == "tutor"
        else _("%(student)s is said not to have come to %(lesson)s on %(when)s.")
    )
    until = told.instant("answer_until")
    return Letter(
        subject=_("Absence reported: %(session)s, %(when)s") % words,
        sentence=said % words,
        rows=(told.when(), *([Row(_("To be answered by"), say_instant(until))] if until else [])),
        paragraphs=(_("Please say what happened. Our team reads both sides and then decides."),),
        button=Link(_("Say what happened"), told.booking.get_absolute_url()),
    )


def _no_room(told: Telling) -> Letter:
    """The session had no room: nobody is blamed, and only the tutor has something to say, if they met all the same."""
    words = told.words_of_session
    until = told.instant("answer_until") if told.is_for_tutor else None
    sorry = _("We are sorry. Our team has been told and puts it right; there is nothing you need to do.")
    if told.is_for_tutor:
        sorry = _("We are sorry: it could not be held here. Our team looks into it. If you met anyway, please tell us.")
    return Letter(
        subject=_("No room: %(session)s, %(when)s") % words,
        sentence=_("There was no room for %(lesson)s on %(when)s.") % words,
        rows=(told.when(), *([Row(_("To be answered by"), say_instant(until))] if until else [])),
        paragraphs=(sorry,),
        button=Link(_("Say what happened"), told.booking.get_absolute_url()) if until else told.to_booking,
    )


def absence_decided(told: Telling) -> Letter:
    """Our team has decided who was absent; the payer reads what comes back."""
    words = told.words_of_session
    decided = {
        "student_absent": _("%(student)s did not come to %(lesson)s on %(when)s: that is our decision."),
        "tutor_absent": _("%(tutor)s did not come to %(lesson)s on %(when)s: that is our decision."),
        "unclear": _("It stays unclear who came to %(lesson)s on %(when)s, so it counts as cancelled."),
        "took_place": _("%(lesson)s on %(when)s took place: that is our decision."),
        "no_room": _("There was no room for %(lesson)s on %(when)s, so it did not take place: that is our decision."),
    }
    said = decided.get(told.detail("verdict"), _("We have decided about the absence reported for %(lesson)s on %(when)s."))
    return Letter(
        subject=_("Decided: %(session)s, %(when)s") % words,
        sentence=said % words,
        rows=(told.when(), *told.why(told.detail("why"))),
        paragraphs=tuple(say_money_back(told)),
        button=told.to_booking,
    )


def invitation_accepted(told: Telling) -> Letter:
    """A student lets the reader book and pay for them."""
    words = {"name": one_line(told.detail("name") or told.detail("student")) or _("The student")}
    return Letter(
        subject=_("%(name)s has accepted your invitation") % words,
        sentence=_("%(name)s has accepted your invitation: you can book sessions for them now.") % words,
        button=Link(_("See whom you book for"), reverse("bookings:family")),
    )
