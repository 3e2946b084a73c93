"""Random lives of a pool, step by step against a model that is reckoned in Python."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from bookings.models import Booking, Change
from bookings.times import During
from meetings.errors import NoLinkLeft
from meetings.links import cordon_link, retire_link, uncordon_link
from meetings.models import Meeting, MeetingLink
from meetings.planning import drop_meeting
from meetings.pool import assign_link, links_free_at
from meetings.repacking import WHY
from tests.factories import make_link, make_meeting
from tests.meetings.making import overlaps_on_one_link, paid_booking

REST = timedelta(minutes=10)
# Around midnight UTC, and around the night on which clocks in Europe are put back: both must change nothing.
DAWN = datetime(2031, 10, 25, 20, 0, tzinfo=UTC)
TIMES = st.builds(
    lambda start, minutes: During(DAWN + timedelta(minutes=start), DAWN + timedelta(minutes=start + minutes)),
    st.integers(0, 600).map(lambda number: number * 5 % 600),
    st.sampled_from([5, 30, 50, 60, 90, 240]),
)


class PoolLife(RuleBasedStateMachine):
    """`placed` is the model: the sessions that have a link. Nobody has seen an address, so all may change links, and
    there is room for one more whenever fewer sessions overlap than links are open, whatever link each of them has."""

    def __init__(self) -> None:
        super().__init__()
        self.savepoint: Any = transaction.atomic()
        self.savepoint.__enter__()
        self.open: set[int] = set()
        self.placed: dict[int, During] = {}
        self.bookings: dict[int, Booking] = {}

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.savepoint.__exit__(None, None, None)

    def has_room(self, during: During) -> bool:
        asked = During(during.start, during.end + REST)
        near = [other for one in self.placed.values() if (other := During(one.start, one.end + REST)).overlaps(asked)]
        starts = [asked.start, *(one.start for one in near if one.start > asked.start)]
        return all(sum(one.start <= start < one.end for one in near) < len(self.open) for start in starts)

    @initialize(number=st.integers(0, 4))
    def fill(self, number: int) -> None:
        for _ in range(number):
            self.add()

    @rule()
    def add(self) -> None:
        self.open.add(make_link().pk)

    @rule(during=TIMES)
    def assign(self, during: During) -> None:
        meeting = make_meeting(paid_booking(during))
        if not self.has_room(during):
            with pytest.raises(NoLinkLeft):
                assign_link(meeting)
            return
        free, moves = list(links_free_at(during)), Change.objects.filter(why=WHY).count()
        link = assign_link(meeting)
        self.placed[meeting.pk] = during
        self.bookings[meeting.pk] = meeting.booking
        assert link.pk in self.open
        assert not free or (link in free and Change.objects.filter(why=WHY).count() == moves)
        self.agree()

    @precondition(lambda self: self.bookings)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.bookings)))
        drop_meeting(self.bookings.pop(key))
        self.placed.pop(key, None)

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def cordon_and_bring_back(self, data: st.DataObject) -> None:
        link = MeetingLink.objects.get(pk=data.draw(st.sampled_from(sorted(self.open))))
        cordon_link(link)
        assert link not in links_free_at(During(DAWN + timedelta(days=30), DAWN + timedelta(days=31)))
        uncordon_link(link)

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def retire(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.open)))
        on_link = Meeting.objects.holding_links().filter(link=key).order_by("during", "pk")
        leaving = {meeting: self.placed.pop(meeting) for meeting in on_link.values_list("pk", flat=True)}
        retire_link(MeetingLink.objects.get(pk=key))
        self.open.discard(key)
        for meeting, during in leaving.items():
            if self.has_room(during):
                self.placed[meeting] = during
        self.agree()

    def agree(self) -> None:
        """The database holds what the model holds, on open links, and no two uses of a link overlap."""
        held = dict(Meeting.objects.holding_links().values_list("pk", "link"))
        assert (set(held), set(held.values()) <= self.open) == (set(self.placed), True)
        assert overlaps_on_one_link() == []


@pytest.mark.django_db
def test_pool_behaves_as_its_model_does_in_every_life():
    rules = settings(
        max_examples=25,
        stateful_step_count=20,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    run_state_machine_as_test(PoolLife, settings=rules)
