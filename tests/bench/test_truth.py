"""The counters of the bench must count: what they are shown here is known to be wrong or right."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from bench import rivals, truth
from bookings.models import Tutor
from meetings.models import Meeting
from meetings.pool import assign_link
from tests.factories import make_link
from tests.meetings.making import lesson, waiting_meeting
from tests.race import race

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def earlier_system(db: None):
    """Makes the rivals' tables of the rows there are; call it when they are there."""
    yield rivals.set_up_rivals
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA IF EXISTS earlier CASCADE; DROP TABLE IF EXISTS bench_plain")


@pytest.mark.defect("CE-08")
def test_earlier_system_gives_one_link_to_all_who_ask_at_once_and_each_is_counted(earlier_system):
    make_link(), make_link()
    meetings = [waiting_meeting() for _ in range(4)]
    earlier_system()
    everybody_has_looked = threading.Barrier(4)

    def find_then_take(number: int) -> None:
        link = rivals.find_link_as_before(meetings[number].pk)
        everybody_has_looked.wait(timeout=30)
        assert link is not None
        rivals.take_link_as_before(meetings[number].pk, link)

    outcomes = race(find_then_take, threads=4)

    assert [outcome.error for outcome in outcomes] == [None] * 4
    assert truth.double_assignments_as_before() == 3


def test_earlier_system_takes_turns_well_one_at_a_time(earlier_system):
    first, second = make_link(), make_link()
    meetings = [waiting_meeting() for _ in range(3)]
    earlier_system()
    found = []
    for meeting in meetings:
        link = rivals.find_link_as_before(meeting.pk)
        found.append(link)
        if link is not None:
            rivals.take_link_as_before(meeting.pk, link)

    assert found == [(first.pk, first.url), (second.pk, second.url), None]
    assert truth.double_assignments_as_before() == 0


def test_double_assignments_of_ours_would_be_counted_if_there_were_any():
    make_link()
    early, late, apart = waiting_meeting(lesson(0)), waiting_meeting(lesson(90)), waiting_meeting(lesson(300))
    for meeting in (early, late, apart):
        assign_link(meeting)
    assert truth.double_assignments() == 0
    early.refresh_from_db()

    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE meetings_meeting DROP CONSTRAINT meeting_link_used_once_at_a_time")
        cursor.execute("ALTER TABLE meetings_meeting DROP CONSTRAINT meeting_link_reserved_for_its_time")
    try:
        Meeting.objects.filter(pk=late.pk).update(reserved=(early.reserved.lower, early.reserved.upper))
        assert truth.double_assignments() == 1
    finally:
        Meeting.objects.update(link=None, reserved=None, status=Meeting.Status.WAITING)
        with connection.schema_editor() as editor:
            for rule in Meeting._meta.constraints:
                if rule.name in ("meeting_link_used_once_at_a_time", "meeting_link_reserved_for_its_time"):
                    editor.add_constraint(Meeting, rule)


def test_refusal_is_false_only_if_a_link_was_free_then(ada: Tutor):
    make_link()
    taken, asking = waiting_meeting(lesson(0)), waiting_meeting(lesson(30))
    before = timezone.now() - timedelta(minutes=1)
    assign_link(taken)

    assert truth.false_refusals([(asking.pk, timezone.now())]) == 0
    assert truth.false_refusals([(asking.pk, before)]) == 1
    make_link()
    assert truth.false_refusals([(asking.pk, timezone.now())]) == 1
