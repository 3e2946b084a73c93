"""What the pool's function is compared with: a plain durable write, and the way of an earlier system.

The earlier system (its defects CE-08 to CE-11) kept date and time of a booking apart, the time as text, with neither lock
nor constraint. It looked for the oldest link without an overlapping paid booking of the same date, and then wrote that
link down, in two calls. Here it gets a copy of the same lessons, in the columns it had, on the links that its own rule
would have given them. No index on the date is known of it; `indexed_dates` is what one would have done for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

PLAIN_ROWS = 10_000
PLAIN_UPDATE = "UPDATE bench_plain SET touched = clock_timestamp() WHERE id = %s"

TABLES = [
    "CREATE TABLE IF NOT EXISTS bench_plain (id bigint PRIMARY KEY, touched timestamptz)",
    f"INSERT INTO bench_plain SELECT i, now() FROM generate_series(1, {PLAIN_ROWS}) i ON CONFLICT DO NOTHING",
    "DROP SCHEMA IF EXISTS earlier CASCADE",
    "CREATE SCHEMA earlier",
    "CREATE TABLE earlier.session_types (id bigint PRIMARY KEY, duration integer NOT NULL)",
    """CREATE TABLE earlier.meeting_links_pool (
        id bigint PRIMARY KEY, meeting_link text UNIQUE, is_available boolean NOT NULL, created_at timestamptz NOT NULL)""",
    """CREATE TABLE earlier.bookings (
        id bigint PRIMARY KEY, user_id uuid, expert_id uuid, booking_date date NOT NULL, booking_time text NOT NULL,
        topic text, notes text, total_price numeric, status text, payment_status text NOT NULL, payment_method text,
        order_id text, paid_at timestamptz, session_type_id bigint, meeting_link text, meeting_link_id bigint,
        assigned_at timestamptz, calendar_event_id text, is_instant boolean, created_at timestamptz)""",
    """CREATE FUNCTION earlier.find_available_meeting_link(asked_date date, asked_time text, asked_minutes integer)
        RETURNS TABLE (id bigint, meeting_link text) LANGUAGE plpgsql STABLE AS $$
    BEGIN
        RETURN QUERY
        SELECT pool.id, pool.meeting_link FROM earlier.meeting_links_pool pool
         WHERE pool.is_available
           AND NOT EXISTS (
               SELECT 1 FROM earlier.bookings b JOIN earlier.session_types t ON t.id = b.session_type_id
                WHERE b.meeting_link_id = pool.id AND b.payment_status = 'paid' AND b.booking_date = asked_date
                  AND (b.booking_date || ' ' || b.booking_time)::timestamptz
                      < (asked_date || ' ' || asked_time)::timestamptz + asked_minutes * interval '1 minute'
                  AND (b.booking_date || ' ' || b.booking_time)::timestamptz + t.duration * interval '1 minute'
                      > (asked_date || ' ' || asked_time)::timestamptz)
         ORDER BY pool.created_at LIMIT 1;
    END $$""",
    "INSERT INTO earlier.session_types VALUES (1, 50)",
    """INSERT INTO earlier.meeting_links_pool
        SELECT id, url, status = 'available', created_at + id * interval '1 second' FROM meetings_meetinglink""",
]
# Oldest first: of the lessons of one hour the first had the first link.
COPY = """
INSERT INTO earlier.bookings
SELECT m.id, gen_random_uuid(), gen_random_uuid(), (lower(m.during) AT TIME ZONE 'UTC')::date,
       to_char(lower(m.during) AT TIME ZONE 'UTC', 'HH24:MI'), 'Preparing for an interview',
       'Please look at my notes before.', 150000, 'confirmed', 'paid', 'bank_transfer',
       'ORDER-' || m.id || '-1700000000000', m.requested_at, 1, l.meeting_link, l.id, m.ready_at, NULL, false, m.requested_at
  FROM ({lessons}) m
  LEFT JOIN earlier.meeting_links_pool l
    ON m.link_id IS NOT NULL AND l.id = (SELECT min(id) - 1 FROM meetings_meetinglink) + m.rank
"""
LESSONS = "SELECT *, row_number() OVER (PARTITION BY during ORDER BY id) AS rank FROM meetings_meeting"
REQUESTS = "SELECT *, 1 AS rank FROM meetings_meeting WHERE id = ANY(%s)"
ASKED = """
SELECT b.booking_date, b.booking_time, t.duration
  FROM earlier.bookings b JOIN earlier.session_types t ON t.id = b.session_type_id WHERE b.id = %s
"""
FIND = "SELECT * FROM earlier.find_available_meeting_link(%s, %s, %s)"
TAKE = "UPDATE earlier.bookings SET meeting_link_id = %s, meeting_link = %s, assigned_at = clock_timestamp() WHERE id = %s"


def set_up_rivals() -> None:
    """Make their tables and copy the lessons that are there now."""
    with connection.cursor() as cursor:
        for statement in [*TABLES, COPY.format(lessons=LESSONS)]:
            cursor.execute(statement)
        for name in ("bench_plain", "earlier.bookings", "earlier.meeting_links_pool"):
            cursor.execute(f"VACUUM (ANALYZE) {name}")


def copy_requests(meetings: list[int]) -> None:
    """Copy these lessons, too, which wait for a link."""
    with connection.cursor() as cursor:
        cursor.execute(COPY.format(lessons=REQUESTS), [meetings])
        cursor.execute("VACUUM (ANALYZE) earlier.bookings")


def drop_requests(meetings: list[int]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM earlier.bookings WHERE id = ANY(%s)", [meetings])


@contextmanager
def indexed_dates() -> Iterator[None]:
    """Give the earlier system the index that it had not."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE INDEX bookings_by_date ON earlier.bookings (booking_date)")
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP INDEX earlier.bookings_by_date")


def find_link_as_before(booking: int) -> tuple[int, str] | None:
    """Return the link that the earlier system would take now: key and address."""
    with connection.cursor() as cursor:
        cursor.execute(ASKED, [booking])
        cursor.execute(FIND, cursor.fetchone())
        row: tuple[int, str] | None = cursor.fetchone()
    return row


def take_link_as_before(booking: int, link: tuple[int, str]) -> None:
    """Write the link down, whatever happened since it was found."""
    with connection.cursor() as cursor:
        cursor.execute(TAKE, [*link, booking])


def update_plain_row(row: int) -> None:
    """Change one row and commit: the least that a durable write can cost."""
    with connection.cursor() as cursor:
        cursor.execute(PLAIN_UPDATE, [row])
