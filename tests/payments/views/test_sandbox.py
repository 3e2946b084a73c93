from datetime import timedelta
from typing import Any

import pytest
import responses
from django.db import connection
from django.test import Client
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from bookings.models import Booking, Order, Tutor, User
from bookings.money import Money
from payments.checkout import start_checkout
from payments.gateways import attempt_of, get_gateway
from payments.gateways.base import DisputeState
from payments.models import Payment, WebhookEvent
from tests.conftest import Drain
from tests.factories import make_booking


@pytest.fixture
def attempt(booking: Booking) -> Payment:
    payment = start_checkout(booking.order, gateway_name="sandbox")
    assert payment is not None
    return payment


@pytest.fixture
def over_http(live_server: Any, settings: Any) -> None:
    """Let the pretend bank reach this site as it does outside of tests: over HTTP."""
    sandbox = settings.PAYMENT_GATEWAYS["sandbox"]
    options = {**sandbox["OPTIONS"], "site_url": live_server.url}
    settings.PAYMENT_GATEWAYS = {"sandbox": {**sandbox, "OPTIONS": options}}


def address(payment: Payment) -> str:
    return "/sandbox/pay/" + payment.checkout_url.rpartition("/")[2]


def press(payment: Payment, what: str) -> Any:
    return Client().post(address(payment), {"try": what})


def test_page_shows_the_sum_to_anybody_who_has_its_address(attempt: Payment):
    answer = Client().get(address(attempt))
    assert answer.status_code == 200
    for words in ("This is not a real bank", "Rp150,000", attempt.reference, "Pay too late"):
        assert words in answer.text


def test_address_that_was_changed_is_not_found(attempt: Payment):
    assert Client().get(f"{address(attempt)}x").status_code == 404


def test_page_is_not_there_without_the_sandbox(attempt: Payment, settings: Any):
    settings.PAYMENT_GATEWAYS = {"midtrans": settings.PAYMENT_GATEWAYS["midtrans"]}
    assert Client().get(address(attempt)).status_code == 404
    assert Client().post("/webhooks/sandbox", b"{}", content_type="application/json").status_code == 404


def test_unknown_button_is_refused(attempt: Payment):
    assert press(attempt, "rob").status_code == 400


@pytest.mark.usefixtures("over_http")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("button", "status", "order_status", "copies"),
    [
        ("pay", Payment.Status.SUCCEEDED, Order.Status.PAID, 1),
        ("pay_three_times", Payment.Status.SUCCEEDED, Order.Status.PAID, 3),
        ("fail", Payment.Status.FAILED, Order.Status.AWAITING_PAYMENT, 1),
        ("cancel", Payment.Status.FAILED, Order.Status.AWAITING_PAYMENT, 1),
        ("expire", Payment.Status.EXPIRED, Order.Status.AWAITING_PAYMENT, 1),
    ],
)
def test_each_button_reaches_our_books_by_a_signed_message_over_http(
    attempt: Payment, drain: Drain, button: str, status: str, order_status: str, copies: int
):
    answer = press(attempt, button)
    assert (answer.status_code, answer["Location"]) == (303, f"http://testserver/payments/return/{attempt.reference}/")
    drain()
    attempt.refresh_from_db()
    assert (attempt.status, attempt.order.status) == (status, order_status)
    assert [event.copies for event in WebhookEvent.objects.all()] == [copies]
    assert not attempt.refunds.exists()


@pytest.mark.usefixtures("over_http")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("sold_again", [False, True])
def test_paying_too_late_revives_the_order_or_owes_the_money_back(
    attempt: Payment, kim: User, ada: Tutor, drain: Drain, sold_again: bool
):
    answer = press(attempt, "pay_late")
    assert "Your payment arrives in 30 seconds." in answer.text
    attempt.refresh_from_db()
    lost = attempt.order.bookings.get()
    assert (attempt.order.status, lost.status) == (Order.Status.EXPIRED, Booking.Status.EXPIRED)
    if sold_again:
        make_booking(kim, ada, during=lost.time, status=Booking.Status.PAID)
    assert [name for name, _outcome in drain()] == []
    _let_jobs_be_due()
    drain()

    attempt.refresh_from_db()
    assert attempt.status == Payment.Status.SUCCEEDED
    assert attempt.order.status == (Order.Status.EXPIRED if sold_again else Order.Status.PAID)
    assert attempt.refunds.count() == int(sold_again)


def test_message_is_sent_again_until_the_site_has_taken_it(attempt: Payment, vendor: responses.RequestsMock, drain: Drain):
    vendor.post("http://testserver/webhooks/sandbox", status=503, json={"success": False})
    press(attempt, "pay")
    assert drain() == [("payments.deliver_sandbox_webhook", "todo")]


def test_paid_page_cannot_be_paid_again(attempt: Payment):
    press(attempt, "pay")
    again = press(attempt, "pay")
    assert again.status_code == 200
    assert "This has been paid already." in again.text
    assert ProcrastinateJob.objects.count() == 1


def test_page_that_is_over_takes_late_money_only(attempt: Payment):
    press(attempt, "expire")
    assert press(attempt, "pay").status_code == 400
    text = Client().get(address(attempt)).text
    assert 'value="pay_late"' in text
    assert 'value="pay"' not in text


def test_page_that_the_shop_closed_says_so(attempt: Payment):
    get_gateway("sandbox").close_checkout(attempt_of(attempt))
    text = Client().get(address(attempt)).text
    assert "The shop has closed this page" in text
    assert 'value="pay"' not in text
    assert press(attempt, "pay").status_code == 400


def test_what_banks_do_later_can_be_tried_once_it_is_paid(attempt: Payment):
    assert press(attempt, "dispute").status_code == 400
    press(attempt, "pay")
    for button in ("dispute", "dispute_won", "give_back"):
        assert f'value="{button}"' in Client().get(address(attempt)).text
        assert press(attempt, button).status_code == 303
    report = get_gateway("sandbox").fetch_report(attempt_of(attempt))
    assert [(dispute.state, dispute.money) for dispute in report.disputes] == [(DisputeState.WON, attempt.money)]
    assert [refund.money for refund in report.refunds] == [Money(75_000, "IDR")]
    assert ProcrastinateJob.objects.filter(task_name="payments.deliver_sandbox_webhook").count() == 4


def test_more_than_was_paid_is_never_given_back(attempt: Payment):
    press(attempt, "pay")
    assert [press(attempt, "give_back").status_code for _time in range(3)] == [303, 303, 409]


def _let_jobs_be_due() -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET scheduled_at = %s", [timezone.now() - timedelta(seconds=1)])
