"""Where a tutor can have sessions held: what this site offers, how the tutor's accounts stand, what was chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from django.conf import settings
from django.db import transaction
from django.utils.functional import Promise

from bookings.models import Tutor
from meetings.accounts import lock_tutor
from meetings.chain import chain_of
from meetings.connections import can_connect, site_access
from meetings.errors import ProviderNotForYou
from meetings.models import VideoConnection
from meetings.oauth import get_vendor
from meetings.providers import get_provider, is_offered
from meetings.providers.base import Owner, RoomMaker

MOST_OTHERS = 3  # places in the chain after the first choice


class Meanwhile(StrEnum):
    """Where new sessions are held while a tutor's own account at a provider does not work."""

    UNCHOSEN = "unchosen"  # as without it: the provider is no place of the tutor's chain
    BEFORE = "before"  # as without it: a place before it in the chain works
    SITE = "site"  # there, with the account of the site
    NEXT = "next"  # at a place after it in the chain
    NOWHERE = "nowhere"


@dataclass(frozen=True)
class Way:
    """One provider as one tutor can use it. `connection` is the tutor's own, whatever its state."""

    name: str
    label: str
    summary: str | Promise
    is_usable: bool
    connects: str  # the vendor whose account is connected for it; empty where none is needed
    connection: VideoConnection | None
    is_held_by_site: bool  # an account of the site holds it for tutors who connect none
    is_held_by_own: bool  # with the tutor's own account, as things stand

    @property
    def state(self) -> str:
        """Say how it stands in one word, for pages: works, broken, cannot or unconnected."""
        if self.connection is not None and self.connection.broken_at:
            return "broken"
        if self.is_usable:
            return "works"
        return "cannot" if self.connection is not None and not self.connection.can_host else "unconnected"

    @property
    def needs_no_account(self) -> bool:
        """True where an account of the site holds the tutor's sessions, whether or not one of their own is connected."""
        return self.is_usable and self.is_held_by_site and not self.is_held_by_own

    @property
    def can_be_renewed(self) -> bool:
        """True if connecting an account that is not broken again may help: it cannot host, or its consent ends by a date."""
        own = self.connection
        if own is None or own.broken_at is not None or not self.connects:
            return False
        return not own.can_host or own.grant_ends_at is not None


def ways_for(tutor: Tutor) -> list[Way]:
    """Return the providers that this site offers, or could if the tutor connected an account, the chosen one first.

    One query in all.
    """
    owned = VideoConnection.objects.connected().filter(provider__in=settings.MEETING_PROVIDERS)
    own: dict[str, VideoConnection] = {}
    of_site: dict[str, VideoConnection] = {}
    for row in owned.filter(tutor=tutor) | owned.filter(tutor=None):
        (own if row.tutor_id else of_site)[row.provider] = row
    found = [_way(name, own.get(name), of_site.get(name)) for name in settings.MEETING_PROVIDERS]
    return sorted((way for way in found if way is not None), key=lambda way: way.name != tutor.meeting_provider)


def usable_ways(tutor: Tutor) -> list[Way]:
    """Return those that work for this tutor as things stand."""
    return [way for way in ways_for(tutor) if way.is_usable]


def require_usable(tutor: Tutor, provider: str) -> Way:
    """Return the way. Raises ProviderNotForYou for an unknown one, or one that does not work for this tutor."""
    found = next((way for way in usable_ways(tutor) if way.name == provider), None)
    if found is None:
        raise ProviderNotForYou
    return found


@transaction.atomic
def choose_others(tutor: Tutor, providers: Sequence[str]) -> None:
    """Set where else sessions are held, in this order, when the first choice fails. Raises ProviderNotForYou.

    What was on the list and could not be chosen now keeps its place there: the first choice itself, and what does not work.
    """
    lock_tutor(tutor)
    tutor.refresh_from_db(fields=["meeting_provider", "fallback_providers"])
    ways = usable_ways(tutor)
    chain = list(dict.fromkeys(name for name in providers if name))
    if not {way.name for way in ways}.issuperset(chain):
        raise ProviderNotForYou
    tutor.fallback_providers = _with_unseen(chain[:MOST_OTHERS], tutor, ways)
    tutor.save(update_fields=["fallback_providers"])


def others_shown(tutor: Tutor, ways: Sequence[Way]) -> list[str]:
    """Return the places of the tutor's list that can be chosen as things stand, in their order, as many as are shown."""
    offered = {way.name for way in ways if way.is_usable and way.name != tutor.meeting_provider}
    return [name for name in tutor.fallback_providers if name in offered][:MOST_OTHERS]


def _with_unseen(chosen: Sequence[str], tutor: Tutor, ways: Sequence[Way]) -> list[str]:
    """Put what the tutor could not choose or leave out back into the list, at the place that it had."""
    shown, merged = others_shown(tutor, ways), list(chosen)
    for place, name in enumerate(tutor.fallback_providers):
        if name not in shown and name not in merged:
            merged.insert(place, name)
    return merged


def has_place(tutor: Tutor, ways: Sequence[Way]) -> bool:
    """Say whether any place of the tutor's chain can hold sessions as things stand."""
    chain = chain_of(tutor)
    return any(way.is_usable and way.name in chain for way in ways)


def meanwhile_for(tutor: Tutor, provider: str, ways: Sequence[Way]) -> Meanwhile:
    """Say what holds new sessions while the tutor's own account there does not work. Wants all ways that are usable."""
    chain, usable = chain_of(tutor), {way.name for way in ways if way.is_usable}
    place = next((name for name in chain if name in usable), "")
    if provider not in chain:
        return Meanwhile.UNCHOSEN
    if not place:
        return Meanwhile.NOWHERE
    if place == provider:
        return Meanwhile.SITE
    return Meanwhile.BEFORE if chain.index(place) < chain.index(provider) else Meanwhile.NEXT


def usable_without(tutor: Tutor, provider: str) -> set[str]:
    """Return the providers that work once the tutor's own account at this one is gone: it may too, with the site's."""
    return {way.name for way in usable_ways(tutor) if way.name != provider or way.is_held_by_site}


def _way(name: str, own: VideoConnection | None, of_site: VideoConnection | None) -> Way | None:
    provider = get_provider(name)
    owners = provider.owners if isinstance(provider, RoomMaker) else frozenset({Owner.NOBODY})
    connects = get_vendor(name).label if Owner.TUTOR in owners and can_connect(name) else ""
    is_fit = of_site is None or (of_site.is_usable and of_site.can_host)
    by_site = Owner.SITE in owners and site_access(name) is not None and is_fit
    by_tutor = own is not None and own.is_usable and own.can_host and Owner.TUTOR in owners
    usable = is_offered(name) and (by_site or by_tutor or Owner.NOBODY in owners)
    if not usable and not connects and own is None:
        return None
    return Way(name, str(provider.label), provider.summary, usable, connects, own, by_site, by_tutor)
