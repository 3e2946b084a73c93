"""What this site's set-up of providers lacks, in sentences for its owner. No secret is told."""

from __future__ import annotations

from django.conf import settings
from django.utils.translation import gettext as _

from bookings.kept import read_kept
from meetings.models import VideoConnection
from meetings.models.fields import are_keys_good
from meetings.oauth import has_vendor
from meetings.providers import provider_label, set_ups


def doubts_of_site() -> list[str]:
    """Return what looks wrong, provider by provider; one without any keys is simply not offered, and says so."""
    found = []
    if not are_keys_good() and (
        waiting := [provider_label(name) for name in settings.MEETING_PROVIDERS if has_vendor(name)]
    ):
        sentence = _("TOKEN_KEYS is missing or holds what is no key, so nobody can connect: %(providers)s.")
        found.append(sentence % {"providers": ", ".join(waiting)})
    for provider in set_ups():
        if not provider.is_offered:
            found.append(_("%(provider)s has no keys, so it is offered to nobody.") % {"provider": provider.label})
    return found + [doubt for provider in set_ups() for doubt in provider.doubts] + _refusals()


def _refusals() -> list[str]:
    """Return what the site's own accounts cannot do, as their vendors told: tutors' sessions are held elsewhere then."""
    sentence = _("The site’s own account at %(provider)s: %(why)s")
    rows = VideoConnection.objects.connected().filter(tutor=None).order_by("provider")
    told = [(row.provider, row.refused_why if row.can_host else row.remark) for row in rows]
    return [sentence % {"provider": provider_label(name), "why": read_kept(why)} for name, why in told if why]
