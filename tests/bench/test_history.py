"""The loaders must keep every rule of the tables, and make the history that the bench says it measures."""

from __future__ import annotations

import pytest
from django.db import connection
from django.db.models import Count

from bench import history, truth
from bench.history import History
from bookings.models import Booking
from meetings.models import Meeting, MeetingLink
from meetings.pool import assign_link

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def small(db: None) -> History:
    past = History(links=300, meetings=1_000, midnight=history.coming_midnight())
    history.load_history(past)
    return past


def test_history_holds_as_many_lessons_as_asked_half_of_them_to_come(small: History):
    to_come = Meeting.objects.filter(during__startswith__gte=small.midnight)
    assert (MeetingLink.objects.count(), Meeting.objects.count(), to_come.count()) == (300, 1_000, 500)
    assert truth.double_assignments() == 0


def test_loading_leaves_constraints_and_indexes_as_they_were():
    before = _rules()
    history.load_history(History(links=10, meetings=100, midnight=history.coming_midnight()))
    assert _rules() == before


def test_half_of_the_pool_is_free_at_every_hour(small: History):
    most = Meeting.objects.values("during").annotate(number=Count("pk")).order_by("-number")[0]
    assert most["number"] <= small.lanes


def test_requests_are_paid_lessons_that_can_have_a_link_and_go_away_again(small: History):
    keys = history.add_requests(small, count=20, hours=10)
    assert Booking.objects.filter(meeting__in=keys, status=Booking.Status.PAID).count() == 20
    for meeting in Meeting.objects.filter(pk__in=keys):
        assign_link(meeting)
    history.drop_requests(keys)
    assert Meeting.objects.count() == Booking.objects.count() == 1_000


def _rules() -> set[tuple[str, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE conrelid IN ('meetings_meeting'::regclass, 'bookings_booking'::regclass) UNION"
            " SELECT indexname, indexdef FROM pg_indexes WHERE tablename IN ('meetings_meeting', 'bookings_booking')"
        )
        return set(cursor.fetchall())
