"""What tests of paying may ask for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import responses

from bookings.models import Booking, Order, Tutor, User
from bookings.signals import booking_paid
from payments.models import Payment
from tests.factories import make_booking, make_payment
from tests.payments import tills as companies


@pytest.fixture
def vendor() -> Iterator[responses.RequestsMock]:
    """The vendors' side of HTTP: whatever is not served here cannot be reached."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as fake:
        yield fake


@pytest.fixture
def booking(ada: Tutor, sam: User) -> Booking:
    """Sam's hold with Ada in an order that waits for payment."""
    return make_booking(sam, ada)


@pytest.fixture
def order(booking: Booking) -> Order:
    """Sam's order, which waits for payment."""
    return booking.order


@pytest.fixture
def tills(settings: Any) -> None:
    """Two gateways in memory, "north" and "south", in the place of the real ones."""
    settings.PAYMENT_GATEWAYS = companies.GATEWAYS
    companies.North.reset()
    companies.South.reset()


@pytest.fixture
def payment(booking: Booking) -> Payment:
    """Sam's attempt to pay it at Midtrans."""
    return make_payment(booking.order)


@pytest.fixture
def news() -> Iterator[list[str]]:
    """What `booking_paid` told, by reference."""
    heard: list[str] = []

    def hear(booking: Booking, **_news: object) -> None:
        heard.append(booking.reference)

    booking_paid.connect(hear)
    yield heard
    booking_paid.disconnect(hear)
