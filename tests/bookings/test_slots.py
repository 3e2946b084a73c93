"""What hides a slot of an open window, case by case, and why."""

from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from bookings.slots import Reason, Rules, Taken, bookable, dates_read, open_slots, time_read, why_not
from bookings.times import EARLIEST, LATEST, During
from tests.bookings.slot_cases import LONG_BEFORE, MONDAY, instant, offered, on, span, times, weekly

ZONE = ZoneInfo("UTC")
NAIVE = LONG_BEFORE.replace(tzinfo=None)

# Bookings and buffers

TEN = "2026-03-02 10:00/11:00"


@pytest.mark.parametrize(
    ("blocks", "rules", "starts"),
    [
        pytest.param(TEN, {}, "09:00 11:00 11:30 12:00", id="touching is not overlapping"),
        pytest.param("2026-03-02 10:00/10:01", {}, "09:00 10:30 11:00 11:30 12:00", id="a minute is enough"),
        pytest.param("2026-03-02 08:00/09:00", {}, "09:00 09:30 10:00 10:30 11:00 11:30 12:00", id="before"),
        pytest.param(TEN, {"buffer_before_minutes": 1}, "09:00 11:30 12:00", id="buffer before"),
        pytest.param(TEN, {"buffer_before_minutes": 30}, "09:00 11:30 12:00", id="buffer before that fits"),
        pytest.param(TEN, {"buffer_after_minutes": 1}, "11:00 11:30 12:00", id="buffer after"),
        pytest.param("2026-03-02 10:10/10:50", {}, "09:00 11:00 11:30 12:00", id="the grid never shifts"),
        pytest.param("2026-03-01 00:00/2026-03-04 00:00", {}, "", id="all of it"),
    ],
)
def test_bookings_hide_what_they_overlap_with_the_buffers(blocks, rules, starts):
    assert times("0 09:00-13:00", taken=Taken(blocks=[span(blocks)]), **rules) == starts


def test_bookings_in_any_order_hide_their_own_time_only():
    blocks = [span("2026-03-02 12:00/13:00"), span("2026-03-02 09:00/10:00"), span("2026-03-02 09:00/09:30")]

    assert times("0 09:00-13:00", taken=Taken(blocks=blocks)) == "10:00 10:30 11:00"


def test_buffers_may_reach_out_of_the_window():
    assert times("0 09:00-10:00", buffer_before_minutes=90, buffer_after_minutes=90) == "09:00"


@pytest.mark.parametrize(
    ("student", "starts"),
    [
        (TEN, "09:00 11:00"),
        ("2026-03-02 09:59/10:01", "11:00"),
        ("2026-03-02 12:00/13:00", "09:00 10:00 11:00"),
    ],
)
def test_students_own_bookings_hide_what_they_overlap_without_buffers(student, starts):
    case = {"step_minutes": 60, "buffer_before_minutes": 30, "buffer_after_minutes": 30}

    assert times("0 09:00-12:00", taken=Taken(student=[span(student)]), **case) == starts


# Notice, horizon and the daily limit, by the tutor's dates


@pytest.mark.parametrize(
    ("now", "notice", "starts"),
    [
        ("2026-03-02 09:00", 0, "09:00 09:30 10:00"),
        ("2026-03-02 09:00:00.000001", 0, "09:30 10:00"),
        ("2026-03-02 09:00", 30, "09:30 10:00"),
        ("2026-03-02 09:00", 31, "10:00"),
        ("2026-03-01 10:00", 1440, "10:00"),
        ("2026-03-02 10:01", 0, ""),
    ],
)
def test_slots_keep_the_notice(now, notice, starts):
    assert times("0 09:00-11:00", now=instant(now), notice_minutes=notice) == starts


@pytest.mark.parametrize(
    ("zone", "now", "horizon", "dates"),
    [
        ("UTC", "2026-03-02 00:00", 0, ["2026-03-02"]),
        ("UTC", "2026-03-02 23:59", 1, ["2026-03-03"]),
        # In Jakarta it is the 3rd already, in Honolulu still the 1st.
        ("Asia/Jakarta", "2026-03-02 17:00", 1, ["2026-03-03", "2026-03-04"]),
        ("Pacific/Honolulu", "2026-03-02 09:59", 1, ["2026-03-02"]),
    ],
)
def test_horizon_counts_the_tutors_dates(zone, now, horizon, dates):
    within = During(instant("2026-02-25 00:00"), instant("2026-03-20 00:00"))
    slots = open_slots(
        Rules(ZoneInfo(zone), 60, step_minutes=60, horizon_days=horizon),
        weekly("* 23:00-00:00"),
        [],
        Taken(),
        within=within,
        now=instant(now),
    )

    assert [slot.start.astimezone(ZoneInfo(zone)).date().isoformat() for slot in slots] == dates


