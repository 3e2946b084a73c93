"""Every state of an order says what happened, what it means for the sessions, and what to do next."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import responses
from django.test import Client
from django.utils import timezone, translation

from bookings.models import Booking, Order, Tutor, User
from payments.badges import badge_of
from payments.models import Dispute, Payment, Refund
from payments.settlement import record_payment_expired, record_payment_failed, record_payment_succeeded
from payments.standing import tell_standing
from payments.stories import State, tell_story
from tests.factories import an_hour, make_booking, make_order, make_payment, tomorrow
from tests.pages import text_of
from tests.payments import midtrans
from tests.payments.test_settlement import report_of

pytestmark = pytest.mark.django_db
URL = "https://pay.test/page"


def waiting(sam: User, ada: Tutor, **fields: Any) -> Order:
    return make_booking(sam, ada, order=make_order(sam, **fields)).order


def tried(sam: User, ada: Tutor, **fields: Any) -> Order:
    """Return an order in time with one attempt."""
    order = waiting(sam, ada)
    make_payment(order, **{"checkout_url": URL, **fields})
    return order


def failed(sam: User, ada: Tutor) -> Order:
    order = tried(sam, ada)
    record_payment_failed(order.payments.get(), report_of(order.payments.get()))
    return order


def lapsed(sam: User, ada: Tutor) -> Order:
    order = tried(sam, ada)
    record_payment_expired(order.payments.get(), report_of(order.payments.get()))
    return order


def paid(sam: User, ada: Tutor, *statuses: Booking.Status, **fields: Any) -> Order:
    order = make_order(sam, status=Order.Status.PAID, total=150_000, **fields)
    for number, status in enumerate(statuses or [Booking.Status.PAID]):
        cancelled = {"cancelled_at": timezone.now(), "refund": 0} if status == Booking.Status.CANCELLED else {}
        make_booking(sam, ada, order=order, during=an_hour(tomorrow(10 + 2 * number)), status=status, **cancelled)
    payment = make_payment(order, checkout_url=URL)
    Payment.objects.filter(pk=payment.pk).update(
        status="succeeded", succeeded_at=timezone.now(), received_amount=150_000, received_currency="IDR"
    )
    return order


def disputed(sam: User, ada: Tutor) -> Order:
    order = paid(sam, ada, disputed_at=timezone.now())
    facts = {"external_id": "dp_1", "amount": 150_000, "currency": "IDR", "opened_at": timezone.now()}
    Dispute.objects.create(payment=order.payments.get(), **facts)
    return order


def end_dispute(order: Order, status: Dispute.Status) -> Order:
    Dispute.objects.filter(payment__order=order).update(status=status, closed_at=timezone.now())
    Order.objects.filter(pk=order.pk).update(disputed_at=None)
    return order


def over(sam: User, ada: Tutor, *, status: str = Booking.Status.EXPIRED, **fields: Any) -> Order:
    order = make_order(sam, status=Order.Status.EXPIRED, **fields)
    return make_booking(sam, ada, order=order, status=status).order


def checking(sam: User, ada: Tutor) -> Order:
    order = over(sam, ada)
    make_payment(order, checkout_url=URL, next_check_at=timezone.now())
    return order


def returned(sam: User, ada: Tutor, kim: User) -> Order:
    lost = make_booking(sam, ada, status=Booking.Status.EXPIRED)
    make_booking(kim, ada, during=lost.time, status=Booking.Status.PAID)
    payment = make_payment(lost.order, checkout_url=URL)
    record_payment_succeeded(payment, report_of(payment))
    return lost.order


def review(sam: User, ada: Tutor) -> Order:
    order = tried(sam, ada)
    record_payment_succeeded(order.payments.get(), report_of(order.payments.get(), money=None))
    return order


def asked(sam: User, ada: Tutor) -> Order:
    order = make_order(sam, placed_at=None)
    return make_booking(sam, ada, order=order, status=Booking.Status.REQUESTED).order


def given_up(sam: User, ada: Tutor, status: Booking.Status = Booking.Status.CANCELLED) -> Order:
    order = make_order(sam, status=Order.Status.CANCELLED)
    fields: dict[str, Any] = {"cancelled_at": timezone.now()} if status == Booking.Status.CANCELLED else {}
    return make_booking(sam, ada, order=order, status=status, **fields).order


MAKE: dict[State, Callable[..., Order]] = {
    State.ASKED: asked,
    State.WAITING: waiting,
    State.UNDERWAY: tried,
    State.FAILED: failed,
    State.NO_PAGE: lambda sam, ada: tried(sam, ada, checkout_url="", note="The gateway did not open a page: no"),
    State.LAPSED: lapsed,
    State.PAID: paid,
    State.PARTLY: lambda sam, ada: paid(sam, ada, Booking.Status.PAID, Booking.Status.EXPIRED),
    State.CALLED_OFF: lambda sam, ada: paid(sam, ada, Booking.Status.CANCELLED),
    State.DISPUTED: disputed,
    State.TAKEN: lambda sam, ada: end_dispute(disputed(sam, ada), Dispute.Status.LOST),
    State.CHECKING: checking,
    State.EXPIRED: over,
    State.UNANSWERED: lambda sam, ada: over(sam, ada, placed_at=None),
    State.DECLINED: lambda sam, ada: given_up(sam, ada, Booking.Status.DECLINED),
    State.CANCELLED: given_up,
    State.RETURNED: returned,
    State.REVIEW: review,
}
SAYS = {
    State.ASKED: "Waiting for an answer",
    State.WAITING: "Not paid yet",
    State.UNDERWAY: "Waiting for your payment",
    State.FAILED: "Attempt 1 was refused, or broken off before its end. Nothing was taken",
    State.NO_PAGE: "The payment page did not open",
    State.LAPSED: "Your payment page is closed",
    State.PAID: "Paid. Thank you!",
    State.PARTLY: "1 time had gone to somebody else. Your other sessions are booked",
    State.CALLED_OFF: "This order was paid, and its sessions were cancelled",
    State.DISPUTED: "Your bank has asked for this payment back",
    State.TAKEN: "Your bank has taken Rp150,000 of this payment back",
    State.CHECKING: "We are asking the payment service whether your payment came after all",
    State.EXPIRED: "This order was not paid in time",
    State.UNANSWERED: "This request was not answered in time",
    State.DECLINED: "The tutor could not take this session",
    State.CANCELLED: "This order was cancelled",
    State.RETURNED: "Nothing is booked; your money goes back to you",
    State.REVIEW: "Your payment is being looked at",
}


@pytest.fixture
def page(client: Client, sam: User) -> Client:
    """Sam's browser, logged in."""
    client.force_login(sam)
    return client


