"""The admin's page of an order's whole story, and the ways to it."""

from __future__ import annotations

import re
from typing import Any

import pytest
import responses
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from bookings.history import record_order_change
from bookings.models import Booking, Order, Tutor, User
from payments.models import Dispute, Earning, Payment, Refund, WebhookEvent
from payments.settlement import record_payment_failed, record_payment_succeeded
from tests.desk import address
from tests.factories import an_hour, make_booking, make_meeting, make_order, make_payment, tomorrow
from tests.pages import queries_of, text_of
from tests.payments import midtrans
from tests.payments.test_admin import clerk
from tests.payments.test_settlement import report_of

pytestmark = pytest.mark.django_db


def story(order: Order) -> str:
    return reverse("admin:payments_order_story", args=[order.reference])


@pytest.fixture
def order(sam: User, ada: Tutor) -> Order:
    """An order with one of everything: tried twice, paid, partly sent back, disputed."""
    order = make_order(sam)
    booking = make_booking(sam, ada, order=order)
    failed, paid = make_payment(order), make_payment(order)
    record_payment_failed(failed, report_of(failed, detail="deny"))
    record_payment_succeeded(paid, report_of(paid, external_id=midtrans.OTHER_TRANSACTION))
    make_meeting(booking)
    _hang_on(order, paid)
    order.refresh_from_db()
    return order


def _hang_on(order: Order, payment: Payment, number: int = 1) -> None:
    now = timezone.now()
    facts = {"external_id": f"dp_{number}", "amount": 1_000, "currency": "IDR", "opened_at": now, "reason": "fraudulent"}
    Dispute.objects.create(payment=payment, **facts)
    Refund.objects.create(payment=payment, amount=1_000, reason=Refund.Reason.OTHER, status="manual", why="as promised")
    WebhookEvent.objects.create(
        gateway="midtrans",
        dedupe_key=f"key-{order.pk}-{number}",
        reference=payment.reference,
        kind="settlement",
        body=b'{"secret": "their-secret"}',
        payment=payment,
        state="failed",
        error="GatewayUnavailable: busy",
        next_attempt_at=now,
    )


def test_story_tells_everything_about_an_order(desk: Client, order: Order):
    told = text_of(desk.get(story(order)))

    payments = [payment.reference for payment in order.payments.all()]
    for words in (
        "Sam Student",
        "Rp150,000 received",
        "The gateway refused it (deny).",
        "as promised",
        "fraudulent",
        "GatewayUnavailable: busy",
        "midtrans settlement",
        "Sam Student with Ada Tutor",
        "Message of midtrans: settlement (failed, will be tried again)",
        "Attempt to pay Rp150,000 at midtrans begun",
        *payments,
    ):
        assert words in told
    assert "their-secret" not in told  # raw bodies stay on the message's own page
    wants = told.partition("Waits for a person")[2].partition("The order")[0]
    assert "Rp1,000 has not gone back yet (to be sent back by hand)." in wants
    assert "The payer's bank asks for Rp1,000 back." in wants


def test_story_shows_the_earnings_of_its_sessions(desk: Client, order: Order, ada: Tutor):
    facts = {"currency": "IDR", "gross": 150_000, "fee_percent": 10, "fee": 15_000, "net": 135_000}
    Earning.objects.filter(booking__order=order).delete()
    Earning.objects.create(booking=order.bookings.get(), tutor=ada, **facts)

    told = text_of(desk.get(story(order)))

    assert "Rp150,000 Rp15,000 Rp135,000" in told


def test_verbs_stand_beside_their_rows_and_lead_back_to_the_story(desk: Client, sam: User, ada: Tutor):
    order = make_booking(sam, ada).order
    payment = make_payment(order)
    record_payment_succeeded(payment, report_of(payment, money=payment.money + payment.money))
    page = desk.get(story(order))
    forms = re.findall(r'<form class="verb" method="post" action="([^"]+)"', page.text)
    accept = reverse("admin:payments_payment_accept", args=[payment.pk])
    assert accept in forms
    assert page.text.count(f'name="back" value="{story(order)}"') == len(forms)

    answer = desk.post(accept, {"text": "the payer agreed", "back": story(order)}, follow=True)

    assert answer.redirect_chain[-1][0] == story(order)
    assert "Accepted." in text_of(answer)
    order.refresh_from_db()
    assert order.status == Order.Status.PAID


@pytest.mark.parametrize("elsewhere", ["https://evil.test/", "//evil.test", "javascript:alert(1)"])
def test_button_leads_back_to_this_site_only(desk: Client, sam: User, ada: Tutor, elsewhere: str):
    payment = make_payment(make_booking(sam, ada).order)

    answer = desk.post(reverse("admin:payments_payment_accept", args=[payment.pk]), {"text": "x", "back": elsewhere})

    assert answer["Location"] == address(Payment, "change", payment.pk)


