"""Who gets into a room of the site's own Google account: its owner is never inside to let anybody in.

Whom a room of Calendar's making lets in without knocking is the account's default: its own domain and guests (TRUSTED), or
guests only (RESTRICTED). Tutor and student could both be left knocking, invited or not: whoever is not signed in to Google
knocks in either case (meetings.md section 4). So such a room is opened to all who have its address, and that people get
shortly before the session. Where Google does not allow it a tutor of the account's own domain will do: they come in by
themselves and let the student in.
"""

from __future__ import annotations

from collections.abc import Collection

from django.utils.translation import gettext_lazy as _

from meetings.errors import ProviderCannot, ProviderMisconfigured, ProviderTrouble, ProviderUnavailable, RoomGone
from meetings.providers.base import Access
from meetings.providers.google_service import OUTSIDE_WORKSPACE
from meetings.providers.meet_spaces import OPEN, RESTRICTED, TRUSTED, MeetSpaces, Space

UNSEEN = "UNSEEN"  # the kind of a room whose settings we may not see
NOBODY_ADMITS = _(
    "Nobody could let people into this Google Meet room. Whoever runs the site has to authorise the scope "
    "meetings.space.settings for its service account at Google."
)


def open_door(spaces: MeetSpaces, code: str, account: Access, *, host_enters: Collection[str]) -> Space | None:
    """Make sure that people get into the room of this code: one call, two for a room that is not open yet.

    `host_enters`: the kinds of rooms that the tutor gets into without knocking. Returns the room as it is then, None where
    it may not be seen. Raises ProviderMisconfigured if nobody would get in, ProviderUnavailable, ProviderCannot.
    """
    space, refusal = _try_to_open(spaces, code, account)
    kind = (space.access_type if space else "") or UNSEEN
    if refusal is None or kind in host_enters:
        return space
    raise ProviderMisconfigured(NOBODY_ADMITS, detail=f"door: {refusal.detail}", code=refusal.code, status=refusal.status)


def kinds_entered(tutor: str, account: str, *, guests: Collection[object]) -> frozenset[str]:
    """Return the kinds of this account's rooms that a tutor with this address gets into without knocking.

    Only one of the same Workspace domain can let others in as well; anybody else counts for nothing.
    """
    domain = _domain_of(account)
    if not domain or domain in OUTSIDE_WORKSPACE or domain != _domain_of(tutor):
        return frozenset()
    return frozenset([UNSEEN, TRUSTED, RESTRICTED] if guests else [UNSEEN, TRUSTED])


def _try_to_open(spaces: MeetSpaces, code: str, account: Access) -> tuple[Space | None, ProviderTrouble | None]:
    """Return the room, as far as it may be seen, and why it is not open, None if it is."""
    space = None
    try:
        space = spaces.look_at_space(code, account)
        if space.access_type != OPEN:
            space = spaces.open_space(space.name, account)
    except (ProviderUnavailable, ProviderCannot):
        raise
    except RoomGone as error:  # the event has it, so Meet may only need a moment
        raise ProviderUnavailable(detail=f"door: {error.detail}", code=error.code, status=error.status) from None
    except ProviderTrouble as error:
        return space, error
    # A domain may have a policy against it.
    return space, None if space.access_type == OPEN else ProviderMisconfigured(detail="it stays shut")


def _domain_of(address: str) -> str:
    return address.lower().rpartition("@")[2]
