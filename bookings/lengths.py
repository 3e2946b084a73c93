"""Lengths of time as people say them."""

from __future__ import annotations

from django.utils.translation import ngettext, pgettext

_HOUR, _DAY = 60, 24 * 60


def in_words(minutes: int) -> str:
    """Return a length of time in the largest unit that says it whole: “90 minutes”, “2 hours”, “1 day”."""
    if minutes and minutes % _DAY == 0:
        return ngettext("%(count)d day", "%(count)d days", minutes // _DAY) % {"count": minutes // _DAY}
    if minutes and minutes % _HOUR == 0:
        return ngettext("%(count)d hour", "%(count)d hours", minutes // _HOUR) % {"count": minutes // _HOUR}
    return ngettext("%(count)d minute", "%(count)d minutes", minutes) % {"count": minutes}


def seconds_in_words(seconds: float) -> str:
    """Return a measured time in a round figure: 0.4 s, 12 s, 3 min, 5 h, 2 days."""
    if 0 < seconds < 10:
        return pgettext("a measured time", "%(number).1f s") % {"number": seconds}
    if seconds < 120:
        return pgettext("a measured time", "%(number)d s") % {"number": seconds}
    if seconds < 7_200:
        return pgettext("a measured time", "%(number)d min") % {"number": seconds // 60}
    if seconds < 172_800:
        return pgettext("a measured time", "%(number)d h") % {"number": seconds // 3600}
    days = int(seconds // 86_400)
    return ngettext("%(count)d day", "%(count)d days", days) % {"count": days}
