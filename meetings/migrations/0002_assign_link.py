"""Install the one function that gives a meeting its pool link. Its rules are told in meetings/pool.py."""

from django.db import migrations

ASSIGN_LINK = """
CREATE FUNCTION meetings_assign_link(
    meeting bigint, rest interval, asked_at timestamptz, wish bigint DEFAULT NULL,
    OUT outcome text, OUT chosen bigint
)
-- VOLATILE on purpose: each statement below sees what was committed before it began, so the search after
-- the locks knows of every link that was given away while we waited for them.
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    asked record;
    wanted tstzrange;
    first_id bigint;
    last_id bigint;
    start_id bigint;
BEGIN
    SELECT m.status, m.link_id, m.during, m.booking_id, b.status AS booking_status INTO asked
      FROM meetings_meeting m JOIN bookings_booking b ON b.id = m.booking_id WHERE m.id = meeting;
    IF asked.status = 'ready' AND asked.link_id IS NOT NULL THEN
        outcome := 'already'; chosen := asked.link_id; RETURN;
    ELSIF asked.status IS DISTINCT FROM 'waiting' THEN
        outcome := 'not_waiting'; RETURN;
    ELSIF asked.booking_status <> 'paid' THEN
        outcome := 'not_paid'; RETURN;
    END IF;
    wanted := tstzrange(lower(asked.during), upper(asked.during) + rest);

    -- Locks, in this order everywhere: the pool (shared here; cordoning and retiring take it alone), then
    -- each UTC day that is touched, ascending. Days are counted from 1970-01-01.
    PERFORM pg_advisory_xact_lock_shared(76001, 0);
    FOR day IN floor(extract(epoch FROM lower(wanted)) / 86400)::int
            .. (ceil(extract(epoch FROM upper(wanted)) / 86400) - 1)::int LOOP
        PERFORM pg_advisory_xact_lock(76002, day);
    END LOOP;

    -- A walk over the available links; each is asked by one probe: of those who use it, the last one that
    -- starts before our end must have ended by our start. LIMIT 1 keeps the planner from joining instead.
    first_id := coalesce(wish, 1); last_id := coalesce(wish, 9223372036854775807); start_id := first_id;
    IF wish IS NULL AND EXISTS (
        SELECT FROM meetings_meetinglink l WHERE l.status = 'available' ORDER BY l.id OFFSET 256 LIMIT 1
    ) THEN
        -- In a large pool the walk starts at a scattered place and wraps round, so that it stays short.
        SELECT min(l.id), max(l.id) INTO first_id, last_id FROM meetings_meetinglink l WHERE l.status = 'available';
        start_id := first_id + abs(hashint8(meeting)::bigint) % (last_id - first_id + 1);
    END IF;
    LOOP
        SELECT l.id INTO chosen FROM meetings_meetinglink l
         WHERE l.status = 'available' AND l.id BETWEEN start_id AND last_id
           AND NOT coalesce((
               SELECT upper(m.reserved) > lower(wanted) FROM meetings_meeting m
                WHERE m.link_id = l.id AND m.status IN ('ready', 'ended') AND lower(m.reserved) < upper(wanted)
                ORDER BY lower(m.reserved) DESC LIMIT 1), false)
         ORDER BY l.id LIMIT 1;
        EXIT WHEN chosen IS NOT NULL OR start_id = first_id;
        last_id := start_id - 1; start_id := first_id;
    END LOOP;
    -- While we waited somebody may have cancelled, moved or provided for this very lesson: look again.
    IF chosen IS NULL THEN
        SELECT CASE WHEN m.status = 'waiting' AND m.during = asked.during THEN 'no_room' ELSE 'changed' END
          INTO outcome FROM meetings_meeting m WHERE m.id = meeting;
        RETURN;
    END IF;
    UPDATE meetings_meeting m
       SET provider = 'pool', link_id = chosen, reserved = wanted, status = 'ready', ready_at = asked_at,
           attempts = m.attempts + 1, last_error = '', next_attempt_at = NULL
     WHERE m.id = meeting AND m.during = asked.during
       -- A CASE, because a plain comparison would let the planner read the index of all that wait instead of one row.
       AND CASE m.status WHEN 'waiting' THEN true ELSE false END
       AND (SELECT b.status FROM bookings_booking b WHERE b.id = asked.booking_id) = 'paid';
    outcome := 'assigned';
    IF NOT FOUND THEN
        outcome := 'changed'; chosen := NULL;
    END IF;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("meetings", "0001_initial")]

    operations = [
        migrations.RunSQL(ASSIGN_LINK, "DROP FUNCTION meetings_assign_link(bigint, interval, timestamptz, bigint)")
    ]
