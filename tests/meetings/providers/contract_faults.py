"""Answers that are lost, broken, late or wrong: the outcome is unknown, and asking again makes nothing twice."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bookings.doubles.server import Fault
from meetings.errors import ProviderUnavailable
from meetings.providers.base import Access, RoomMaker
from tests.meetings.making import lesson
from tests.meetings.providers.asking import KEY, TUTOR, WithVendor, facts, ready_room, room_request
from tests.meetings.providers.vendors import DoubledVendor

FINE_WHEN_EMPTY = (Fault.SLOW, Fault.CUT, Fault.GARBLED, Fault.HUGE)  # an answer of status 204 has no body to spoil
every_fault = pytest.mark.parametrize("fault", list(Fault))


class FaultContract(WithVendor[DoubledVendor]):
    """Every fault with every call of every verb."""

    @every_fault
    @pytest.mark.defect("IT-03")
    @pytest.mark.defect("TB-07")
    def test_room_whose_answer_was_lost_is_one_after_the_retry(
        self, vendor: DoubledVendor, maker: RoomMaker, access: Access | None, fault: Fault
    ):
        for number, call in enumerate(vendor.calls["create"]):
            request = room_request(f"BK-23456789BC-{number}")
            vendor.double.fail_next(fault, call)
            with pytest.raises(ProviderUnavailable):
                ready_room(vendor.hasty(), request, access)
            assert not vendor.double.faults
            room = ready_room(maker, request, access)
            assert facts(ready_room(maker, request, access)) == facts(room)
            assert len(vendor.rooms()) == number + 1

    @every_fault
    def test_room_whose_answer_was_lost_can_be_found_and_closed(
        self, vendor: DoubledVendor, maker: RoomMaker, access: Access | None, fault: Fault
    ):
        vendor.double.fail_next(fault, vendor.calls["create"][0])
        with pytest.raises(ProviderUnavailable):
            ready_room(vendor.hasty(), room_request(), access)
        found = maker.find(KEY, access, TUTOR)
        assert (found is not None) == bool(vendor.rooms())
        if found is not None:
            maker.cancel(found.external_id, access)
        assert not vendor.open_rooms()

    @every_fault
    def test_move_that_went_wrong_is_done_again(
        self, vendor: DoubledVendor, maker: RoomMaker, access: Access | None, fault: Fault
    ):
        room = ready_room(maker, room_request(), access)
        moved = room_request(during=lesson(600, 90))
        for call in vendor.calls.get("move", ()):
            self._go_wrong(vendor, fault, call, lambda: vendor.hasty().move(room.external_id, moved, access))
        assert facts(maker.move(room.external_id, moved, access)) == facts(room)
        held = vendor.room(room.external_id)
        assert not vendor.keeps_times or (held.starts_at, held.ends_at) == (moved.during.start, moved.during.end)

    @every_fault
    def test_closing_that_went_wrong_is_done_again(
        self, vendor: DoubledVendor, maker: RoomMaker, access: Access | None, fault: Fault
    ):
        room = ready_room(maker, room_request(), access)
        for call in vendor.calls["cancel"]:
            self._go_wrong(vendor, fault, call, lambda: vendor.hasty().cancel(room.external_id, access))
        maker.cancel(room.external_id, access)
        assert not vendor.open_rooms()

    @every_fault
    def test_room_is_never_gone_because_an_answer_was_lost(
        self, vendor: DoubledVendor, maker: RoomMaker, access: Access | None, fault: Fault
    ):
        room = ready_room(maker, room_request(), access)
        for call in vendor.calls["check"]:
            vendor.double.fail_next(fault, call)
            with pytest.raises(ProviderUnavailable):
                vendor.hasty().check(room.external_id, access)
        assert facts(maker.check(room.external_id, access)) == facts(room)

    def _go_wrong(self, vendor: DoubledVendor, fault: Fault, call: str, ask: Callable[[], object]) -> None:
        vendor.double.fail_next(fault, call)
        if fault in FINE_WHEN_EMPTY:
            ask_quietly(ask)
            return
        with pytest.raises(ProviderUnavailable):
            ask()


def ask_quietly(ask: Callable[[], object]) -> None:
    try:
        ask()
    except ProviderUnavailable:
        return
