"""Fill the database: a pool of links, and years of lessons that used it.

Lessons last 50 minutes and begin on the hour; with the rest of 10 minutes a link is then taken for exactly an hour.
Of each coming hour of 30 days at most half of the links are taken; older lessons fill half of the pool in each hour,
as far back as it takes. In pools that are walked from their beginning the first links are the taken ones; in larger
ones they are scattered, another set each day.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.postgres.constraints import ExclusionConstraint
from django.db import connection, models, transaction

from bookings.models import Booking, Order, SessionType, Tutor, User
from meetings.chain import POOL
from meetings.models import Meeting, MeetingLink

Guarded = tuple[type[models.Model], models.BaseConstraint | models.Index]

DAYS_AHEAD = 30
HOURS_AHEAD = 24 * DAYS_AHEAD
WALKED_FROM_THE_START = 256


@dataclass(frozen=True)
class History:
    """How many links, how many lessons on them, and the midnight (UTC) at which the coming ones begin."""

    links: int
    meetings: int
    midnight: datetime

    @property
    def lanes(self) -> int:
        """Lessons at the same time: half of the pool."""
        return max(1, self.links // 2)

    @property
    def coming(self) -> int:
        return min(self.meetings // 2, self.lanes * HOURS_AHEAD)


def coming_midnight() -> datetime:
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return today + timedelta(days=1)


def load_history(history: History) -> None:
    """Replace whatever is there by this pool and its lessons."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("TRUNCATE bookings_order, bookings_booking, meetings_meetinglink, meetings_meeting CASCADE")
        _load_links(history.links)
        load_people(history.lanes)
        Tutor.objects.update(meeting_provider=POOL)  # whatever the part before had them teach with
    _load_lessons(history)
    settle()