def test_daily_limit_counts_the_tutors_dates():
    # 23:30 in Jakarta on the 2nd, and 00:30 on the 3rd: one UTC day, two of the tutor's.
    starts = [instant("2026-03-02 16:30"), instant("2026-03-02 17:30")]
    case = {"zone": "Asia/Jakarta", "taken": Taken(starts=starts), "days": (MONDAY, "2026-03-04")}

    assert offered("* 09:00-10:00", daily_limit=1, **case) == ["2026-03-04 02:00"]
    assert len(offered("* 09:00-10:00", daily_limit=2, **case)) == 3
    assert offered("* 09:00-10:00", daily_limit=0, **case) == []


# What is asked


def test_slots_asked_for_are_those_that_start_within():
    within = span("2026-03-02 09:30/10:30")

    assert times("0 09:00-12:00", within=within) == "09:30 10:00"


def test_slots_between_grid_points_do_not_move_the_grid():
    assert times("0 09:00-12:00", within=span("2026-03-02 09:10/09:50")) == "09:30"
    assert times("0 09:00-12:00", within=span("2026-03-02 09:10/09:20")) == ""


def test_nothing_asked_for_that_can_be_booked_is_an_empty_list():
    assert offered("* 00:00-00:00", within=span("2026-02-01 00:00/2026-02-02 00:00")) == []


# Why not


@pytest.mark.parametrize(
    ("start", "reason"),
    [
        ("2026-03-02 10:00", None),
        ("2026-03-02 08:00", Reason.PAST),
        ("2026-03-02 09:00", Reason.NOTICE),
        ("2026-03-23 10:00", Reason.HORIZON),
        ("2026-03-09 10:00", Reason.CLOSED),
        ("2026-03-03 10:00", Reason.OUTSIDE_HOURS),
        ("2026-03-02 17:30", Reason.OUTSIDE_HOURS),
        ("2026-03-02 10:15", Reason.OFF_GRID),
        ("2026-03-02 10:00:00.000001", Reason.OFF_GRID),
        ("2026-03-02 12:30", Reason.BOOKED),
        ("2026-03-02 11:00", Reason.BUFFER),
        ("2026-03-02 13:00", Reason.BUFFER),
        ("2026-03-16 10:00", Reason.DAILY_LIMIT),
        ("2026-03-02 15:00", Reason.STUDENT_BUSY),
    ],
)
def test_reason_is_the_first_rule_that_hides_a_start(start, reason):
    rules = Rules(
        ZONE,
        60,
        notice_minutes=60,
        horizon_days=20,
        buffer_before_minutes=5,
        buffer_after_minutes=5,
        daily_limit=2,
    )
    taken = Taken(
        blocks=[span("2026-03-02 12:00/13:00")],
        starts=[instant("2026-03-16 14:00"), instant("2026-03-16 16:00"), instant("2026-03-02 12:05")],
        student=[span("2026-03-02 15:30/16:00")],
    )
    now = instant("2026-03-02 08:30")

    found = why_not(rules, weekly("0 09:00-18:00"), [on("2026-03-09")], taken, starts_at=instant(start), now=now)

    assert found is reason


@pytest.mark.parametrize(
    ("start", "reason"),
    [
        ("2026-03-02 09:45", Reason.OFF_GRID),
        ("2026-03-02 09:46", Reason.OUTSIDE_HOURS),
        ("2026-03-02 08:59", Reason.OUTSIDE_HOURS),
        ("2026-03-02 09:30", None),
    ],
)
def test_reason_beside_the_only_window_there_is(start, reason):
    only = [on(MONDAY, "09:00-10:45")]

    found = why_not(Rules(ZONE, 60), [], only, Taken(), starts_at=instant(start), now=LONG_BEFORE)

    assert found is reason


def test_reason_can_be_asked_in_any_zone():
    starts_at = datetime(2026, 3, 2, 16, tzinfo=ZoneInfo("Asia/Jakarta"))
    now = LONG_BEFORE.astimezone(ZoneInfo("America/Lima"))

    found = why_not(Rules(ZONE, 60), weekly("0 09:00-10:00"), [], Taken(), starts_at=starts_at, now=now)

    assert found is None


# The ends of the calendar, and what is no rule


