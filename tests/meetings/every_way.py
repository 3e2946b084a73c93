"""Each way to hold a session, with whatever stands behind it: a vendor on a local port, links, a person, nobody."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bookings.doubles.server import Double
from bookings.models import Booking, Notice, Tutor
from meetings.by_hand import give_address
from meetings.doubles.google_events import instant_of
from meetings.models import Meeting
from tests.factories import make_link
from tests.meetings.google_site import connect_google, site_with_google
from tests.meetings.providers.hundredms_vendor import HundredmsVendor
from tests.meetings.providers.zoom_vendor import ZoomVendor
from tests.meetings.zoom_site import connect_zoom, site_with_hundredms, site_with_zoom

OWN = "https://whereby.com/ada"


def _nothing() -> list[datetime | None]:
    return []


def _nobody(booking: Booking) -> None:
    """Nobody has to do anything."""


@dataclass(frozen=True)
class Way:
    """`held` are the rooms that are open behind it, by when they begin: None where no time is kept.

    `help` is what a person does before a session is ready, `vendor` whoever is asked over HTTP.
    """

    name: str
    tutor: Tutor
    held: Callable[[], Sequence[datetime | None]] = _nothing
    help: Callable[[Booking], None] = _nobody
    vendor: Double | None = None
    keeps_rooms: bool = True
    keeps_times: bool = True
    has_two_addresses: bool = False

    def one_room(self, starts_at: datetime) -> list[datetime | None]:
        """What `held` is to be while one session is held."""
        return [starts_at if self.keeps_times else None] if self.keeps_rooms else []


@contextmanager
def pool(tutor: Tutor, settings: Any) -> Iterator[Way]:
    for _ in range(3):
        make_link()

    def held() -> list[datetime | None]:
        return [meeting.time.start for meeting in Meeting.objects.holding_links()]

    yield Way("pool", tutor, held)


@contextmanager
def google(tutor: Tutor, settings: Any) -> Iterator[Way]:
    with site_with_google(settings) as double:
        double.hold_conferences(reads=0)
        connect_google(tutor, double)

        def held() -> list[datetime | None]:
            events = [event for account in double.accounts.values() for event in account.events.values()]
            return [instant_of(event["start"]) for event in events if event["status"] != "cancelled"]

        yield Way("google", tutor, held, vendor=double)


@contextmanager
def zoom(tutor: Tutor, settings: Any) -> Iterator[Way]:
    with site_with_zoom(settings) as double:
        connect_zoom(tutor, double)
        yield Way("zoom", tutor, lambda: [one.starts_at for one in ZoomVendor(double).open_rooms()], vendor=double)


@contextmanager
def hundredms(tutor: Tutor, settings: Any) -> Iterator[Way]:
    with site_with_hundredms(settings) as double:

        def held() -> list[datetime | None]:
            return [one.starts_at for one in HundredmsVendor(double).open_rooms()]

        yield Way("hundredms", tutor, held, vendor=double, keeps_times=False, has_two_addresses=True)


@contextmanager
def manual(tutor: Tutor, settings: Any) -> Iterator[Way]:
    def give(booking: Booking) -> None:
        wanted = Notice.objects.filter(booking=booking, fact=Notice.Fact.ADDRESS_WANTED, to=tutor.user)
        assert wanted.exists()
        give_address(booking, OWN, who=tutor.user)

    yield Way("manual", tutor, help=give, keeps_rooms=False)


@contextmanager
def sandbox(tutor: Tutor, settings: Any) -> Iterator[Way]:
    yield Way("sandbox", tutor, keeps_rooms=False)


WAYS = {way.__name__: way for way in (pool, google, zoom, hundredms, manual, sandbox)}
