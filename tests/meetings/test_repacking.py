"""No link is free for the whole time, and there is room all the same: others change links."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bookings.models import Booking, Change, Notice
from bookings.times import During
from meetings import repacking
from meetings.errors import NoLinkLeft
from meetings.links import cordon_link
from meetings.models import Meeting, MeetingLink
from meetings.pool import assign_link, choose_link
from meetings.repacking import whole_days
from tests.factories import make_link
from tests.meetings.making import lesson, overlaps_on_one_link, waiting_meeting

pytestmark = pytest.mark.django_db


def on(link: MeetingLink, during: During) -> Meeting:
    """A session that has this very link."""
    meeting = waiting_meeting(during)
    choose_link(meeting, link)
    return Meeting.objects.get(pk=meeting.pk)


@pytest.fixture
def two_halves() -> tuple[Meeting, Meeting]:
    """Two links, one used in the first hour and the other in the second: a session of both hours fits on neither."""
    one, two = make_link(label="One"), make_link(label="Two")
    return on(one, lesson(0, 60)), on(two, lesson(70, 60))


def links_of(*meetings: Meeting) -> list[str]:
    return [str(Meeting.objects.get(pk=meeting.pk).link) for meeting in meetings]


@pytest.mark.defect("CE-15")
def test_session_that_fits_on_no_link_gets_one_because_another_moves(two_halves: tuple[Meeting, Meeting]):
    long = waiting_meeting(lesson(0, 130))

    link = assign_link(long)

    first, second = two_halves
    assert links_of(first) == links_of(second) != [str(link)]
    assert overlaps_on_one_link() == []


def test_only_what_is_needed_changes_and_only_the_history_tells(two_halves: tuple[Meeting, Meeting]):
    before = [(one.generation, one.ready_at, one.reserved) for one in two_halves]

    assign_link(waiting_meeting(lesson(0, 130)))

    after = Meeting.objects.filter(pk__in=[one.pk for one in two_halves]).order_by("during")
    assert [(one.generation, one.ready_at, one.reserved) for one in after] == before
    [line] = Change.objects.all()
    assert (line.what, {line.was, line.became}, line.why) == (
        "meeting link",
        {"One", "Two"},
        "to make room for another session",
    )
    assert not Notice.objects.exists()


def test_no_room_is_made_where_every_link_is_in_use(two_halves: tuple[Meeting, Meeting], django_assert_max_num_queries):
    assign_link(waiting_meeting(lesson(0, 60)))
    long = waiting_meeting(lesson(0, 130))
    before = links_of(*two_halves)

    with django_assert_max_num_queries(4), pytest.raises(NoLinkLeft):
        assign_link(long)

    assert links_of(*two_halves) == before


@pytest.mark.parametrize("which", [0, 1])
def test_session_whose_address_is_known_stays_and_the_other_moves(two_halves: tuple[Meeting, Meeting], which: int):
    Meeting.objects.filter(pk=two_halves[which].pk).update(seen_at=timezone.now())
    before = links_of(*two_halves)

    assign_link(waiting_meeting(lesson(0, 130)))

    after = links_of(*two_halves)
    assert after[which] == before[which]
    assert after[1 - which] != before[1 - which]


def test_nobody_moves_whose_address_is_known(two_halves: tuple[Meeting, Meeting]):
    Meeting.objects.update(seen_at=timezone.now())
    with pytest.raises(NoLinkLeft):
        assign_link(waiting_meeting(lesson(0, 130)))
    assert links_of(*two_halves) == ["One", "Two"]


@pytest.mark.parametrize(("minutes", "moves"), [(21, True), (20, False), (15, False), (1, False), (-5, False)])
def test_session_whose_door_opens_soon_stays(minutes: int, moves: bool):
    one, two = make_link(), make_link()
    soon, later = on(one, lesson(0, 60)), on(two, lesson(70, 60))
    Meeting.objects.filter(pk=later.pk).update(seen_at=timezone.now())
    long = waiting_meeting(lesson(0, 130))
    with time_machine.travel(lesson().start - timedelta(minutes=minutes), tick=False):
        if moves:
            assign_link(long)
        else:
            with pytest.raises(NoLinkLeft):
                assign_link(long)
    assert (Meeting.objects.get(pk=soon.pk).link == two) is moves


def test_nobody_moves_to_or_from_a_cordoned_link():
    one, two = make_link(), make_link()
    first, _second = on(one, lesson(0, 60)), on(two, lesson(70, 60))
    cordon_link(one)
    with pytest.raises(NoLinkLeft):
        assign_link(waiting_meeting(lesson(0, 130)))
    assert Meeting.objects.get(pk=first.pk).link == one


def test_session_called_off_meanwhile_moves_nobody(two_halves: tuple[Meeting, Meeting]):
    long = waiting_meeting(lesson(0, 130))
    Booking.objects.filter(pk=long.booking_id).update(status=Booking.Status.CANCELLED)
    with pytest.raises(Exception, match="not paid"):
        assign_link(long)
    assert links_of(*two_halves) == ["One", "Two"]


def test_room_is_made_days_away_if_need_be():
    """Long sessions reach over midnight one after the other, so that the near look shows too little."""
    links = [make_link(), make_link()]
    hours = [(0, 700), (360, 700), (710, 700), (1070, 700), (1420, 700), (1780, 200)]
    for number, (start, minutes) in enumerate(hours):
        on(links[number % 2], lesson(start, minutes))
    wanted = waiting_meeting(lesson(100, 250))
    assign_link(wanted)
    assert overlaps_on_one_link() == []


@pytest.fixture
def rows() -> Callable[[int], Meeting]:
    """Two links that are never free at once, and a session that finds a gap in each: so many days before and after it
    all must change places, or none.

    Sessions of 24 hours, the longest there are, with 10 minutes of rest.
    """

    def make(days: int) -> Meeting:
        noon, use = 40 * 1440, 1450
        for gap_ends, gap_began in ((65, 0), (130, 65)):
            link = make_link()
            for number in range(days):
                on(link, lesson(noon + gap_ends + number * use, 1440))
                on(link, lesson(noon + gap_began - (number + 1) * use, 1440))
        return waiting_meeting(lesson(noon, 120))

    return make


@pytest.mark.parametrize("days", [5, 18])
def test_nobody_is_lost_where_sessions_are_cut_at_the_edge_of_what_is_looked_at(rows: Callable[[int], Meeting], days: int):
    assign_link(rows(days))
    assert Meeting.objects.filter(status="ready").count() == 4 * days + 1
    assert overlaps_on_one_link() == []


def test_far_look_is_for_pools_with_few_sessions(rows: Callable[[int], Meeting], monkeypatch: pytest.MonkeyPatch):
    wanted = rows(5)
    monkeypatch.setattr(repacking, "FEW_USES", 19)
    with pytest.raises(NoLinkLeft):
        assign_link(wanted)
    monkeypatch.setattr(repacking, "FEW_USES", 20)
    assign_link(wanted)


def test_nobody_looks_further_where_no_way_would_be_found(two_halves: tuple[Meeting, Meeting]):
    Meeting.objects.update(seen_at=timezone.now())
    on(make_link(), lesson(-60, 300))
    on(MeetingLink.objects.get(label="One"), lesson(660, 120))  # over midnight, and free to move
    with CaptureQueriesContext(connection) as asked, pytest.raises(NoLinkLeft):
        assign_link(waiting_meeting(lesson(0, 130)))
    assert sum("generate_series" in query["sql"] for query in asked) == 1


def test_new_link_is_one_that_nobody_has_seen(two_halves: tuple[Meeting, Meeting]):
    long = waiting_meeting(lesson(0, 130), seen_at=timezone.now())
    assign_link(long)
    assert Meeting.objects.get(pk=long.pk).seen_at is None


def test_each_day_is_looked_at_whole():
    assert whole_days(During(lesson().start, lesson().end)).minutes == 24 * 60
    day = whole_days(During(lesson().start, lesson().end))
    assert whole_days(day) == day
