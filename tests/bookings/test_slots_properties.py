"""The slot rule against a second reckoning of it: minute by minute, with no cleverness at all."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bookings.slots import Rules, Taken, bookable, dates_read, open_slots, time_read, why_not
from bookings.times import During, local
from bookings.windows import Hours, Override

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)

# Zones, each with a date on which the clock changes, or on which nothing happens.
CHANGES = [
    ("UTC", date(2026, 2, 28)),
    ("Asia/Kathmandu", date(2026, 12, 31)),
    ("Europe/Berlin", date(2026, 3, 29)),
    ("Europe/Berlin", date(2026, 10, 25)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),
    ("Australia/Lord_Howe", date(2026, 10, 4)),
    ("Africa/Cairo", date(2026, 4, 24)),
    ("Africa/Cairo", date(2026, 10, 29)),
    ("America/St_Johns", date(2010, 11, 7)),
    ("America/Havana", date(2026, 11, 1)),
    ("Pacific/Apia", date(2011, 12, 30)),
    ("Pacific/Apia", date(2012, 1, 2)),
]


class Reckoning:
    """One case, minute by minute: what the clock reads, whether the tutor is open, what is offered."""

    def __init__(self, rules, hours, overrides, taken, *, within, now):
        self.rules, self.hours, self.overrides, self.taken = rules, hours, overrides, taken
        self.within, self.now = within, now
        self.begin = within.start - 17 * DAY  # two Mondays back, and some days to be sure
        minutes = int((within.end - self.begin) / MINUTE) + rules.minutes
        self.clock = [local(self.begin + number * MINUTE, rules.zone) for number in range(minutes)]
        self.is_open = self.open_minutes()
        self.mondays = self.first_minutes_of_weeks()

    def open_minutes(self):
        hours_on = {day: self.hours_on(day) for day in {reading.date() for reading in self.clock}}
        return [
            any(
                row.starts <= reading.time() and (reading.time() < row.ends or row.ends == time(0))
                for row in hours_on[reading.date()]
            )
            for reading in self.clock
        ]

    def hours_on(self, day):
        dated = [row for row in self.overrides if row.date == day]
        if any(row.starts is None for row in dated):
            return []
        return dated or [row for row in self.hours if row.weekday == day.weekday()]

    def first_minutes_of_weeks(self):
        found, week_of = [], lambda day: (day.toordinal() - 1) // 7
        furthest = self.clock[0].date()
        for number, reading in enumerate(self.clock):
            if reading.date() > furthest:
                found += [number] * (week_of(reading.date()) - week_of(furthest))
                furthest = reading.date()
        return found

    def offered(self):
        first, end = (int((at - self.begin) / MINUTE) for at in (self.within.start, self.within.end))
        run_start, found = None, []
        for number in range(end):
            if not self.is_open[number]:
                run_start = None
            elif run_start is None:
                run_start = number
            if run_start is not None and first <= number and self.is_offered(number, run_start):
                found.append(self.begin + number * MINUTE)
        return found

    def is_offered(self, number, run_start):
        rules, start = self.rules, self.begin + number * MINUTE
        monday_before = [monday for monday in self.mondays if monday <= number][-2]
        step = rules.step_minutes or min(30, rules.minutes)
        if (number - max(run_start, monday_before)) % step:
            return False
        slot = During(start, start + rules.minutes * MINUTE)
        before, after = rules.buffer_before_minutes * MINUTE, rules.buffer_after_minutes * MINUTE
        today, day = local(self.now, rules.zone).date(), self.clock[number].date()
        that_day = [lesson for lesson in self.taken.starts if local(lesson, rules.zone).date() == day]
        return (
            all(self.is_open[number : number + rules.minutes])
            and start >= self.now + rules.notice_minutes * MINUTE
            and (day - today).days <= rules.horizon_days
            and not any(slot.padded(before, after).overlaps(block) for block in self.taken.blocks)
            and not any(slot.overlaps(own) for own in self.taken.student)
            and (rules.daily_limit is None or len(that_day) < rules.daily_limit)
        )


@st.composite
def times_of_day(draw):
    starts = draw(st.sampled_from([0, 0, 0, 30, 60, 90, 120]) | st.integers(0, 1439))
    ends = draw(st.sampled_from([1440, 1440, 1440, 90, 120, 150, 180]) | st.integers(1, 1440))
    assume(starts < ends)
    return time(*divmod(starts, 60)), time(*divmod(ends % 1440, 60))


@st.composite
def weekly_hours(draw):
    rows = [Hours(draw(st.integers(0, 6)), *draw(times_of_day())) for _ in range(draw(st.integers(0, 6)))]
    around_the_clock = [Hours(weekday, time(0), time(0)) for weekday in range(7)]
    without = draw(st.none() | st.integers(0, 6))
    return rows + draw(st.sampled_from([[], [row for row in around_the_clock if row.weekday != without]]))


@st.composite
def ranges_in(draw, start, days):
    begin = start + draw(st.integers(-300, days * 1440)) * MINUTE
    return During(begin, begin + draw(st.integers(1, 200)) * MINUTE)


@st.composite
def rules_in(draw, zone):
    often_none = st.sampled_from([0, 0, 0, 5, 60])
    return Rules(
        zone,
        minutes=draw(st.sampled_from([15, 45, 50, 60, 90]) | st.integers(1, 2000)),
        step_minutes=draw(st.none() | st.sampled_from([7, 30, 50, 60])),
        notice_minutes=draw(often_none | st.integers(0, 3000)),
        horizon_days=draw(st.integers(0, 12)),
        buffer_before_minutes=draw(often_none),
        buffer_after_minutes=draw(often_none),
        daily_limit=draw(st.none() | st.integers(0, 3)),
    )


@st.composite
def cases(draw):
    """The rows and the question about some days around a change of the clock."""
    name, change = draw(st.sampled_from(CHANGES))
    days = draw(st.integers(1, 4))
    start = datetime.combine(change - DAY, time(0), UTC) + draw(st.integers(-1440, 1440)) * MINUTE
    overrides = []
    for _ in range(draw(st.integers(0, 4))):
        day = change + draw(st.integers(-12, days + 1)) * DAY
        overrides.append(Override(day, *draw(times_of_day() | st.just(()))))
    booked = draw(st.lists(ranges_in(start, days), max_size=5))
    padding = draw(st.sampled_from([0, 10, 60])) * MINUTE
    taken = Taken(
        blocks=[during.padded(padding, padding) for during in booked],
        starts=[during.start for during in booked],
        student=draw(st.lists(ranges_in(start, days), max_size=2)),
    )
    rows = (draw(rules_in(ZoneInfo(name))), draw(weekly_hours()), overrides, taken)
    now = start - draw(st.sampled_from([0, 1440, 5000]) | st.integers(-2000, 9000)) * MINUTE
    return rows, During(start, start + days * DAY), now


@given(cases())
@settings(max_examples=60, deadline=None)
def test_slots_are_those_of_a_reckoning_minute_by_minute(case):
    rows, within, now = case

    slots = open_slots(*rows, within=within, now=now)

    assert [slot.start for slot in slots] == Reckoning(*rows, within=within, now=now).offered()
    assert {slot.end - slot.start for slot in slots} <= {rows[0].minutes * MINUTE}


@given(cases(), st.lists(st.integers(0, 4 * 1440 - 1), max_size=20))
@settings(max_examples=50, deadline=None)
def test_slot_is_offered_exactly_when_no_reason_speaks_against_it(case, numbers):
    rows, within, now = case
    offered = {slot.start for slot in open_slots(*rows, within=within, now=now)}
    starts = {within.start + number % (within.minutes) * MINUTE for number in numbers}

    for start in starts | set(sorted(offered)[:20]):
        assert (why_not(*rows, starts_at=start, now=now) is None) == (start in offered)


@given(cases(), st.integers(1, 1439))
@settings(max_examples=50, deadline=None)
def test_slots_do_not_depend_on_how_the_question_is_cut(case, cut):
    rows, within, now = case
    middle = within.start + cut * MINUTE

    halves = (During(within.start, middle), During(middle, within.end))

    assert open_slots(*rows, within=within, now=now) == [
        slot for half in halves for slot in open_slots(*rows, within=half, now=now)
    ]


@given(cases())
@settings(max_examples=50, deadline=None)
def test_slots_need_only_the_rows_they_say_they_read(case):
    (rules, hours, overrides, taken), within, now = case
    asked = bookable(rules, within=within, now=now) or within
    first, last = dates_read(rules, asked)
    read = time_read(rules, asked)

    needed_overrides = [override for override in overrides if first <= override.date <= last]
    needed = Taken(
        blocks=[block for block in taken.blocks if block.overlaps(read)],
        starts=[start for start in taken.starts if read.start <= start < read.end],
        student=[own for own in taken.student if own.overlaps(read)],
    )

    assert open_slots(rules, hours, needed_overrides, needed, within=within, now=now) == open_slots(
        rules, hours, overrides, taken, within=within, now=now
    )
