"""Messages and jobs are lost, gateways are away for hours, many workers do the same: the rounds find everything, once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

import payments.tasks
from bookings.doubles.server import Fault
from bookings.models import Booking, Change, Order, Tutor, User
from bookings.money import Money
from payments.checkout import start_checkout
from payments.doubles.midtrans import MidtransDouble
from payments.gateways.stripe_client import Patience
from payments.inquiries import check_payment, enqueue_due_checks
from payments.models import Payment, WebhookEvent
from payments.webhooks import apply_event, enqueue_due_events, receive_webhook
from tests.conftest import Drain
from tests.factories import an_hour, make_booking, tomorrow
from tests.payments.gateways.banks import Vendor, use_bank
from tests.payments.gateways.midtrans_bank import MidtransBank
from tests.payments.gateways.stripe_bank import StripeBank, make_double
from tests.payments.midtrans import SERVER_KEY
from tests.race import race

BANKS: dict[str, Callable[[], Vendor]] = {
    "midtrans": lambda: MidtransBank(MidtransDouble(server_key=SERVER_KEY)),
    "stripe": lambda: StripeBank(make_double()),
}
PAID = (Payment.Status.SUCCEEDED, Order.Status.PAID, [Booking.Status.PAID])


@pytest.fixture(params=list(BANKS))
def bank(request: pytest.FixtureRequest, settings: Any) -> Iterator[Vendor]:
    """Each company in turn, on a local port."""
    vendor = BANKS[request.param]()
    with vendor.double:
        use_bank(settings, vendor)
        if request.param == "stripe":  # its library's own repetitions would take their seconds
            settings.PAYMENT_GATEWAYS["stripe"]["OPTIONS"]["patience"] = Patience(timeout=20, limit=30, retries=0)
        yield vendor


def begin(bank: Vendor, ada: Tutor, sam: User, hour: int = 12) -> Payment:
    booking = make_booking(sam, ada, during=an_hour(tomorrow(hour, days=2)))
    payment = start_checkout(booking.order, gateway_name=bank.gateway().name)
    assert payment is not None
    return payment


def receive_all(bank: Vendor) -> list[WebhookEvent]:
    name = bank.gateway().name
    return [receive_webhook(name, message.headers(), message.body) for message in bank.messages]


def state_of(payment: Payment) -> tuple[str, str, list[str]]:
    payment = Payment.objects.select_related("order").get(pk=payment.pk)
    return payment.status, payment.order.status, [booking.status for booking in payment.order.bookings.all()]


def times_paid(payment: Payment) -> int:
    return Change.objects.filter(booking__order=payment.order, became=Booking.Status.PAID).count()


def lose_all_jobs() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_events")
        cursor.execute("DELETE FROM procrastinate_jobs")


def make_rounds(drain: Drain) -> None:
    payments.tasks.apply_due_events(timestamp=0)
    payments.tasks.check_due_payments(timestamp=0)
    drain(limit=500)


@pytest.mark.defect("CE-03", "TB-27")
@pytest.mark.django_db
def test_payment_of_which_no_message_comes_is_found_within_minutes(bank: Vendor, ada: Tutor, sam: User, drain: Drain):
    payment = begin(bank, ada, sam)
    bank.pay(payment.reference)
    lose_all_jobs()
    with time_machine.travel(timezone.now() + timedelta(minutes=3)):
        make_rounds(drain)
    assert state_of(payment) == PAID


@pytest.mark.defect("TB-03")
@pytest.mark.django_db
def test_messages_whose_jobs_are_lost_are_applied_within_minutes(bank: Vendor, ada: Tutor, sam: User, drain: Drain):
    payment = begin(bank, ada, sam)
    bank.pay(payment.reference)
    receive_all(bank)
    lose_all_jobs()
    Payment.objects.update(next_check_at=None)  # nobody would ask
    with time_machine.travel(timezone.now() + timedelta(minutes=2)):
        make_rounds(drain)
    assert state_of(payment) == PAID
    assert {event.state for event in WebhookEvent.objects.all()} <= {"done", "ignored"}


@pytest.mark.parametrize("fault", [Fault.ERROR, Fault.RESET_BEFORE, Fault.HTML, Fault.BUSY])
@pytest.mark.parametrize("is_told", [True, False], ids=["told", "not told"])
@pytest.mark.django_db
def test_gateway_that_is_away_for_hours_is_asked_again_when_it_is_back(
    bank: Vendor, ada: Tutor, sam: User, drain: Drain, fault: Fault, is_told: bool
):
    payment = begin(bank, ada, sam)
    bank.pay(payment.reference)
    bank.double.fault_rates = {fault: 1.0}
    if is_told:
        receive_all(bank)
    began = timezone.now()
    for minute in (0, 3, 10, 30, 60, 120, 180, 300):
        with time_machine.travel(began + timedelta(minutes=minute)):
            make_rounds(drain)
            assert state_of(payment)[0] != Payment.Status.SUCCEEDED
    bank.double.fault_rates = {}
    for minutes in (5, 40):  # half an hour is the longest that an attempt waits for its next question
        with time_machine.travel(began + timedelta(hours=5, minutes=minutes)):
            make_rounds(drain)
    assert state_of(payment)[0] == Payment.Status.SUCCEEDED


@pytest.mark.django_db
def test_gateway_that_is_away_for_two_days_is_still_asked_after_a_person_was(
    bank: Vendor, ada: Tutor, sam: User, root: User, drain: Drain
):
    payment = begin(bank, ada, sam)
    bank.pay(payment.reference)
    bank.double.fault_rates = {Fault.ERROR: 1.0}
    began = timezone.now()
    for hour in range(1, 48, 2):
        with time_machine.travel(began + timedelta(hours=hour)):
            make_rounds(drain)
    assert state_of(payment)[0] == Payment.Status.NEEDS_REVIEW
    bank.double.fault_rates = {}
    with time_machine.travel(began + timedelta(hours=54)):
        make_rounds(drain)
    assert state_of(payment)[0] == Payment.Status.SUCCEEDED


@pytest.mark.defect("CE-20")
@pytest.mark.django_db
def test_page_whose_address_was_lost_when_it_was_made_is_still_found_paid(bank: Vendor, ada: Tutor, sam: User, drain: Drain):
    payment = begin(bank, ada, sam)
    bank.pay(payment.reference)
    Payment.objects.update(checkout_token="", checkout_url="", next_check_at=timezone.now())
    make_rounds(drain)
    assert state_of(payment) == PAID


@pytest.mark.defect("CE-06", "IT-23", "TB-04")
@pytest.mark.django_db(transaction=True)
def test_eight_workers_with_messages_and_questions_of_the_same_payments_pay_each_once(bank: Vendor, ada: Tutor, sam: User):
    attempts = [begin(bank, ada, sam, hour) for hour in range(6)]
    for payment in attempts:
        bank.pay(payment.reference)
    events = receive_all(bank)
    Payment.objects.update(next_check_at=timezone.now())

    def work(number: int) -> None:
        enqueue_due_events(now=timezone.now() + timedelta(minutes=2))
        enqueue_due_checks(now=timezone.now())
        turn = number % len(attempts)
        for payment in attempts[turn:] + attempts[:turn]:
            check_payment(payment) if number % 2 else None
        for event in events[turn:] + events[:turn]:
            apply_event(event.pk)

    assert [outcome.error for outcome in race(work, threads=8)] == [None] * 8
    assert [state_of(payment) for payment in attempts] == [PAID] * len(attempts)
    assert [times_paid(payment) for payment in attempts] == [1] * len(attempts)
    assert not Payment.objects.filter(refunds__isnull=False).exists()


@pytest.mark.defect("CE-04", "TB-27")
@pytest.mark.django_db
def test_refund_and_dispute_made_there_are_found_though_no_message_of_them_comes(
    bank: Vendor, ada: Tutor, sam: User, root: User, drain: Drain
):
    refunded, disputed = begin(bank, ada, sam, 10), begin(bank, ada, sam, 12)
    for payment in (refunded, disputed):
        bank.pay(payment.reference)
    receive_all(bank)
    drain()
    bank.refund_in_dashboard(refunded.reference, Money(50_000, "IDR"))
    bank.confirm_refunds(refunded.reference)
    bank.dispute(disputed.reference)

    with time_machine.travel(timezone.now() + timedelta(minutes=11)):
        make_rounds(drain)

    assert [(one.reason, one.amount, one.status) for one in refunded.refunds.all()] == [("vendor", 50_000, "succeeded")]
    assert [one.amount for one in disputed.disputes.all()] == [150_000]


@pytest.mark.django_db
def test_refund_that_arrives_without_a_message_is_found(bank: Vendor, ada: Tutor, sam: User, root: User, drain: Drain):
    payment = begin(bank, ada, sam)
    bank.pay(payment.reference)
    receive_all(bank)
    drain()
    bank.refund_in_dashboard(payment.reference, Money(50_000, "IDR"))  # asked for, and not there yet
    now = timezone.now()
    with time_machine.travel(now + timedelta(minutes=11)):
        make_rounds(drain)
    assert payment.refunds.get().status == "submitted"

    bank.confirm_refunds(payment.reference)
    with time_machine.travel(now + timedelta(minutes=40)):
        make_rounds(drain)
    assert payment.refunds.get().status == "succeeded"


@pytest.mark.django_db
def test_run_of_reconciliation_takes_up_what_was_done_there(
    bank: Vendor, ada: Tutor, sam: User, root: User, drain: Drain, capsys: pytest.CaptureFixture[str]
):
    payment = begin(bank, ada, sam)
    bank.pay(payment.reference)
    receive_all(bank)
    drain()
    bank.refund_in_dashboard(payment.reference, Money(50_000, "IDR"))
    bank.confirm_refunds(payment.reference)

    with pytest.raises(CommandError):
        call_command("reconcile_payments", "--dry-run", "--per-second", "100")
    assert f"{payment.reference}: refund not here. Books: nothing. Gateway: " in capsys.readouterr().out
    assert not payment.refunds.exists()
    call_command("reconcile_payments", "--per-second", "100")
    assert "→ put right (succeeded)" in capsys.readouterr().out
    assert [(one.reason, one.amount) for one in payment.refunds.all()] == [("vendor", 50_000)]
    call_command("reconcile_payments", "--per-second", "100")
    assert "0 differences found" in capsys.readouterr().out
