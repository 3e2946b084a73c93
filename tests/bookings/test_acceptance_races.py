"""Answers that come at the very same moment: one wins, the other is told, and nothing is left in between."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from bookings.acceptance import accept_booking, accept_proposal, decline_booking, propose_time
from bookings.asking import request_booking, withdraw_request
from bookings.errors import DomainError, RequestAnswered, SlotTaken
from bookings.holds import place_hold
from bookings.models import Booking, Change, Notice, Order, SessionType, Tutor, User
from bookings.orders import expire_unpaid, mark_order_paid
from tests.factories import make_user, tomorrow
from tests.race import race
from tests.requests_made import accepted, ask, proposed

pytestmark = pytest.mark.django_db(transaction=True)
Status = Booking.Status
ROUNDS = range(4)


@pytest.fixture(autouse=True)
def _ada_approves_first(ada: Tutor) -> None:
    ada.approves_first = True
    ada.save()


def race_all(*verbs: Callable[[], object]) -> list[type[BaseException] | None]:
    """Run these at once and return what each raised."""
    return [type(one.error) if one.error else None for one in race(lambda n: verbs[n](), threads=len(verbs))]


def end_soon(booking: Booking) -> None:
    """Let the deadline fall into the race."""
    end = timezone.now() + timedelta(milliseconds=15)
    Order.objects.filter(pk=booking.order_id).update(expires_at=end)
    Booking.objects.filter(pk=booking.pk).update(held_until=end)


def statuses(booking: Booking) -> tuple[str, str]:
    found = Booking.objects.select_related("order").get(pk=booking.pk)
    return found.status, found.order.status


@pytest.mark.parametrize("round_", ROUNDS)
def test_accept_and_decline_and_withdraw_at_once(maths: SessionType, sam: User, round_: int):
    booking, tutor = ask(maths, sam), maths.tutor.user
    errors = race_all(
        lambda: accept_booking(booking, who=tutor),
        lambda: decline_booking(booking, who=tutor, why="I am ill."),
        lambda: propose_time(booking, starts_at=tomorrow(15), who=tutor),
        lambda: withdraw_request(booking, who=sam),
    )
    assert set(errors) <= {None, RequestAnswered}
    assert statuses(booking) in {
        (Status.ACCEPTED, "awaiting_payment"),
        (Status.DECLINED, "cancelled"),
        (Status.CANCELLED, "cancelled"),
    }
    ends = Change.objects.filter(booking=booking, became__in=[Status.DECLINED, Status.CANCELLED])
    assert ends.count() == (0 if statuses(booking)[0] == Status.ACCEPTED else 1)


def test_two_tabs_accept_once(maths: SessionType, sam: User):
    booking = ask(maths, sam)
    assert race_all(*[lambda: accept_booking(booking, who=maths.tutor.user)] * 6) == [None] * 6
    assert Change.objects.filter(booking=booking, became=Status.ACCEPTED).count() == 1
    assert Notice.objects.filter(fact=Notice.Fact.ACCEPTED).count() == 1


@pytest.mark.parametrize("round_", ROUNDS)
@pytest.mark.defect("CE-29")
def test_accept_against_expiry(maths: SessionType, sam: User, round_: int):
    booking = ask(maths, sam)
    end_soon(booking)
    late = timezone.now() + timedelta(milliseconds=16 if round_ % 2 else 1)
    errors = race_all(lambda: accept_booking(booking, who=maths.tutor.user), lambda: expire_unpaid(now=late))
    expire_unpaid(now=timezone.now())
    expected = (Status.EXPIRED, "expired") if errors[0] else (Status.ACCEPTED, "awaiting_payment")
    assert errors[0] in (None, RequestAnswered)
    assert statuses(booking) == expected
    facts = set(Notice.objects.exclude(fact=Notice.Fact.REQUESTED).values_list("fact", flat=True))
    assert facts == ({Notice.Fact.UNANSWERED} if errors[0] else {Notice.Fact.ACCEPTED})


@pytest.mark.parametrize("round_", ROUNDS)
def test_payment_of_an_accepted_request_against_expiry(maths: SessionType, sam: User, round_: int):
    booking = accepted(maths, sam)
    end_soon(booking)
    late = timezone.now() + timedelta(milliseconds=20)
    errors = race_all(lambda: mark_order_paid(booking.order), lambda: expire_unpaid(now=late))
    assert errors == [None, None]  # late by a moment, and the time is still free: it is revived
    assert statuses(booking) == (Status.PAID, "paid")


@pytest.mark.parametrize("round_", ROUNDS)
def test_request_against_the_proposal_of_the_same_time(maths: SessionType, sam: User, kim: User, round_: int):
    booking = ask(maths, sam)
    errors = race_all(
        lambda: propose_time(booking, starts_at=tomorrow(15), who=maths.tutor.user),
        lambda: request_booking(maths, starts_at=tomorrow(15), student=kim),
    )
    assert sorted([errors[0] is None, errors[1] is None]) == [False, True]
    assert SlotTaken in errors
    assert Booking.objects.active().filter(during__startswith=tomorrow(15)).count() == 1


@pytest.mark.parametrize("round_", ROUNDS)
def test_two_requests_proposed_into_each_others_time_never_lock_each_other_out(maths: SessionType, round_: int):
    first = ask(maths, make_user())
    second = ask(maths, make_user(), starts_at=tomorrow(15))
    errors = race_all(
        lambda: propose_time(first, starts_at=tomorrow(15), who=maths.tutor.user),
        lambda: propose_time(second, starts_at=tomorrow(12), who=maths.tutor.user),
    )
    assert all(error is None or issubclass(error, DomainError) for error in errors)
    assert Booking.objects.active().count() == 2


def test_student_agrees_while_the_tutor_takes_the_proposal_back(maths: SessionType, sam: User):
    booking = proposed(maths, sam)
    errors = race_all(
        lambda: accept_proposal(booking, who=sam),
        lambda: decline_booking(booking, who=maths.tutor.user, why="I am ill."),
    )
    assert sorted(map(str, errors)) == sorted(map(str, [None, RequestAnswered]))


def test_request_against_hold_of_a_tutor_who_changes_their_mind(maths: SessionType, ada: Tutor):
    """A page that is open still holds while another one asks: the slot goes to one of them."""
    plain = SessionType.objects.select_related("tutor__user").get(pk=maths.pk)
    plain.tutor.approves_first = False
    students = [make_user(), make_user()]
    errors = race_all(
        lambda: request_booking(maths, starts_at=tomorrow(), student=students[0]),
        lambda: place_hold(plain, starts_at=tomorrow(), student=students[1]),
    )
    assert sorted(map(str, errors)) == sorted(map(str, [None, SlotTaken]))