@pytest.mark.defect("CE-23", "TB-13")
@pytest.mark.parametrize("state", State)
def test_order_tells_each_state_and_the_next_step(page: Client, sam: User, kim: User, ada: Tutor, state: State):
    make = MAKE[state]
    order = make(sam, ada, kim) if make is returned else make(sam, ada)

    answer = page.get(f"{order.get_absolute_url()}?back=1" if state is not State.UNDERWAY else order.get_absolute_url())

    told = text_of(answer)
    assert answer.context["story"].state is state
    assert SAYS[state] in told
    assert ("Paid. Thank you!" in told) == (state is State.PAID)
    notice = re.search(r'<div class="notice[^"]*" data-state=.*?</div>\s*</div>', answer.text, re.S)
    assert notice is not None
    assert "<a href=" in notice[0] or "Pay now" in told or "Try again" in told


@pytest.mark.parametrize("state", State)
def test_each_state_is_told_in_indonesian_as_well(sam: User, kim: User, ada: Tutor, state: State):
    make = MAKE[state]
    order = make(sam, ada, kim) if make is returned else make(sam, ada)
    story = tell_story(order, now=timezone.now())
    said = []

    for language in ("en", "id"):
        with translation.override(language):
            told = tell_standing(story, sam)
            said.append(
                [str(told.title), str(told.text), str(badge_of(story)[1]), *[str(label) for _url, label in told.steps]]
            )

    assert [words for words in said[1] if words in said[0]] == []


