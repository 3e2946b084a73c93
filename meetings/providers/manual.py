"""A person gives the address of each session: nothing is made, nobody is called (meetings/by_hand.py)."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from meetings.providers.base import Provider


class ManualProvider(Provider):
    label = _("Address by hand")
    summary = _("You paste the address of a room of your own for each session. We remind you.")
