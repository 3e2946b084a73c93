"""`reconcile_payments` against Midtrans on a local port."""

import itertools
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from bookings.doubles.server import Fault
from bookings.models import Booking, Order, Tutor, User
from bookings.orders import expire_order
from payments.checkout import start_checkout
from payments.doubles.midtrans import MidtransDouble
from payments.models import Payment
from payments.webhooks import receive_webhook
from tests.conftest import Drain
from tests.factories import an_hour, make_booking, tomorrow
from tests.payments.gateways.banks import use_bank
from tests.payments.gateways.midtrans_bank import MidtransBank
from tests.payments.midtrans import SERVER_KEY

Status = Payment.Status
FAST = ("--per-second", "100")


@pytest.fixture
def bank(settings: Any) -> Iterator[MidtransDouble]:
    with MidtransDouble(server_key=SERVER_KEY) as double:
        use_bank(settings, MidtransBank(double))
        yield double


def begin(ada: Tutor, student: User, hour: int) -> Payment:
    booking = make_booking(student, ada, during=an_hour(tomorrow(hour)))
    payment = start_checkout(booking.order, gateway_name="midtrans")
    assert payment is not None
    return payment


@pytest.fixture
def attempts(bank: MidtransDouble, ada: Tutor, sam: User) -> list[Payment]:
    """Sam's attempts for three orders: the first is paid at the bank, and no message of it has come."""
    made = [begin(ada, sam, hour) for hour in (8, 10, 12)]
    assert bank.pay(made[0].reference)
    return made


def every_row() -> dict[str, list[Any]]:
    """Return all there is in the database."""
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
        rows = {}
        for table in tables:
            cursor.execute(f'SELECT * FROM "{table}" ORDER BY 1')  # noqa: S608 - its own tables
            rows[table] = cursor.fetchall()
        return rows


def run(*options: str) -> int:
    """Return the exit code."""
    try:
        call_command("reconcile_payments", *FAST, *options)
    except CommandError as error:
        return error.returncode
    return 0


@pytest.mark.django_db(transaction=True)
def test_dry_run_tells_every_difference_and_changes_no_row(
    attempts: list[Payment], bank: MidtransDouble, capsys: pytest.CaptureFixture[str]
):
    before = every_row()
    assert run("--dry-run") == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == (
        f"midtrans {attempts[0].reference}: paid there, not here. Books: pending. Gateway: settlement Rp150,000."
    )
    assert lines[1].endswith("3 attempts asked about, 1 differences found, 1 left, 0 attempts could not be asked about.")
    assert every_row() == before


@pytest.mark.defect("CE-03", "TB-27")
def test_run_puts_right_what_a_lost_message_left_and_the_next_finds_nothing(
    attempts: list[Payment], bank: MidtransDouble, capsys: pytest.CaptureFixture[str]
):
    expire_order(attempts[0].order)  # the order ran out meanwhile; its time is still free
    assert run() == 0
    assert "paid there, not here" in (said := capsys.readouterr().out)
    assert "→ put right (succeeded)" in said
    attempts[0].refresh_from_db()
    assert (attempts[0].status, Order.objects.get(pk=attempts[0].order_id).status) == (Status.SUCCEEDED, Order.Status.PAID)
    assert Booking.objects.get(order=attempts[0].order_id).status == Booking.Status.PAID
    assert run() == 0
    assert "0 differences found" in capsys.readouterr().out


def test_what_no_run_can_put_right_is_left_and_told(
    attempts: list[Payment], bank: MidtransDouble, capsys: pytest.CaptureFixture[str]
):
    unpaid = attempts[1]
    unpaid.mark_succeeded(at=timezone.now(), received=unpaid.money)
    unpaid.save()
    assert run() == 1
    said = capsys.readouterr().out
    assert (
        f"{unpaid.reference}: paid here, unknown there. Books: succeeded Rp150,000. Gateway: not begun. → still so" in said
    )
    unpaid.refresh_from_db()
    assert unpaid.status == Status.SUCCEEDED


def test_run_goes_on_after_an_attempt_and_chooses_by_time_and_gateway(
    attempts: list[Payment], bank: MidtransDouble, capsys: pytest.CaptureFixture[str]
):
    def asked(*options: str) -> str:
        run("--dry-run", *options)
        return capsys.readouterr().out.splitlines()[-1].split(": ")[1].split(" ")[0]

    Payment.objects.filter(pk=attempts[0].pk).update(created_at=timezone.now() - timedelta(days=40))
    assert asked() == "2"
    assert asked("--since", "2020-01-01") == "3"
    assert asked("--since", "2020-01-01", "--after", attempts[1].reference) == "1"
    assert asked("--gateway", "midtrans") == "2"
    with pytest.raises(CommandError, match="There is no attempt"):
        call_command("reconcile_payments", "--after", "PAY-NONE-1")
    with pytest.raises(CommandError, match="--per-second must be"):
        call_command("reconcile_payments", "--per-second", "0")
    with pytest.raises(CommandError, match="is not a date or time"):
        call_command("reconcile_payments", "--since", "soon")


def test_run_that_is_stopped_says_where_to_go_on(
    attempts: list[Payment], bank: MidtransDouble, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    pauses = itertools.count()

    def press_ctrl_c(_seconds: float) -> None:
        """Only between two questions: threads that other tests left behind sleep as well."""
        if threading.current_thread() is threading.main_thread() and next(pauses) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", press_ctrl_c)
    with pytest.raises(SystemExit) as stopped:
        run()
    said = capsys.readouterr()
    assert stopped.value.code == 130
    assert "2 attempts asked about" in said.out
    assert said.err.splitlines()[-1] == f"Stopped. Go on with: --after {attempts[1].reference}"
    attempts[0].refresh_from_db()
    assert attempts[0].status == Status.SUCCEEDED  # what was done is done


def test_gateway_that_does_not_answer_is_not_waited_for_again_and_again(
    bank: MidtransDouble, ada: Tutor, sam: User, capsys: pytest.CaptureFixture[str]
):
    for hour in range(7):
        begin(ada, sam, hour)
    bank.fault_rates = {Fault.ERROR: 1.0}
    before = len(bank.requests)
    assert run() == 1
    said = capsys.readouterr()
    assert "7 attempts could not be asked about." in said.out
    assert "midtrans does not answer: it is not asked any more in this run." in said.err
    assert len(bank.requests) - before == 5


def test_books_that_messages_have_brought_up_to_date_differ_in_nothing(
    attempts: list[Payment], bank: MidtransDouble, drain: Drain, capsys: pytest.CaptureFixture[str]
):
    for message in bank.messages:
        receive_webhook("midtrans", message.headers(), message.body)
    drain()
    assert run("--dry-run") == 0
    assert "0 differences found" in capsys.readouterr().out


@pytest.mark.parametrize("count", [1, 8])
def test_run_takes_the_same_queries_for_each_attempt(
    bank: MidtransDouble, ada: Tutor, sam: User, django_assert_max_num_queries: Any, count: int
):
    for hour in range(count):
        begin(ada, sam, hour)
    with django_assert_max_num_queries(3 + 3 * count):
        run("--dry-run")
