"""Pages that are not to be paid any more are closed at their gateways, whatever is lost on the way."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from bookings.cancellation import cancel_booking, preview_cancellation
from bookings.models import Order, User
from bookings.orders import expire_unpaid, release_order
from payments.closing import close_due, enqueue_due_closes, make_round, next_close
from payments.gateways.base import Outcome
from payments.inquiries import ask_gateway
from payments.models import Payment, Refund
from payments.settlement import record_report
from payments.tasks import close_superseded
from tests.conftest import Drain
from tests.factories import make_payment
from tests.payments.test_attempts import begin, state_of
from tests.payments.test_settlement import report_of
from tests.payments.tills import REFUSING, SILENT, North, South
from tests.race import race

Status = Payment.Status
Captured = Callable[..., Any]
pytestmark = pytest.mark.usefixtures("tills")
CLOSED, OPEN = (Status.EXPIRED, True, True), (Status.PENDING, False, False)


def end_of(order: Order) -> datetime:
    assert order.expires_at is not None
    return order.expires_at


def let_a_minute_pass(drain: Drain) -> None:
    """One round of the periodic job, and what it enqueues."""
    close_superseded(0)
    drain()


def test_page_is_closed_at_the_deadline_of_its_order(order: Order, drain: Drain):
    payment = begin(order)
    let_a_minute_pass(drain)
    assert state_of(payment) == OPEN
    with time_machine.travel(end_of(order) + timedelta(seconds=1)):
        let_a_minute_pass(drain)
        assert state_of(payment) == CLOSED
        let_a_minute_pass(drain)
    assert North.closed == [payment.reference]


@pytest.mark.defect("TB-27")
def test_expired_order_cannot_be_paid_on_a_page_left_open(order: Order, drain: Drain):
    payment = begin(order)
    Payment.objects.update(expires_at=end_of(order) + timedelta(minutes=5))  # a page that outlives the order
    with time_machine.travel(end_of(order) + timedelta(seconds=1)):
        expire_unpaid(now=timezone.now())
        let_a_minute_pass(drain)
    assert North.pages[payment.reference].outcome is Outcome.CANCELLED


@pytest.mark.defect("TB-27")
def test_payment_found_at_the_deadline_still_books(order: Order, drain: Drain):
    payment = begin(order)
    North.pay(payment)
    with time_machine.travel(end_of(order) + timedelta(seconds=1)):
        expire_unpaid(now=timezone.now())
        let_a_minute_pass(drain)
    order.refresh_from_db()
    assert (state_of(payment)[0], order.status) == (Status.SUCCEEDED, Order.Status.PAID)
    assert payment.next_close_at is None
    assert not Refund.objects.exists()


def test_attempt_is_asked_once_more_shortly_before_the_deadline(order: Order, drain: Drain):
    payment = begin(order)
    North.pay(payment)  # and no message of it comes
    Payment.objects.update(next_check_at=end_of(order) + timedelta(minutes=2))
    with time_machine.travel(end_of(order) - timedelta(seconds=80), tick=False):
        let_a_minute_pass(drain)
        assert state_of(payment) == OPEN
    with time_machine.travel(end_of(order) - timedelta(seconds=45), tick=False):
        let_a_minute_pass(drain)
    order.refresh_from_db()
    assert (order.status, North.closed) == (Order.Status.PAID, [])


def test_attempt_is_asked_before_the_deadline_once_and_not_in_every_round(order: Order, drain: Drain):
    payment = begin(order)
    for seconds in (74, 14):
        with time_machine.travel(end_of(order) - timedelta(seconds=seconds), tick=False):
            let_a_minute_pass(drain)
    payment.refresh_from_db()
    assert payment.checks == 1


def test_page_of_an_order_paid_by_another_attempt_is_closed_at_once(
    order: Order, drain: Drain, django_capture_on_commit_callbacks: Captured
):
    other = make_payment(order, gateway="south", next_check_at=timezone.now())
    payment = begin(order)
    with django_capture_on_commit_callbacks(execute=True):
        record_report(other, report_of(other))
    drain()
    assert state_of(payment) == CLOSED


@pytest.mark.defect("IT-27")
def test_page_of_a_cancelled_order_is_closed_at_once(
    order: Order, sam: User, drain: Drain, django_capture_on_commit_callbacks: Captured
):
    payment, booking = begin(order), order.bookings.with_people().get()
    with django_capture_on_commit_callbacks(execute=True):
        cancel_booking(booking, who=sam, seen=preview_cancellation(booking, sam).back)
    drain()
    assert state_of(payment) == CLOSED


@pytest.mark.parametrize("lost", ["released", "paid", "superseded"])
def test_rounds_alone_close_what_lost_news_and_jobs_left(order: Order, drain: Drain, lost: str):
    payment = begin(order)
    if lost == "released":
        release_order(order, why="no payment page")
    elif lost == "paid":
        other = make_payment(order, gateway="south")
        record_report(other, report_of(other))
    else:  # whoever began the newer attempt died before closing this one
        make_payment(order, gateway="south", checkout_url="https://south.test/", next_check_at=timezone.now())
    assert state_of(payment) == OPEN
    let_a_minute_pass(drain)
    assert state_of(payment) == CLOSED


@pytest.mark.parametrize("trouble", [SILENT, REFUSING])
def test_page_that_could_not_be_closed_is_tried_again_with_growing_pauses(order: Order, drain: Drain, trouble: Any):
    payment, end = begin(order), end_of(order)
    North.trouble = trouble
    pauses = []
    with time_machine.travel(end + timedelta(seconds=1), tick=False) as clock:
        for _round in range(8):
            let_a_minute_pass(drain)
            payment.refresh_from_db()
            assert payment.next_close_at is not None
            pauses.append(round((payment.next_close_at - timezone.now()).total_seconds() / 60))
            clock.move_to(payment.next_close_at)
        assert pauses == [1, 1, 2, 4, 8, 16, 30, 30]
        North.trouble = None
        let_a_minute_pass(drain)
    assert state_of(payment) == CLOSED


def test_page_is_given_up_a_day_after_its_end(order: Order):
    payment = begin(order)
    payment.superseded_at = timezone.now()
    assert next_close(payment, payment.expires_at + timedelta(hours=23)) is not None
    assert next_close(payment, payment.expires_at + timedelta(hours=25)) is None


def test_attempt_is_asked_about_after_it_was_closed(order: Order, drain: Drain):
    first = begin(order)
    begin(order, "south")
    first.refresh_from_db()
    assert first.next_check_at is not None
    North.pages[first.reference].outcome = Outcome.PENDING  # it said "closed", and the money came all the same
    North.pay(first)
    ask_gateway(first)
    order.refresh_from_db()
    assert order.is_paid
    drain()
    let_a_minute_pass(drain)
    assert [page.outcome for page in South.pages.values()] == [Outcome.CANCELLED]


def test_try_begun_on_a_closed_page_has_it_closed_again(order: Order, drain: Drain):
    first = begin(order)
    begin(order, "south")
    page = North.pages[first.reference]
    page.outcome, page.transaction = Outcome.PENDING, "north-2"
    ask_gateway(first)
    assert state_of(first)[0] == Status.PENDING
    let_a_minute_pass(drain)
    assert state_of(first) == CLOSED


def test_job_that_comes_twice_or_too_late_asks_nothing(order: Order, sam: User):
    closed, paid = begin(order), make_payment(order, status=Status.NEEDS_REVIEW, superseded_at=timezone.now())
    begin(order, "south")
    closed.refresh_from_db()
    asked = [*North.closed]
    close_due(closed)
    close_due(paid)
    close_due(order.payments.get(gateway="south"))
    assert (North.closed, South.closed) == (asked, [])


def test_gateway_that_was_taken_out_of_the_settings_is_a_silent_one(order: Order, drain: Drain, settings: Any):
    payment = begin(order)
    settings.PAYMENT_GATEWAYS = {}
    with time_machine.travel(end_of(order) + timedelta(seconds=1)):
        let_a_minute_pass(drain)
    assert state_of(payment) == (Status.PENDING, True, False)


@pytest.mark.django_db(transaction=True)
def test_two_workers_share_what_is_to_be_closed(order: Order):
    now = timezone.now()
    for _number in range(6):
        make_payment(order, superseded_at=now, next_close_at=now, next_check_at=now)
    outcomes = race(lambda _number: enqueue_due_closes(now=now), threads=4)
    assert [outcome.error for outcome in outcomes] == [None] * 4
    assert sum(outcome.value for outcome in outcomes) == 6


@pytest.mark.django_db(transaction=True)
def test_rounds_and_reports_at_once_do_not_wait_for_one_another(order: Order):
    """Payments are locked before orders everywhere: money that comes while pages are closed deadlocks with nobody."""
    attempts = [make_payment(order, gateway="north", next_check_at=timezone.now()) for _number in range(4)]
    release_order(order, why="no payment page")

    def work(number: int) -> None:
        if number % 2:
            make_round(timezone.now())
            return
        payment = attempts[number // 2]
        record_report(payment, report_of(payment, external_id=payment.reference))

    assert [outcome.error for outcome in race(work, threads=8)] == [None] * 8
    assert {payment.status for payment in order.payments.all()} == {Status.SUCCEEDED}
