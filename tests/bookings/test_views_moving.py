"""The pages on which a session is moved."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.test import Client

from bookings.models import Booking, Change, Order, Tutor, User
from tests.factories import an_hour, make_booking, make_order, make_tutor, make_user, tomorrow
from tests.pages import queries_of, slots_on, text_of

pytestmark = pytest.mark.django_db
OLD, NEW = tomorrow(12, days=3), tomorrow(15, days=4)


@pytest.fixture
def booking(ada: Tutor, sam: User, kim: User) -> Booking:
    """Sam's session with Ada in three days, which Kim paid."""
    order = make_order(kim, status=Order.Status.PAID)
    return make_booking(sam, ada, during=an_hour(OLD), status=Booking.Status.PAID, order=order)


@pytest.fixture
def people(ada: Tutor, sam: User, kim: User) -> dict[str, User]:
    return {"sam": sam, "kim": kim, "ada": ada.user}


def page_of(booking: Booking) -> str:
    return f"{booking.get_absolute_url()}move/"


@pytest.mark.defect("TB-18")
@pytest.mark.parametrize(("who", "why"), [("sam", ""), ("kim", ""), ("ada", "A meeting came up")])
def test_session_is_moved_from_the_booking_page_in_three_steps(client: Client, booking, people, who, why):
    client.force_login(people[who])
    assert page_of(booking) in client.get(booking.get_absolute_url()).content.decode()

    chosen = NEW.isoformat()
    assert chosen in slots_on(client.get(page_of(booking)))
    confirm = client.get(page_of(booking), {"starts_at": chosen})
    assert "Move to this time?" in text_of(confirm)
    assert Change.objects.count() == 0  # looking changes nothing
    done = client.post(page_of(booking), {"starts_at": chosen, "why": why}, follow=True)

    assert done.redirect_chain == [(booking.get_absolute_url(), 303)]
    assert "The session is moved" in text_of(done)
    assert "Moved from" in text_of(done)
    assert why in text_of(done)  # the page tells it as the mail does
    booking.refresh_from_db()
    assert booking.starts_at == NEW


def test_old_and_new_time_stand_side_by_side_in_the_readers_zone(client: Client, booking, kim):
    client.force_login(kim)  # Berlin
    page = text_of(client.get(page_of(booking), {"starts_at": NEW.isoformat()}))
    new, old = page.index("16:00"), page.index("13:00")
    assert page.index("New time") < new < page.index("Old time") < old
    assert "Europe/Berlin" in page
    assert "You can move it 1 more time after this." in page


def test_time_that_is_too_near_for_a_free_cancellation_is_pointed_out(client: Client, ada, sam):
    booking = make_booking(sam, ada, during=an_hour(OLD), status=Booking.Status.PAID)
    near = tomorrow(20)
    with time_machine.travel(near - timedelta(hours=11), tick=False):
        for reader, words in [(sam, "no longer free: 50% comes back"), (ada.user, "agree on it with the student first")]:
            client.force_login(reader)
            assert words in text_of(client.get(page_of(booking), {"starts_at": near.isoformat()}))
            assert words not in text_of(client.get(page_of(booking), {"starts_at": NEW.isoformat()}))


def test_tutor_who_says_nothing_is_asked_why_and_keeps_the_choice(client: Client, booking, ada):
    client.force_login(ada.user)
    answer = client.post(page_of(booking), {"starts_at": NEW.isoformat(), "why": "  "})
    assert answer.status_code == 400
    assert "Please say why" in text_of(answer)
    assert "Move to this time?" in text_of(answer)
    booking.refresh_from_db()
    assert booking.starts_at == OLD


@pytest.mark.defect("IT-31", "IT-14")
def test_nothing_but_the_start_is_believed_of_a_form(client: Client, booking, sam):
    client.force_login(sam)
    wish = {"starts_at": NEW.isoformat(), "minutes": "180", "ends_at": (NEW + timedelta(hours=3)).isoformat(), "price": "1"}
    client.post(page_of(booking), wish)
    booking.refresh_from_db()
    assert (booking.time, booking.minutes, booking.price) == (an_hour(NEW), 60, 150_000)


