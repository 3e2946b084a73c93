"""What this site's set-up of providers lacks, in sentences for its owner. No secret is told."""

from __future__ import annotations

from django.conf import settings
from django.utils.translation import gettext as _

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
    return found + [doubt for provider in set_ups() for doubt in provider.doubts]
