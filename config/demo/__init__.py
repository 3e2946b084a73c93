"""What a demo shows: people, hours, a pool, and sessions in every state. Only for sites with DEBUG on."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection, transaction

from bookings.models import Booking, Order
from config.demo import books, families, people, sessions

PASSWORD = people.PASSWORD
API_KEY = people.API_KEY
CODE = people.CODE
_LOCK = 0x64656D6F  # the word "demo": two loaders at once wait for each other


@dataclass(frozen=True)
class Demo:
    """What the demo offers to look at."""

    soon: Booking
    tomorrow: Booking
    waiting: Order
    asked: Booking | None
    childs: Booking | None


@transaction.atomic
def load_demo() -> Demo:
    """Make what the demo misses and leave everything else as people left it. Safe to run again, and twice at once."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
    cast = people.make_people()
    people.make_api_key()
    people.make_code()
    links = people.make_links()
    sessions.make_history(cast, links)
    books.make_books(cast, links)
    demo = Demo(
        soon=sessions.make_session_that_starts_soon(cast),
        tomorrow=sessions.make_session_tomorrow(cast),
        waiting=sessions.make_order_that_waits(cast),
        asked=sessions.make_request_that_waits(cast),
        childs=families.make_family(cast),
    )
    books.settle()
    return demo
