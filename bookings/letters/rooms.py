"""Letters about the place of a session: another one, or none until a person gives it."""

from __future__ import annotations

from django.utils.translation import gettext as _

from bookings.kept import read_kept
from bookings.letters.letter import Letter, Row
from bookings.letters.telling import Telling, one_line


def link_changed(told: Telling) -> Letter:
    """The session has another room behind the same address; its name, and for the tutor why, as the details say."""
    words = {**told.words_of_session, "place": one_line(told.detail("place"))}
    is_named = bool(words["place"])
    sentence = _("%(session)s on %(when)s is now held at %(place)s.") if is_named else ""
    return Letter(
        subject=_("Another room: %(session)s, %(when)s") % words,
        sentence=(sentence or _("%(session)s on %(when)s has another room.")) % words,
        rows=(told.when(), *([Row(_("Where"), words["place"])] if is_named else []), *_refusal(told)),
        paragraphs=(_("The address you join by stays the same: you need not do anything."),),
        button=told.to_room,
        also=told.to_booking,
    )


def _refusal(told: Telling) -> list[Row]:
    """Return why the tutor's own account does not hold it; that is nobody else's matter."""
    return told.why(read_kept(told.detail("refused_why"))) if told.is_for_tutor else []


def address_wanted(told: Telling) -> Letter:
    """The tutor is to give the address of their own room."""
    words = told.words_of_session
    return Letter(
        subject=_("Where is it held? %(session)s, %(when)s") % words,
        sentence=_("%(session)s on %(when)s has no address yet. Please give it.") % words,
        rows=(told.when(),),
        paragraphs=(_("Your student joins by the same button as ever and is let in when the door opens."),),
        button=told.to_address,
        also=told.to_booking,
    )
