"""Random lives of a pool, step by step against a model that is reckoned in Python."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from bookings.models import Booking
from bookings.times import During
from meetings.errors import NoLinkLeft
from meetings.links import cordon_link, retire_link, uncordon_link
from meetings.models import Meeting, MeetingLink
from meetings.planning import drop_meeting
from meetings.pool import assign_link, links_free_at
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
    """`taken` is the model: for each link the times at which it is used."""

    def __init__(self) -> None:
        super().__init__()
        self.savepoint: Any = transaction.atomic()
        self.savepoint.__enter__()
        self.taken: dict[int, dict[int, During]] = {}
        self.open: set[int] = set()
        self.bookings: dict[int, Booking] = {}

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.savepoint.__exit__(None, None, None)

    def fits(self, link: int, during: During) -> bool:
        others = self.taken[link].values()
        return all(during.end + REST <= other.start or other.end + REST <= during.start for other in others)

    @initialize(number=st.integers(0, 4))
    def fill(self, number: int) -> None:
        for _ in range(number):
            self.add()

    @rule()
    def add(self) -> None:
        link = make_link()
        self.taken[link.pk] = {}
        self.open.add(link.pk)

    @rule(during=TIMES)
    def assign(self, during: During) -> None:
        meeting = make_meeting(paid_booking(during))
        free = [link for link in sorted(self.open) if self.fits(link, during)]
        assert [link.pk for link in links_free_at(during)] == free
        if not free:
            with pytest.raises(NoLinkLeft):
                assign_link(meeting)
            return
        assert assign_link(meeting).pk == free[0]  # first fit
        self.taken[free[0]][meeting.pk] = during
        self.bookings[meeting.pk] = meeting.booking

    @precondition(lambda self: self.bookings)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.bookings)))
        drop_meeting(self.bookings.pop(key))
        for uses in self.taken.values():
            uses.pop(key, None)

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
        retire_link(MeetingLink.objects.get(pk=key))
        self.open.discard(key)
        moved = sorted(self.taken.pop(key).items(), key=lambda use: (use[1].start, use[1].end, use[0]))
        for meeting, during in moved:
            free = [link for link in sorted(self.open) if self.fits(link, during)]
            if free:
                self.taken[free[0]][meeting] = during
        self.agree()

    def agree(self) -> None:
        """The database holds what the model holds, and no two uses of a link overlap."""
        held = Meeting.objects.holding_links().values_list("link", "pk")
        assert set(held) == {(link, meeting) for link, uses in self.taken.items() for meeting in uses}
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
