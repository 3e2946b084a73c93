"""What is made for one person stays out of caches."""

from __future__ import annotations

import pytest
from django.test import Client

from bookings.models import Tutor, User
from tests.factories import make_booking


@pytest.mark.parametrize(
    "path",
    ["/", "/bookings/", "/bookings/{booking}/", "/cart/", "/profile/", "/orders/{order}/", "/orders/{order}/state/", "/no/"],
)
def test_page_for_somebody_is_kept_in_no_cache(client: Client, ada: Tutor, sam: User, path: str):
    booking = make_booking(sam, ada)
    client.force_login(sam)
    answer = client.get(path.format(booking=booking.reference, order=booking.order.reference))
    assert "private" in answer["Cache-Control"]
    assert "no-store" in answer["Cache-Control"]


def test_page_for_everybody_may_be_kept(client: Client, ada: Tutor):
    assert "Cache-Control" not in client.get("/tutors/ada/")