@pytest.mark.parametrize(
    ("starts_at", "reason"),
    [
        (datetime.min.replace(tzinfo=timezone(timedelta(hours=14))), Reason.PAST),
        (datetime.max.replace(tzinfo=timezone(timedelta(hours=-12))), Reason.HORIZON),
        (datetime.max.replace(tzinfo=ZoneInfo("Asia/Tokyo")), Reason.HORIZON),
        (EARLIEST, Reason.PAST),
        (LATEST - timedelta(minutes=1), Reason.HORIZON),
        (LATEST, Reason.HORIZON),
    ],
)
def test_times_at_the_ends_of_the_calendar_have_a_reason(starts_at, reason):
    rules = Rules(ZoneInfo("Pacific/Kiritimati"), 60)

    found = why_not(rules, weekly("* 00:00-00:00"), [], Taken(), starts_at=starts_at, now=LONG_BEFORE)

    assert found is reason


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "America/Adak"])
@pytest.mark.parametrize("now", [EARLIEST, EARLIEST + timedelta(days=1), LATEST - timedelta(days=2)])
def test_slots_end_with_the_calendar_instead_of_failing(zone, now):
    rules = Rules(ZoneInfo(zone), 60, 60, horizon_days=100_000)
    within = During(now, min(now + timedelta(days=9), LATEST))

    slots = open_slots(rules, weekly("* 00:00-00:00"), [], Taken(), within=within, now=now)

    assert len(slots) in (216, 215, 48, 47)
    assert slots[-1].end <= LATEST
    assert all(why_not(rules, weekly("* 00:00-00:00"), [], Taken(), starts_at=s.start, now=now) is None for s in slots)


def test_limits_beyond_use_are_rules_still():
    numbers = {"notice_minutes": 0, "buffer_before_minutes": 100_000, "buffer_after_minutes": 100_000}

    assert times("0 09:00-10:00", horizon_days=100_000, daily_limit=2**31, **numbers) == "09:00"
    assert times("0 09:00-09:02", minutes=1, step_minutes=1) == "09:00 09:01"
    assert Rules(ZONE, 100_000, 100_000).length == Rules(ZONE, 100_000, 100_000).step


def test_everything_ever_can_be_asked_for():
    everything = During(EARLIEST, LATEST)

    assert len(offered("0 09:00-10:00", within=everything, horizon_days=30)) == 4
    assert offered("0 09:00-10:00", within=everything, now=LATEST) == []


def test_rows_to_read_lie_around_what_is_asked():
    rules = Rules(ZONE, 60, notice_minutes=90, horizon_days=7, buffer_before_minutes=30, buffer_after_minutes=15)
    now = instant("2026-03-04 10:30")

    asked = bookable(rules, within=During(EARLIEST, LATEST), now=now)

    assert asked == span("2026-03-04 12:00/2026-03-13 00:00")
    assert dates_read(rules, asked) == (date(2026, 2, 22), date(2026, 3, 14))
    assert time_read(rules, asked) == span("2026-03-02 11:30/2026-03-15 01:15")
    assert time_read(rules, During(EARLIEST, LATEST)) == During(EARLIEST, LATEST)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: Rules(ZONE, 0), id="no length"),
        pytest.param(lambda: Rules(ZONE, 60, 0), id="no step"),
        pytest.param(lambda: Rules(ZONE, 60, notice_minutes=-1), id="notice"),
        pytest.param(lambda: Rules(ZONE, 60, horizon_days=-1), id="horizon"),
        pytest.param(lambda: Rules(ZONE, 60, horizon_days=100_001), id="horizon beyond use"),
        pytest.param(lambda: Rules(ZONE, 60, buffer_before_minutes=-1), id="buffer before"),
        pytest.param(lambda: Rules(ZONE, 60, buffer_after_minutes=-1), id="buffer after"),
        pytest.param(lambda: Rules(ZONE, 60, daily_limit=-1), id="limit"),
        pytest.param(lambda: Rules(ZONE, 100_001), id="length beyond use"),
        pytest.param(lambda: Rules(ZONE, 60, 100_001), id="step beyond use"),
        pytest.param(lambda: offered("0 09:00-10:00", now=NAIVE), id="naive now"),
        pytest.param(
            lambda: why_not(Rules(ZONE, 60), [], [], Taken(), starts_at=NAIVE, now=LONG_BEFORE),
            id="naive start",
        ),
    ],
)
def test_rules_that_make_no_sense_are_refused_with_a_sentence(make):
    with pytest.raises(ValueError, match=r"^[A-Z].*\.$"):
        make()