def add_requests(history: History, *, count: int, hours: int = HOURS_AHEAD) -> list[int]:
    """Add paid lessons that wait for their links, spread evenly over the coming hours. Returns the meetings' keys."""
    lessons = f"""
        SELECT %(lanes)s + 1 + i / {hours} AS lane, NULL::bigint AS link,
               %(midnight)s::timestamptz + (i %% {hours}) * interval '1 hour' AS starts
          FROM generate_series(0, {count - 1}) i"""
    with transaction.atomic():
        load_people(history.lanes + -(-count // hours))
        return _insert_lessons(lessons, {"midnight": history.midnight, "lanes": history.lanes})


def add_lessons_of(tutor: int, starts: list[datetime]) -> None:
    """Add paid lessons of one tutor at these times; they wait for their links."""
    with transaction.atomic():
        lessons = (
            "SELECT %(tutor)s::bigint AS lane, starts, NULL::bigint AS link FROM unnest(%(starts)s::timestamptz[]) starts"
        )
        _insert_lessons(lessons, {"tutor": tutor, "starts": starts})


def drop_requests(keys: list[int]) -> None:
    """Take these lessons away again, links and all."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM meetings_meeting WHERE id = ANY(%s) RETURNING booking_id", [keys])
        bookings = [row[0] for row in cursor.fetchall()]
        cursor.execute("DELETE FROM bookings_booking WHERE id = ANY(%s)", [bookings])
    with connection.cursor() as cursor:
        cursor.execute("VACUUM meetings_meeting")
        cursor.execute("VACUUM bookings_booking")


def _load_links(links: int) -> None:
    insert_rows(
        MeetingLink,
        {"id": "i", "url": "'https://meet.example/' || i", "label": "'Room ' || i", "created_at": "now()"},
        f"FROM generate_series(1, {links}) i",
    )


def load_people(most: int) -> None:
    """Make tutors, students and paid orders 1 to `most`, unless they are there already."""
    missing = {
        model: f"FROM generate_series(1, {most}) i WHERE NOT EXISTS (SELECT FROM {model._meta.db_table} t WHERE t.id = i)"
        for model in (User, Tutor, SessionType, Order)
    }
    person = {"password": "'!'", "email": "'person' || i || '@example.com'", "date_joined": "now()"}
    insert_rows(User, {"id": "i", **person}, missing[User])
    insert_rows(Tutor, {"id": "i", "user_id": "i", "slug": "'tutor-' || i", "is_approved": "true"}, missing[Tutor])
    lesson = {"slug": "'lesson'", "name": "'Lesson'", "minutes": "50", "price": "150000"}
    insert_rows(SessionType, {"id": "i", "tutor_id": "i", **lesson}, missing[SessionType])
    paid = {"status": "'paid'", "placed_at": "now()", "paid_at": "now()", "expires_at": "now()", "created_at": "now()"}
    money = {"reference": "'OR-B' || i", "total": "150000", "currency": "'IDR'"}
    insert_rows(Order, {"id": "i", "payer_id": "i", **money, **paid}, missing[Order])


def _load_lessons(history: History) -> None:
    """Load with the exclusion constraints off and put them back after: that is when they are tried, all rows at once."""
    guarded: list[Guarded] = []
    for model in (Booking, Meeting):
        guarded += [(model, rule) for rule in model._meta.constraints if isinstance(rule, ExclusionConstraint)]
        guarded += [(model, index) for index in model._meta.indexes]
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL maintenance_work_mem = '512MB'; SET LOCAL work_mem = '256MB'")
            cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
            if cursor.fetchone() == (True,):  # foreign keys are right by construction; asking for each row doubles the time
                cursor.execute("SET LOCAL session_replication_role = 'replica'")
        _change_schema("remove", guarded)
        for sql in _history_sql(history):
            _insert_lessons(sql, {"midnight": history.midnight})
        _change_schema("add", guarded)


def _change_schema(verb: str, guarded: list[Guarded]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    with connection.schema_editor() as editor:
        for model, rule in guarded:
            kind = "index" if isinstance(rule, models.Index) else "constraint"
            getattr(editor, f"{verb}_{kind}")(model, rule)


def _history_sql(history: History) -> list[str]:
    """Return the queries that tell lane, link and start of each lesson: the coming ones, then the older ones."""
    lanes, older = history.lanes, history.meetings - history.coming
    first_day = -2 - older // lanes // 24
    coming = f"""
        SELECT i / {HOURS_AHEAD} AS lane, i %% {HOURS_AHEAD} AS hour FROM generate_series(0, {history.coming - 1}) i"""
    past = f"""
        SELECT i %% {lanes} AS lane, -25 - i / {lanes} AS hour FROM generate_series({older - 1}, 0, -1) i"""
    if history.links <= WALKED_FROM_THE_START:
        link, ranks = "lane + 1", ""
    else:
        link, ranks = (
            "r.link",
            f"""JOIN (
            SELECT day, link, row_number() OVER (PARTITION BY day ORDER BY hashint8(day * 1000003 + link)) - 1 AS rank
              FROM generate_series({first_day}::bigint, {DAYS_AHEAD}) day, generate_series(1::bigint, {history.links}) link
            ) r ON r.rank = lane AND r.day = floor(hour / 24.0)""",
        )
    return [
        f"SELECT lane + 1 AS lane, {link} AS link, %(midnight)s::timestamptz + hour * interval '1 hour' AS starts"
        f" FROM ({hours}) hours {ranks}"
        for hours in (coming, past)
    ]


def _insert_lessons(sql: str, params: dict[str, Any]) -> list[int]:
    """Insert bookings and their meetings for rows of (lane, link, starts). Returns the keys of those without a link."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMP TABLE lesson ON COMMIT DROP AS"
            " SELECT nextval(pg_get_serial_sequence('bookings_booking', 'id')) AS id, s.*,"
            f" tstzrange(starts, starts + interval '50 minutes') AS during FROM ({sql}) s",
            params,
        )
        insert_rows(
            Booking,
            {
                "id": "id", "reference": "'BK-B' || id", "order_id": "lane", "student_id": "lane", "tutor_id": "lane",
                "session_type_id": "lane", "name": "'Lesson'", "minutes": "50", "price": "150000", "currency": "'IDR'",
                "during": "during", "blocks": "during", "created_at": "now()",
                "status": "CASE WHEN starts < now() THEN 'completed' ELSE 'paid' END",
            },
            "FROM lesson",
        )  # fmt: skip
        insert_rows(
            Meeting,
            {
                "id": "id", "booking_id": "id", "provider": "'pool'", "told_provider": "'pool'", "link_id": "link",
                "during": "during",
                "reserved": "CASE WHEN link IS NOT NULL THEN tstzrange(starts, starts + interval '1 hour') END",
                "status": "CASE WHEN link IS NULL THEN 'waiting' WHEN starts < now() THEN 'ended' ELSE 'ready' END",
                "requested_at": "now()", "next_attempt_at": "CASE WHEN link IS NULL THEN now() END",
                "ready_at": "CASE WHEN link IS NOT NULL THEN now() END",
            },
            "FROM lesson",
        )  # fmt: skip
        cursor.execute("SELECT setval(pg_get_serial_sequence('meetings_meeting', 'id'), max(id)) FROM meetings_meeting")
        cursor.execute("SELECT id FROM lesson WHERE link IS NULL ORDER BY id")
        keys = [row[0] for row in cursor.fetchall()]
        cursor.execute("DROP TABLE lesson")
    return keys


def insert_rows(model: type[models.Model], given: dict[str, str], source: str) -> None:
    """Insert rows whose columns are SQL expressions; what is not given gets the model's default."""
    params: dict[str, Any] = {}
    for field in model._meta.local_concrete_fields:
        column = str(field.column)
        if column not in given and not field.primary_key:
            given = {**given, column: f"%({column})s"}
            params[column] = field.get_db_prep_save(field.get_default(), connection)
    columns = ", ".join(f'"{column}"' for column in given)
    with connection.cursor() as cursor:
        # Without parameters a percent sign would stay doubled.
        cursor.execute(
            f'INSERT INTO "{model._meta.db_table}" ({columns}) SELECT {", ".join(given.values())} {source}', params or None
        )


def settle() -> None:
    """Leave the tables as they are after a quiet night."""
    with connection.cursor() as cursor:
        for model in (MeetingLink, Meeting, Booking, Order):
            cursor.execute(f"VACUUM (ANALYZE) {model._meta.db_table}")
        cursor.execute("CHECKPOINT")
