"""Pre-made links that admins keep: nothing is made, one is assigned (meetings/pool.py)."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from meetings.providers.base import Provider


class PoolProvider(Provider):
    label = _("Link pool")
    summary = _("Ready-made meeting links of this site. There is nothing to set up, and nothing for you to do.")
