"""One order, several attempts: at most one page is open, and what was paid is never asked for again."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from bookings.errors import OrderNotPayable
from bookings.models import Order, User
from bookings.money import Money
from payments.checkout import start_checkout
from payments.errors import AlreadyPaid, CheckoutUnderway, MoneyBeingLookedAt
from payments.gateways import attempt_of
from payments.gateways.base import Outcome
from payments.models import Payment, Refund
from payments.settlement import record_payment_succeeded
from tests.factories import make_payment
from tests.payments.test_settlement import report_of
from tests.payments.tills import REFUSING, SILENT, North, South
from tests.race import race

Status = Payment.Status
pytestmark = pytest.mark.usefixtures("tills")


def begin(order: Order, gateway: str = "north") -> Payment:
    payment = start_checkout(order, gateway_name=gateway)
    assert payment is not None
    return payment


def again(payment: Payment) -> Payment:
    payment.refresh_from_db()
    return payment


def state_of(payment: Payment) -> tuple[str, bool, bool]:
    """Its status, whether it is to be closed, and whether it is."""
    payment.refresh_from_db()
    return payment.status, payment.superseded_at is not None, payment.closed_at is not None


def test_pay_again_at_the_same_gateway_leads_to_the_same_page_and_closes_nothing(order: Order):
    assert begin(order) == begin(order)
    assert (order.payments.count(), North.closed) == (1, [])


def test_change_of_method_closes_the_old_page_first(order: Order):
    first = begin(order)
    second = begin(order, "south")
    assert North.closed == [first.reference]
    assert state_of(first) == (Status.EXPIRED, True, True)
    assert first.note == "Its page was closed before anything was paid on it."
    assert state_of(second) == (Status.PENDING, False, False)
    assert (first.number, second.number) == (1, 2)


def test_way_back_to_the_first_gateway_is_a_fresh_page(order: Order):
    first, second, third = begin(order), begin(order, "south"), begin(order)
    assert third not in (first, second)
    assert (state_of(second), state_of(third)) == ((Status.EXPIRED, True, True), (Status.PENDING, False, False))
    assert [North.pages[first.reference].outcome, South.pages[second.reference].outcome] == [Outcome.CANCELLED] * 2


@pytest.mark.defect("CE-21")
def test_page_on_which_a_try_was_refused_is_closed_before_there_is_a_fresh_one(order: Order):
    first = begin(order)
    Payment.objects.filter(pk=first.pk).update(status=Status.FAILED, note="no funds")
    second = begin(order)
    assert second != first
    assert state_of(first) == (Status.FAILED, True, True)  # it failed all the same
    assert (North.closed, first.note) == ([first.reference], "no funds")


@pytest.mark.defect("TB-13")
@pytest.mark.parametrize("gateway", ["north", "south"])
def test_old_page_that_turns_out_to_be_paid_opens_no_other(order: Order, gateway: str):
    first = begin(order)
    North.pay(first)
    Payment.objects.filter(pk=first.pk).update(expires_at=timezone.now() - timedelta(seconds=1))  # over, by our clock
    with pytest.raises(AlreadyPaid):
        begin(order, gateway)
    order.refresh_from_db()
    assert (again(first).status, order.status, order.payments.count()) == (Status.SUCCEEDED, Order.Status.PAID, 1)
    assert not Refund.objects.exists()


@pytest.mark.defect("TB-13")
def test_payer_who_has_paid_is_led_to_the_order_which_says_so(order: Order, sam: User, client: Client):
    first = begin(order)
    North.pay(first)
    client.force_login(sam)
    answer = client.post(f"/orders/{order.reference}/pay/", {"gateway": "south"}, follow=True)
    assert answer.redirect_chain == [(order.get_absolute_url(), 303)]
    assert "This order is already paid. You are not charged again." in answer.text
    assert "Paid" in answer.text
    later = client.post(f"/orders/{order.reference}/pay/", {"gateway": "south"}, follow=True)
    assert "This order is already paid" in later.text
    assert not South.pages


def test_money_that_waits_for_a_decision_is_not_asked_for_again(order: Order):
    first = begin(order)
    record_payment_succeeded(first, report_of(first, money=Money(1, "IDR")))
    with pytest.raises(MoneyBeingLookedAt):
        begin(order, "south")
    assert order.payments.count() == 1


@pytest.mark.parametrize("trouble", [SILENT, REFUSING])
def test_gateway_that_cannot_close_does_not_keep_the_payer_from_another_way(order: Order, trouble: Any):
    first = begin(order)
    North.trouble = trouble
    second = begin(order, "south")
    assert state_of(first) == (Status.PENDING, True, False)
    assert not first.page_is_open(timezone.now())
    assert first.next_close_at is not None
    assert state_of(second) == (Status.PENDING, False, False)


@pytest.mark.defect("TB-13")
def test_both_pages_paid_all_the_same_sends_the_second_money_back(order: Order):
    first = begin(order)
    North.trouble = SILENT
    second = begin(order, "south")
    for till, payment in [(South, second), (North, first)]:
        till.trouble = None
        till.pay(payment)
        record_payment_succeeded(payment, till().fetch_report(attempt_of(payment)))
    assert [(r.payment, r.money, r.reason) for r in Refund.objects.all()] == [(first, order.money, Refund.Reason.TWICE)]
    order.refresh_from_db()
    assert order.is_paid


def test_one_transaction_told_many_times_pays_once(order: Order):
    first = begin(order)
    North.pay(first)
    told = North().fetch_report(attempt_of(first))
    assert [record_payment_succeeded(first, told) for _time in range(3)] == [True, False, False]
    assert not Refund.objects.exists()


def test_attempt_whose_page_is_just_being_opened_is_closed_after_that(order: Order):
    opening = make_payment(order, gateway="north", next_check_at=timezone.now() + timedelta(minutes=2))
    second = begin(order, "south")
    assert state_of(opening)[1] is True
    assert opening.next_close_at is not None
    assert opening.next_close_at >= opening.opened_by
    assert state_of(second) == (Status.PENDING, False, False)


def test_page_that_opened_after_another_tab_took_its_place_is_closed_all_the_same(order: Order):
    def other_tab(_request: Any) -> None:
        North.before_opening = None
        begin(order, "south")

    North.before_opening = other_tab
    with pytest.raises(CheckoutUnderway) as raised:
        begin(order)
    assert raised.value.context["next_steps"][0][0] == order.get_absolute_url()
    first, second = order.payments.order_by("number")
    assert (first.checkout_url != "", first.superseded_at is not None, first.closed_at) == (True, True, None)
    assert first.next_close_at is not None
    assert first.next_close_at <= timezone.now()
    assert second.page_is_open(timezone.now())


def test_order_that_is_over_opens_no_page_and_closes_none_again(order: Order):
    first = begin(order)
    assert order.expires_at is not None
    with time_machine.travel(order.expires_at + timedelta(seconds=1)), pytest.raises(OrderNotPayable):
        begin(order, "south")
    assert (state_of(first), South.pages) == ((Status.PENDING, False, False), {})


@pytest.mark.django_db(transaction=True)
def test_two_tabs_at_two_gateways_leave_one_open_page(order: Order):
    outcomes = race(lambda number: start_checkout(order, gateway_name=["north", "south"][number % 2]), threads=6)
    assert {type(outcome.error) for outcome in outcomes} <= {type(None), CheckoutUnderway}
    now = timezone.now()
    attempts = list(order.payments.order_by("number"))
    assert len([one for one in attempts if one.page_is_open(now)]) == 1
    assert all(one.superseded_at is not None for one in attempts[:-1])
    assert all(one.closed_at or one.next_close_at for one in attempts[:-1])


@pytest.mark.defect("IT-23")
@pytest.mark.django_db(transaction=True)
def test_two_gateways_paid_at_the_same_moment_book_once_and_owe_one_back(order: Order):
    first = begin(order)
    North.trouble = SILENT
    second = begin(order, "south")
    North.trouble = None
    North.pay(first)
    South.pay(second)

    def tell(number: int) -> bool:
        till, payment = [(North, first), (South, second)][number % 2]
        return record_payment_succeeded(payment, till().fetch_report(attempt_of(payment)))

    assert [outcome.error for outcome in race(tell, threads=8)] == [None] * 8

    order.refresh_from_db()
    [refund] = Refund.objects.all()
    assert (order.status, refund.reason, refund.money) == (Order.Status.PAID, Refund.Reason.TWICE, order.money)
    assert {payment.status for payment in order.payments.all()} == {Status.SUCCEEDED}
    assert order.changes.filter(became="paid").count() == 1
