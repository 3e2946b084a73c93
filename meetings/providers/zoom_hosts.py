"""The people in whose names Zoom holds meetings: who they are, and which plan they have."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

from django.core.cache import cache

from bookings.digests import digest
from meetings.errors import ProviderTrouble
from meetings.providers.base import Access, Owner
from meetings.providers.zoom_api import ZoomApi

BASIC = 1
REMEMBERED = 3600  # seconds: a plan changes rarely
MOST_PAGES = 100


def hosts_of(api: ZoomApi, access: Access, host: str) -> Iterator[str]:
    """Yield, quoted for an address, everyone of this account in whose name we may have made meetings."""
    if access.owner is Owner.TUTOR:
        yield "me"
        return
    if host:
        yield quote(host, safe="")
        return
    query = {"page_size": "100"}
    for _page in range(MOST_PAGES):
        answer = api.ask(access, "GET", "/users", query=query)
        users = answer.get("users")
        ids = [user.get("id") for user in users if isinstance(user, dict)] if isinstance(users, list) else []
        yield from (quote(one, safe="") for one in ids if isinstance(one, str) and one)
        following = answer.get("next_page_token")
        if not isinstance(following, str) or not following:
            return
        query["next_page_token"] = following


def is_cut_short(api: ZoomApi, access: Access, home: str, *, account: str) -> bool:
    """Say whether Zoom ends this host's meetings after 40 minutes; asked once an hour. No if it cannot be told."""
    key = f"meetings.zoom_plan:{digest(account)}"
    known: bool | None = cache.get(key)
    if known is not None:
        return known
    try:
        is_basic: bool = api.ask(access, "GET", f"/users/{home}").get("type") == BASIC
    except ProviderTrouble:
        return False  # the meeting stands; a remark is not worth losing it
    cache.set(key, is_basic, REMEMBERED)
    return is_basic
