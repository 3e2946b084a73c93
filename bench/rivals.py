"""What the pool's function is compared with: a plain durable write, and the way of an earlier system.

The earlier system (its defects CE-08 to CE-11) kept date and time of a booking apart, the time as text, with neither lock
nor constraint. It looked for the oldest link without an overlapping paid booking of the same date, and then wrote that
link down. Here it gets a copy of the same lessons in narrow rows, without an index on the date, as nobody made one;
`find_link_as_before` is its search.
"""

from __future__ import annotations

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
        id bigint PRIMARY KEY, booking_date date NOT NULL, booking_time text NOT NULL, payment_status text NOT NULL,
        session_type_id bigint, meeting_link text, meeting_link_id bigint, assigned_at timestamptz)""",
    "INSERT INTO earlier.session_types VALUES (1, 50)",
    """INSERT INTO earlier.meeting_links_pool
        SELECT id, url, status = 'available', created_at + id * interval '1 second' FROM meetings_meetinglink""",
    """INSERT INTO earlier.bookings
        SELECT id, (lower(during) AT TIME ZONE 'UTC')::date, to_char(lower(during) AT TIME ZONE 'UTC', 'HH24:MI'), 'paid',
               1, NULL, link_id, ready_at FROM meetings_meeting""",
]
ASKED = """
SELECT b.booking_date AS date, b.booking_time AS time, t.duration
  FROM earlier.bookings b JOIN earlier.session_types t ON t.id = b.session_type_id WHERE b.id = %s
"""
FIND = """
SELECT pool.id, pool.meeting_link FROM earlier.meeting_links_pool pool
 WHERE pool.is_available
   AND NOT EXISTS (
       SELECT 1 FROM earlier.bookings b JOIN earlier.session_types t ON t.id = b.session_type_id
        WHERE b.meeting_link_id = pool.id AND b.payment_status = 'paid' AND b.booking_date = %(date)s
          AND (b.booking_date || ' ' || b.booking_time)::timestamptz
              < (%(date)s || ' ' || %(time)s)::timestamptz + %(duration)s * interval '1 minute'
          AND (b.booking_date || ' ' || b.booking_time)::timestamptz + t.duration * interval '1 minute'
              > (%(date)s || ' ' || %(time)s)::timestamptz)
 ORDER BY pool.created_at LIMIT 1
"""
TAKE = "UPDATE earlier.bookings SET meeting_link_id = %s, meeting_link = %s, assigned_at = clock_timestamp() WHERE id = %s"
CLEAR = "UPDATE earlier.bookings SET meeting_link_id = NULL, meeting_link = NULL, assigned_at = NULL WHERE id = ANY(%s)"


def set_up_rivals() -> None:
    """Make their tables and copy the lessons that are there now, those without a link included."""
    with connection.cursor() as cursor:
        for statement in TABLES:
            cursor.execute(statement)


def analyze_rivals() -> None:
    with connection.cursor() as cursor:
        for name in ("bench_plain", "earlier.bookings", "earlier.meeting_links_pool"):
            cursor.execute(f"VACUUM (ANALYZE) {name}")


def find_link_as_before(booking: int) -> tuple[int, str] | None:
    """Return the link that the earlier system would take now: key and address."""
    with connection.cursor() as cursor:
        cursor.execute(ASKED, [booking])
        cursor.execute(FIND, dict(zip(("date", "time", "duration"), cursor.fetchone() or (), strict=True)))
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
