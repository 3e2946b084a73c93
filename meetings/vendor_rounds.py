"""Rounds that ask vendors one after the other: how long one may take, and who did not answer in it.

A call to a vendor that hangs takes half a minute, and the next round comes in one: without an end a round over many rooms
would hold a worker for hours, and a vendor that is silent would keep the rooms of the others waiting.
"""

from __future__ import annotations

import time

from django.utils import timezone

from meetings.errors import ProviderTrouble, ProviderUnavailable
from meetings.models import VideoConnection
from meetings.silence import LOOKED_BACK, is_silent

ROUND_SECONDS = 40.0  # no call begins after that; what is left, the next round finds


class VendorRound:
    """What one round knows of its vendors: it is asked before each call and told of what went wrong."""

    def __init__(self) -> None:
        self._ends = time.monotonic() + ROUND_SECONDS
        self._began_at = timezone.now()
        self._silent: dict[str, bool] = {}
        self._busy: set[tuple[str, int | None]] = set()

    @property
    def is_over(self) -> bool:
        return time.monotonic() >= self._ends

    def may_ask(self, provider: str, account: VideoConnection | None) -> bool:
        """False once the time is over, the provider was silent of late, or told this account to come again."""
        if provider not in self._silent:
            self._silent[provider] = is_silent(provider, since=self._began_at - LOOKED_BACK)
        is_left_alone = self._silent[provider] or (provider, _key(account)) in self._busy
        return not is_left_alone and not self.is_over

    def note(self, provider: str, account: VideoConnection | None, trouble: ProviderTrouble | None) -> None:
        """Remember who is better left alone for the rest of the round."""
        if not isinstance(trouble, ProviderUnavailable):
            return
        if trouble.status is None:  # nobody answered: whoever is asked next waits as long
            self._silent[provider] = True
        else:
            self._busy.add((provider, _key(account)))


def _key(account: VideoConnection | None) -> int | None:
    return account.pk if account is not None else None