def test_story_takes_as_many_queries_for_a_long_one_as_for_a_short_one(desk: Client, order: Order, sam: User, ada: Tutor):
    queries_of(desk, story(order))
    with_one = queries_of(desk, story(order))
    for number in range(2, 32):
        booking = make_booking(sam, ada, order=order, during=an_hour(tomorrow(days=number)), status=Booking.Status.PAID)
        make_meeting(booking)
        payment = make_payment(order, status="succeeded", succeeded_at=timezone.now())
        _hang_on(order, payment, number)
        record_order_change(order, what="refund", became="pending", why="x", who=sam)

    assert queries_of(desk, story(order)) == with_one


@pytest.mark.parametrize(
    ("rights", "status"), [([], 403), (["view_order"], 403), (["view_payment"], 200), (["change_payment"], 200)]
)
def test_story_is_for_whoever_may_see_payments(order: Order, rights: list[str], status: int):
    answer = clerk(*rights).get(story(order))
    assert answer.status_code == status
    if status == 200:
        assert order.payments.latest("pk").reference in text_of(answer)


def test_clerk_without_the_right_to_see_refunds_sees_none(order: Order):
    page = clerk("view_payment").get(story(order)).text

    assert "as promised" not in page
    assert "fraudulent" not in page
    assert 'class="verb"' not in page


@pytest.mark.parametrize("reference", ["OR-NOBODY", "x"])
def test_story_of_an_order_that_is_not_there_is_not_found(desk: Client, reference: str):
    assert desk.get(reverse("admin:payments_order_story", args=[reference])).status_code == 404


def test_every_page_about_an_order_leads_to_its_story(desk: Client, order: Order):
    rows: list[Any] = [order, order.bookings.get(), order.payments.first(), Refund.objects.get(), WebhookEvent.objects.get()]
    for row in rows:
        assert f'href="{story(order)}"' in desk.get(address(type(row), "change", row.pk)).text, row


def test_payments_that_need_a_person_stand_above_the_list(desk: Client, sam: User, ada: Tutor):
    needy = make_payment(make_booking(sam, ada).order)
    make_payment(make_booking(sam, ada, during=an_hour(tomorrow(15))).order)
    assert "These need a person first" not in text_of(desk.get(address(Payment)))

    record_payment_succeeded(needy, report_of(needy, money=None))

    first = text_of(desk.get(address(Payment))).partition("These need a person first")[2]
    assert first.find(needy.reference) < first.find("The amount that the gateway took cannot be read.")


def test_disputed_sessions_and_orders_can_be_listed(desk: Client, order: Order, sam: User, ada: Tutor):
    Order.objects.filter(pk=order.pk).update(disputed_at=timezone.now())
    other = make_booking(sam, ada, during=an_hour(tomorrow(15)), status=Booking.Status.PAID)

    disputed = desk.get(address(Booking), {"disputed": "yes"})

    assert list(disputed.context["cl"].queryset) == list(order.bookings.all())
    assert "paid, disputed" in text_of(disputed)
    assert list(desk.get(address(Booking), {"disputed": "no"}).context["cl"].queryset) == [other]
    assert list(desk.get(address(Order), {"disputed_at__isempty": "0"}).context["cl"].queryset) == [order]
    assert "–" not in text_of(desk.get(address(Booking, "change", order.bookings.get().pk))).partition("Disputed")[2][:20]


def test_page_can_be_closed_at_the_gateway(desk: Client, sam: User, ada: Tutor, vendor: responses.RequestsMock):
    payment = make_payment(make_booking(sam, ada).order, checkout_url="https://pay.test/1", checkout_token="token-1")
    midtrans.serve_not_begun(vendor, payment)
    vendor.post("https://snap.test/snap/v1/transactions/token-1/cancel", json={"canceled_at": "2026-01-01"})

    told = text_of(desk.post(address(Payment, "close", payment.pk), follow=True))

    assert "Its page is closed: nobody can pay on it any more." in told
    payment.refresh_from_db()
    assert (payment.status, payment.closed_at is None) == ("expired", False)
    assert "Close its page at the gateway" not in told


def test_sums_are_right_when_the_bank_has_taken_money_back_and_for_whoever_sees_payments_alone(order: Order):
    Dispute.objects.update(status=Dispute.Status.LOST, closed_at=timezone.now())

    for rights in (["view_payment"], ["view_payment", "view_refund", "view_dispute"]):
        told = text_of(clerk(*rights).get(story(order)))

        assert "Rp150,000 received, Rp1,000 goes or went back, Rp148,000 stays" in told
        assert "Rp1,000 was taken back by the payer’s bank" in told
