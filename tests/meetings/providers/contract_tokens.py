"""Tokens that are refused: one renewal and one repeat, then its owner must act."""

from __future__ import annotations

import pytest

from meetings.providers.base import Access, RoomMaker
from tests.meetings.making import lesson
from tests.meetings.providers.asking import WithVendor, facts, ready_room, room_request
from tests.meetings.providers.vendors import DoubledVendor, IssuedAccess


class TokenContract(WithVendor[DoubledVendor]):
    def test_refused_token_is_renewed_once_and_the_call_repeated(
        self, vendor: DoubledVendor, maker: RoomMaker, access: Access | None
    ):
        vendor.refuse_token()
        room = ready_room(maker, room_request(), access)
        vendor.refuse_token()
        maker.move(room.external_id, room_request(during=lesson(600)), access)
        vendor.refuse_token()
        assert facts(maker.check(room.external_id, access)) == facts(room)
        vendor.refuse_token()
        maker.cancel(room.external_id, access)
        assert len(vendor.rooms()) <= 1
        assert not isinstance(access, IssuedAccess) or len(access.renewals) == 4

    @pytest.mark.defect("IT-18")
    def test_token_refused_again_needs_its_owner(self, vendor: DoubledVendor, maker: RoomMaker, access: Access | None):
        room = ready_room(maker, room_request(), access)
        vendor.refuse_every_token()
        asked = len(vendor.double.requests)
        for ask in (
            lambda: maker.create(room_request("BK-23456789BC-7"), access),
            lambda: maker.move(room.external_id, room_request(during=lesson(600)), access),
            lambda: maker.cancel(room.external_id, access),
            lambda: maker.check(room.external_id, access),
        ):
            with pytest.raises(vendor.refused):
                ask()
        assert len(vendor.double.requests) - asked == 8
        assert len(vendor.open_rooms()) == 1

    def test_trouble_tells_no_token_and_no_address(self, vendor: DoubledVendor, maker: RoomMaker, access: Access | None):
        vendor.refuse_every_token()
        with pytest.raises(vendor.refused) as caught:
            maker.create(room_request(), access)
        told = f"{caught.value} {caught.value.detail} {caught.value.code}"
        for secret in ("http", "example.com", "Bearer", "eyJ", *([access.token()] if access else [])):
            assert secret not in told
