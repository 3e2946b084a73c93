"""Lengths of time as people say them."""

from __future__ import annotations

from django.utils.translation import ngettext

_HOUR, _DAY = 60, 24 * 60


def in_words(minutes: int) -> str:
    """Return a length of time in the largest unit that says it whole: “90 minutes”, “2 hours”, “1 day”."""
    if minutes and minutes % _DAY == 0:
        return ngettext("%(count)d day", "%(count)d days", minutes // _DAY) % {"count": minutes // _DAY}
    if minutes and minutes % _HOUR == 0:
        return ngettext("%(count)d hour", "%(count)d hours", minutes // _HOUR) % {"count": minutes // _HOUR}
    return ngettext("%(count)d minute", "%(count)d minutes", minutes) % {"count": minutes}