@pytest.mark.parametrize(
    ("typed", "status"),
    [
        ("", 400),
        ("tomorrow", 400),
        ("2026-11-31T10:00:00Z", 400),
        ("1900-01-01T10:00:00Z", 400),
        ("9999-01-01T10:00:00Z", 400),
        (NEW.replace(tzinfo=None).isoformat(), 400),
        (f"{NEW.isoformat()}\0", 400),
        ((NEW + timedelta(minutes=7)).isoformat(), 200),
    ],
)
def test_slot_typed_by_hand_gets_one_clear_sentence(client: Client, booking, sam, typed, status):
    client.force_login(sam)
    looked = client.get(page_of(booking), {"starts_at": typed})
    assert looked.status_code == 200
    assert slots_on(looked)
    sent = client.post(page_of(booking), {"starts_at": typed})
    assert sent.status_code == (400 if status == 400 else 409)
    booking.refresh_from_db()
    assert (booking.starts_at, booking.moves) == (OLD, 0)


@pytest.mark.defect("IT-14", "TB-19")
def test_slot_that_somebody_else_took_meanwhile_is_refused_with_others_beside_it(client: Client, booking, ada, sam):
    client.force_login(sam)
    make_booking(make_user(), ada, during=an_hour(NEW), status=Booking.Status.PAID)
    looked = client.get(page_of(booking), {"starts_at": NEW.isoformat()})
    assert "not open any more" in text_of(looked)

    sent = client.post(page_of(booking), {"starts_at": NEW.isoformat()})
    assert sent.status_code == 409
    assert "somebody else has just taken this time" in text_of(sent)
    assert NEW.isoformat() not in slots_on(sent)
    assert 'method="get"' in sent.content.decode()  # pressing one of them leads to the question again
    assert page_of(booking) in sent.content.decode()


def test_session_that_cannot_be_moved_says_why_and_until_when_it_could(client: Client, booking, sam, settings):
    client.force_login(sam)
    settings.MOVE_UNTIL_HOURS = 24 * 14
    page = client.get(page_of(booking))
    assert "This session stays where it is" in text_of(page)
    assert "You could move it until" in text_of(page)
    assert "You could move it until" in text_of(client.get(booking.get_absolute_url()))
    assert client.post(page_of(booking), {"starts_at": NEW.isoformat()}).status_code == 409


def test_days_far_ahead_begin_shortly_before_the_session(client: Client, ada, sam):
    far = make_booking(sam, ada, during=an_hour(tomorrow(12, days=40)), status=Booking.Status.PAID)
    client.force_login(sam)
    first = slots_on(client.get(page_of(far)))[0]
    assert tomorrow(0, days=36).isoformat() < first < tomorrow(23, days=37).isoformat()


def test_tutor_without_a_free_time_is_said_to_have_none(client: Client, sam):
    tutor = make_tutor(hours=[])
    booking = make_booking(sam, tutor, during=an_hour(OLD), status=Booking.Status.PAID)
    client.force_login(sam)
    assert "No free times" in text_of(client.get(page_of(booking)))


def test_pages_take_as_many_queries_for_a_busy_tutor_as_for_an_idle_one(client: Client, booking, ada, sam):
    client.force_login(sam)
    paths = [page_of(booking), f"{page_of(booking)}?starts_at={NEW.isoformat().replace('+', '%2B')}"]
    idle = [queries_of(client, path) for path in paths]
    for hour in range(20):
        make_booking(make_user(), ada, during=an_hour(tomorrow(hour, days=5)), status=Booking.Status.PAID)
    assert [queries_of(client, path) for path in paths] == idle
    assert max(idle) <= 12