@pytest.mark.defect("CE-23", "TB-13")
def test_whoever_comes_back_before_the_gateway_has_told_reads_neither_success_nor_failure(
    page: Client, sam: User, ada: Tutor
):
    order = tried(sam, ada)

    told = text_of(page.get(f"{order.get_absolute_url()}?back=1"))

    assert "We are asking the payment service about your payment" in told
    assert "please do not pay again" in told
    assert "Paid. Thank you!" not in told
    assert "did not go through" not in told
    assert "Go to your payment page" in told


@pytest.mark.defect("TB-13", "IT-32")
def test_paid_order_is_told_as_paid_however_its_older_attempts_ended(page: Client, sam: User, ada: Tutor):
    order = failed(sam, ada)
    second = make_payment(order, checkout_url=URL)
    record_payment_succeeded(second, report_of(second, external_id=midtrans.OTHER_TRANSACTION))

    told = text_of(page.get(f"{order.get_absolute_url()}?back=1"))

    assert "Paid. Thank you!" in told
    assert "This payment did not go through" not in told
    assert "1. Midtrans" in told
    assert "It was refused, or broken off. Nothing was taken." in told


def test_gateway_that_does_not_answer_is_no_error_for_whoever_asks(
    page: Client, sam: User, ada: Tutor, vendor: responses.RequestsMock
):
    order = tried(sam, ada)
    vendor.get(midtrans.status_url(order.payments.get().reference), status=503, body="busy")

    answer = page.post(f"/orders/{order.reference}/check/", follow=True)

    assert answer.redirect_chain == [(order.get_absolute_url(), 303)]
    assert "We go on asking it by ourselves" in text_of(answer)
    assert "Waiting for your payment" in text_of(answer)


def test_payer_who_asks_without_scripts_is_told_that_nothing_came_yet(
    page: Client, sam: User, ada: Tutor, vendor: responses.RequestsMock
):
    order = tried(sam, ada)
    midtrans.serve_status(vendor, order.payments.get(), transaction_status="pending", status_code="201")

    told = text_of(page.post(f"/orders/{order.reference}/check/", follow=True))

    assert "The payment service has not told us of your money yet." in told


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("pending", "It is being sent now."),
        ("submitted", "It is on its way. E-wallets show it within a day or two; banks and cards usually take 5 to 10"),
        ("failed", "We are seeing to it and send it another way"),
        ("manual", "somebody of us sends it, mostly within 3 working days"),
        ("succeeded", "If you do not see it by then, please tell us the number of this refund."),
    ],
)
def test_refund_says_how_far_it_is_and_when_the_bank_shows_it(page: Client, sam: User, ada: Tutor, status: str, words: str):
    order = paid(sam, ada)
    finished = timezone.now() if status == "succeeded" else None
    facts = {"amount": 50_000, "reason": Refund.Reason.OTHER, "status": status, "finished_at": finished}
    refund = Refund.objects.create(payment=order.payments.get(), **facts)

    told = text_of(page.get(order.get_absolute_url()))

    assert words in told
    assert refund.reference in told
    assert ("Rp50,000 went back to you" in told) == (status == "succeeded")


def test_page_with_money_on_its_way_looks_for_news_now_and_then(page: Client, sam: User, ada: Tutor):
    order = paid(sam, ada)
    refund = Refund.objects.create(payment=order.payments.get(), amount=50_000, reason=Refund.Reason.OTHER)
    assert 'hx-trigger="every 30s"' in page.get(order.get_absolute_url()).text

    Refund.objects.filter(pk=refund.pk).update(status="succeeded", finished_at=timezone.now())

    assert 'hx-trigger="every' not in page.get(order.get_absolute_url()).text


def test_old_order_can_still_be_opened_and_says_how_it_ended(page: Client, sam: User, ada: Tutor):
    old = timezone.now() - timedelta(days=400)
    order = paid(sam, ada, Booking.Status.COMPLETED)
    Order.objects.filter(pk=order.pk).update(placed_at=old, paid_at=old, expires_at=old)
    Booking.objects.update(during=(old, old + timedelta(hours=1)), blocks=(old, old + timedelta(hours=1)))

    told = text_of(page.get(order.get_absolute_url()))

    assert "The sessions of this order are over" in told
    assert "Book another session" in told
