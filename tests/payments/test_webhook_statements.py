"""How many statements it takes to apply a message: an upper bound, so that nobody adds to it unawares."""

from __future__ import annotations

import pytest
import responses
from django.db import connection
from django.test.utils import CaptureQueriesContext

from bookings.models import Booking, Tutor, User
from payments.models import Payment, WebhookEvent
from payments.webhooks import apply_event, receive_webhook
from tests.factories import an_hour, make_booking, make_order, make_payment, tomorrow
from tests.payments import midtrans

FOR_ONE, FOR_EACH_MORE = 42, 21


def hear(payment: Payment, vendor: responses.RequestsMock, status: str = "settlement") -> WebhookEvent:
    midtrans.serve_status(vendor, payment, status)
    return receive_webhook("midtrans", {}, midtrans.message(payment, status))


def statements_of(event: WebhookEvent) -> list[str]:
    """Apply it, with all that follows at once: the booking's meeting is planned, jobs are stored, pages closed."""
    with CaptureQueriesContext(connection) as seen:
        apply_event(event.pk)
    event.refresh_from_db()
    assert event.state == WebhookEvent.State.DONE
    return [query["sql"] for query in seen.captured_queries]


@pytest.mark.django_db(transaction=True)
def test_a_payment_is_applied_in_few_statements_and_savepoints(payment: Payment, vendor: responses.RequestsMock):
    statements = statements_of(hear(payment, vendor))
    assert len(statements) <= FOR_ONE
    # What may be refused and is then done otherwise: the order, its time, its notices, its meeting.
    assert len([sql for sql in statements if sql.startswith("SAVEPOINT")]) <= 4


@pytest.mark.django_db(transaction=True)
def test_more_sessions_of_an_order_take_a_few_more(ada: Tutor, sam: User, vendor: responses.RequestsMock):
    order = make_order(sam, total=450_000)
    for day in (1, 2, 3):
        make_booking(sam, ada, order=order, during=an_hour(tomorrow(days=day)))
    statements = statements_of(hear(make_payment(order), vendor))
    assert Booking.objects.paid().count() == 3
    assert len(statements) <= FOR_ONE + 2 * FOR_EACH_MORE


@pytest.mark.django_db(transaction=True)
def test_a_message_that_brings_nothing_new_takes_a_handful(payment: Payment, vendor: responses.RequestsMock):
    apply_event(hear(payment, vendor).pk)
    event = hear(payment, vendor, "pending")
    with CaptureQueriesContext(connection) as seen:
        apply_event(event.pk)
    assert len(seen) <= 12
