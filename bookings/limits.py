"""How often somebody may ask for what is open to all: counted in the cache that all processes share."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from rest_framework.throttling import SimpleRateThrottle

from bookings.errors import AskedTooOften


class _Throttle(SimpleRateThrottle):
    """The counting of the API's limits, for pages."""

    def __init__(self, rate: str) -> None:
        self.rate = rate
        super().__init__()

    def allows(self, name: str) -> bool:
        self.name = name
        return bool(self.allow_request(None, None))  # type: ignore[arg-type]

    def get_cache_key(self, request: Any, view: Any) -> str:
        return f"throttle:{self.name}"


def require_seldom(what: str, who: object, *, rate: str) -> None:
    """Count that they ask once more, at a rate such as "30/min" at most. Raises AskedTooOften."""
    if not _Throttle(rate).allows(f"{what}:{who}"):
        raise AskedTooOften


def address_of(request: HttpRequest) -> str:
    """Return the visitor's address, also behind proxies of ours (TRUSTED_PROXIES)."""
    return str(SimpleRateThrottle.get_ident(_Throttle("1/min"), request))  # type: ignore[arg-type]
