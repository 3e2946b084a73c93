"""Let the function choose the best of the free links, and take a new link's address for unseen.

Its rules are told in meetings/pool.py; of migration 0002 it keeps the answers, the locks and the probes.
"""

from importlib import import_module

from django.db import migrations

CHOOSE_LINK = """
CREATE OR REPLACE FUNCTION meetings_assign_link(
    meeting bigint, rest interval, asked_at timestamptz, wish bigint DEFAULT NULL,
    OUT outcome text, OUT chosen bigint
)
-- VOLATILE on purpose: each statement below sees what was committed before it began, so the search after
-- the locks knows of every link that was given away while we waited for them.
-- One plan for whatever is asked: to plan anew for each session would cost more than the search.
LANGUAGE plpgsql VOLATILE SET plan_cache_mode = 'force_generic_plan' AS $$
DECLARE
    far CONSTANT interval := '6 hours';  -- a gap as long as this is as good as any longer one
    asked record;
    wanted tstzrange;
    is_small boolean;
    others bigint[];
    avoided bigint[];
    first_id bigint;
    last_id bigint;
    start_id bigint;
BEGIN
    SELECT m.status, m.link_id, m.during, m.booking_id, b.status AS booking_status, b.student_id, b.tutor_id INTO asked
      FROM meetings_meeting m JOIN bookings_booking b ON b.id = m.booking_id WHERE m.id = meeting;
    IF asked.status = 'ready' AND asked.link_id IS NOT NULL THEN
        outcome := 'already'; chosen := asked.link_id; RETURN;
    ELSIF asked.status IS DISTINCT FROM 'waiting' THEN
        outcome := 'not_waiting'; RETURN;
    ELSIF asked.booking_status <> 'paid' THEN
        outcome := 'not_paid'; RETURN;
    END IF;
    wanted := tstzrange(lower(asked.during), upper(asked.during) + rest);
    is_small := wish IS NULL AND NOT EXISTS (
        SELECT FROM meetings_meetinglink l WHERE l.status = 'available' ORDER BY l.id OFFSET 256 LIMIT 1
    );
    IF is_small THEN
        -- Links whose address this student has seen in sessions of other tutors; of hundreds some are enough. Most
        -- students have one tutor, so whether there are others is asked first, by two looks into an index.
        others := ARRAY(SELECT b.id FROM bookings_booking b
                         WHERE b.student_id = asked.student_id AND b.tutor_id < asked.tutor_id
                         ORDER BY b.tutor_id DESC LIMIT 200)
               || ARRAY(SELECT b.id FROM bookings_booking b
                         WHERE b.student_id = asked.student_id AND b.tutor_id > asked.tutor_id
                         ORDER BY b.tutor_id LIMIT 200);
        IF others <> '{}' THEN
            SELECT array_agg(m.link_id) INTO avoided FROM meetings_meeting m
             WHERE m.booking_id = ANY(others) AND m.link_id IS NOT NULL AND (m.seen_at IS NOT NULL OR EXISTS (
                   SELECT FROM meetings_attendance a WHERE a.meeting_id = m.id AND a.user_id = asked.student_id));
        END IF;
    END IF;

    -- Locks, in this order everywhere: the pool (shared here; cordoning and retiring take it alone), then
    -- each UTC day that is touched, ascending. Days are counted from 1970-01-01.
    PERFORM pg_advisory_xact_lock_shared(76001, 0);
    FOR day IN floor(extract(epoch FROM lower(wanted)) / 86400)::int
            .. (ceil(extract(epoch FROM upper(wanted)) / 86400) - 1)::int LOOP
        PERFORM pg_advisory_xact_lock(76002, day);
    END LOOP;

    IF is_small THEN
        -- Every available link is asked by one probe: of those who use it, the last one that starts before our end
        -- must have ended by our start. A free one is asked by a second probe how long the next use is off.
        -- Each LIMIT 1 keeps the planner from joining instead.
        SELECT free.id INTO chosen
          FROM (SELECT l.id, (
                    SELECT upper(m.reserved) FROM meetings_meeting m
                     WHERE m.link_id = l.id AND m.status IN ('ready', 'ended') AND lower(m.reserved) < upper(wanted)
                     ORDER BY lower(m.reserved) DESC LIMIT 1) AS rests_since
                  FROM meetings_meetinglink l WHERE l.status = 'available' OFFSET 0) free
         WHERE free.rests_since IS NULL OR free.rests_since <= lower(wanted)
         ORDER BY free.id = ANY(avoided) NULLS FIRST,
               least(coalesce(lower(wanted) - free.rests_since, far), far) + least(coalesce((
                    SELECT lower(m.reserved) - upper(wanted) FROM meetings_meeting m
                     WHERE m.link_id = free.id AND m.status IN ('ready', 'ended') AND lower(m.reserved) >= upper(wanted)
                     ORDER BY lower(m.reserved) LIMIT 1), far), far),
               free.rests_since NULLS FIRST, free.id
         LIMIT 1;
    ELSE
        -- A walk over the available links that takes the first free one; a wish is a walk over one link. In a large
        -- pool it starts at a scattered place and wraps round, so that it stays short.
        first_id := wish; last_id := wish; start_id := wish;
        IF wish IS NULL THEN
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
    END IF;
    -- While we waited somebody may have cancelled, moved or provided for this very lesson: look again.
    IF chosen IS NULL THEN
        SELECT CASE WHEN m.status = 'waiting' AND m.during = asked.during THEN 'no_room' ELSE 'changed' END
          INTO outcome FROM meetings_meeting m WHERE m.id = meeting;
        RETURN;
    END IF;
    UPDATE meetings_meeting m
       SET provider = 'pool', link_id = chosen, reserved = wanted, status = 'ready', ready_at = asked_at,
           attempts = m.attempts + 1, last_error = '', trouble = '', next_attempt_at = NULL, seen_at = NULL
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
BEFORE: str = import_module("meetings.migrations.0002_assign_link").ASSIGN_LINK


class Migration(migrations.Migration):
    dependencies = [("meetings", "0007_provider_switches")]

    operations = [migrations.RunSQL(CHOOSE_LINK, BEFORE.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"))]
