"""News is sent after the commit, and trouble of those who hear it goes no further than the log."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction
from django.dispatch import Signal

from bookings.errors import DomainError
from bookings.holds import place_hold
from bookings.models import Booking, Order
from bookings.orders import mark_order_paid
from bookings.signals import booking_paid, holding_slot, send_after_commit
from tests.factories import make_booking, tomorrow

pytestmark = pytest.mark.django_db(transaction=True)


class Ear:
    """A receiver that remembers what it heard, and fails when it is told to."""

    def __init__(self, signal: Signal, error: Exception | None = None) -> None:
        self.heard: list[Any] = []
        self.error = error
        self.signal = signal
        signal.connect(self.hear)

    def hear(self, sender: type, **news: Any) -> None:
        self.heard.append(news.get("booking") or news.get("session_type"))
        if self.error:
            raise self.error


class Nameless:
    def __call__(self, sender: type, **news: Any) -> None:
        raise RuntimeError


@pytest.fixture
def listen() -> Iterator[Any]:
    """Make receivers that are gone after the test."""
    ears: list[Ear] = []

    def make(signal: Signal, error: Exception | None = None) -> Ear:
        ears.append(Ear(signal, error))
        return ears[-1]

    yield make
    for ear in ears:
        ear.signal.disconnect(ear.hear)


@pytest.fixture
def booking(ada, sam) -> Booking:
    """A held booking of an order that waits for payment."""
    return make_booking(sam, ada)


def test_news_waits_for_the_commit(listen, booking):
    ear = listen(booking_paid)

    with transaction.atomic():
        mark_order_paid(booking.order)
        assert ear.heard == []

    assert ear.heard == [booking]


def test_news_of_what_was_rolled_back_is_never_sent(listen, booking):
    ear = listen(booking_paid)

    with transaction.atomic():
        mark_order_paid(booking.order)
        transaction.set_rollback(True)

    assert ear.heard == []
    booking.order.refresh_from_db()
    assert booking.order.status == Order.Status.AWAITING_PAYMENT


def test_trouble_of_one_receiver_undoes_nothing_and_the_next_still_hears(listen, booking, caplog):
    broken, sound = listen(booking_paid, RuntimeError("no room")), listen(booking_paid)

    mark_order_paid(booking.order)

    booking.refresh_from_db()
    assert (booking.status, booking.order.is_paid) == (Booking.Status.PAID, True)
    assert (broken.heard, sound.heard) == ([booking], [booking])
    assert [record.message for record in caplog.records if record.name == "linkpool.signals"] == ["receiver failed"]


def test_paying_twice_sends_the_news_once(listen, booking):
    ear = listen(booking_paid)

    mark_order_paid(booking.order)
    mark_order_paid(booking.order)

    assert ear.heard == [booking]


def test_news_that_cannot_be_sent_does_not_stop_the_next(listen):
    broken, sound = Signal(), Signal()
    nameless = Nameless()  # Django cannot even log its failure
    broken.connect(nameless)
    ear = listen(sound)

    with transaction.atomic():
        send_after_commit(broken, Booking, booking=1)
        send_after_commit(sound, Booking, booking=2)

    assert ear.heard == [2]


def test_a_question_is_asked_before_the_slot_is_held_and_can_refuse_it(listen, maths, sam):
    class NoRoom(DomainError):
        pass

    ear = listen(holding_slot, NoRoom())

    with pytest.raises(NoRoom):
        place_hold(maths, starts_at=tomorrow(), student=sam)

    assert ear.heard == [maths]
    assert not Booking.objects.exists()
