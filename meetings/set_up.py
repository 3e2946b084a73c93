"""What this site's set-up of providers lacks, in sentences for its owner. No secret is told."""

from __future__ import annotations

from django.conf import settings
from django.utils.translation import gettext as _

from meetings.models.fields import are_keys_good
from meetings.oauth import has_vendor
from meetings.providers import doubts_by_provider, get_provider, is_offered, provider_label


def doubts_of_site() -> list[str]:
    """Return what looks wrong, provider by provider; one without any keys is simply not offered, and says so."""
    found = []
    if not are_keys_good() and (
        waiting := [provider_label(name) for name in settings.MEETING_PROVIDERS if has_vendor(name)]
    ):
        sentence = _("TOKEN_KEYS is missing or holds what is no key, so nobody can connect: %(providers)s.")
        found.append(sentence % {"providers": ", ".join(waiting)})
    for name in settings.MEETING_PROVIDERS:
        if not is_offered(name):
            names = {"provider": get_provider(name).label}
            found.append(_("%(provider)s has no keys, so it is offered to nobody.") % names)
    return found + [doubt for doubts in doubts_by_provider().values() for doubt in doubts]
