"""What goes back for a session that was cancelled, or to which somebody did not come: owed once, and never too much."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from bookings.cancellation import cancel_booking
from bookings.history import record_booking_change
from bookings.models import Booking, Change, Order, Tutor, User
from bookings.money import Money
from bookings.signals import refund_due, send_after_commit
from payments.gateways.base import RefundReport, RefundState
from payments.models import Payment, Refund
from payments.refund_decisions import record_refund_sent_by_hand
from payments.refunds import bookings_to_owe_for, owe_for_booking
from payments.settlement import record_report
from payments.tasks import owe_refunds
from tests.conftest import Drain
from tests.factories import an_hour, make_booking, make_order, make_payment, make_user, tomorrow
from tests.payments.test_settlement import report_of
from tests.race import race

pytestmark = pytest.mark.django_db
Status = Booking.Status


@pytest.fixture
def parent(db: None) -> User:
    return make_user("parent@example.com", full_name="Pat Parent", time_zone="Europe/Berlin")


@pytest.fixture
def order(ada: Tutor, sam: User, parent: User) -> Order:
    """Two sessions of Sam's, which a parent paid together."""
    order = make_order(parent, status=Order.Status.PAID, total=300_000)
    for hour in (9, 12):
        make_booking(sam, ada, during=an_hour(tomorrow(hour, days=3)), status=Status.PAID, order=order)
    return order


@pytest.fixture
def paid(order: Order) -> Payment:
    payment = make_payment(order)
    payment.mark_succeeded(at=timezone.now(), received=payment.money)
    payment.external_id = "txn-1"
    payment.save()
    return payment


def cancelled(booking: Booking, refund: int = 150_000) -> Booking:
    """As a process leaves it that died between the commit and the news."""
    Booking.objects.filter(pk=booking.pk).update(status=Status.CANCELLED, refund=refund, cancelled_at=timezone.now())
    booking.refresh_from_db()
    return booking


def owed() -> list[tuple[Any, ...]]:
    return [(one.booking, one.money.amount, one.reason, one.status) for one in Refund.objects.order_by("pk")]


@pytest.mark.defect("IT-20", "IT-21", "IT-27")
def test_cancellation_owes_the_money_and_tells_the_payer(
    order, paid, sam, parent, root, drain: Drain, mailoutbox, django_capture_on_commit_callbacks
):
    booking = order.bookings.first()
    with django_capture_on_commit_callbacks(execute=True):
        cancel_booking(booking, who=sam, seen=booking.net)
    drain()

    assert owed() == [(booking, 150_000, Refund.Reason.CANCELLED, Refund.Status.PENDING)]
    mails = {mail.to[0]: mail for mail in mailoutbox if "Rp150,000" in mail.subject}
    assert set(mails) == {parent.email}  # the staff hear of it when it needs them
    assert mails[parent.email].subject == "Rp150,000 goes back to you"
    assert (
        f"{timezone.localtime(booking.starts_at, ZoneInfo('Europe/Berlin')):%H:%M} (Europe/Berlin"
        in mails[parent.email].body
    )
    assert Change.objects.get(order=order, what="refund").became == Refund.Status.PENDING
    order.refresh_from_db()
    assert order.status == Order.Status.PAID  # the other session stands


@pytest.mark.django_db(transaction=True)
@pytest.mark.defect("TB-17", "IT-21")
def test_money_is_owed_once_under_copies_of_the_news_and_the_minutes_round(order, paid):
    booking = cancelled(order.bookings.first())

    def work(number: int) -> None:
        if number == 8:
            owe_refunds(timestamp=0)
        else:
            send_after_commit(
                refund_due, Booking, order=order, amount=booking.money_back, reason="cancelled", booking=booking
            )

    assert [outcome.error for outcome in race(work, threads=9)] == [None] * 9
    assert owed() == [(booking, 150_000, "cancelled", "pending")]


def test_news_that_was_lost_is_found_by_the_minutes_round(order, paid):
    booking = cancelled(order.bookings.first(), refund=75_000)
    assert list(bookings_to_owe_for()) == [booking]
    owe_refunds(timestamp=0)
    owe_refunds(timestamp=0)
    assert owed() == [(booking, 75_000, "cancelled", "pending")]
    assert not bookings_to_owe_for().exists()


@pytest.mark.defect("IT-12")
@pytest.mark.parametrize(
    ("status", "refund", "absence", "reason"),
    [
        (Status.NO_SHOW_TUTOR, 150_000, True, "absent"),
        (Status.CANCELLED, 150_000, True, "absent"),  # nobody knows who was absent
        (Status.CANCELLED, 150_000, False, "cancelled"),
        (Status.NO_SHOW_STUDENT, 0, True, None),
        (Status.CANCELLED, 0, False, None),
        (Status.COMPLETED, None, False, None),
    ],
)
def test_reason_is_read_from_the_session(order, paid, status, refund, absence, reason):
    booking = order.bookings.first()
    Booking.objects.filter(pk=booking.pk).update(status=status, refund=refund)
    if absence:
        record_booking_change(booking, what="absence", was="paid", became="unclear")
    made = owe_for_booking(booking)
    assert (made.reason if made else None) == reason


@pytest.mark.defect("IT-12", "TB-17")
def test_nothing_is_owed_for_a_free_session(ada, sam, root, drain: Drain, mailoutbox, django_capture_on_commit_callbacks):
    gift = make_order(sam, status=Order.Status.PAID, total=0)
    booking = make_booking(sam, ada, status=Status.PAID, price=150_000, discount=150_000, order=gift)
    with django_capture_on_commit_callbacks(execute=True):
        cancel_booking(booking, who=ada.user, why="ill", seen=Money(0, "IDR"))
    drain()
    owe_refunds(timestamp=0)
    assert owed() == []
    assert not [mail for mail in mailoutbox if "goes back" in mail.subject]


@pytest.mark.defect("IT-21", "TB-28")
def test_never_more_is_owed_than_is_left_of_the_payment(order, paid, root, drain: Drain, mailoutbox):
    Refund.objects.create(payment=paid, amount=200_000, reason=Refund.Reason.OTHER)
    first, second = order.bookings.order_by("pk")
    owe_for_booking(cancelled(first))
    assert owed()[1:] == [(first, 100_000, "cancelled", "pending")]
    assert owe_for_booking(cancelled(second)) is None
    owe_refunds(timestamp=0)
    assert sum(refund.amount for refund in paid.refunds.all()) == 300_000
    drain()
    assert any("only Rp100,000 are left" in mail.body for mail in mailoutbox)


def test_money_comes_from_the_payment_that_paid_not_from_one_that_goes_back_anyway(order, paid):
    late = make_payment(order)
    late.mark_succeeded(at=timezone.now(), received=late.money)
    late.save()
    Refund.objects.create(payment=late, amount=late.amount, reason=Refund.Reason.TWICE)
    failed = make_payment(order)
    failed.mark_failed(note="refused")
    failed.save()
    booking = cancelled(order.bookings.first())
    made = owe_for_booking(booking)
    assert made is not None
    assert made.payment == paid


def test_payment_that_a_person_looks_at_waits_for_the_decision(order, paid):
    booking = cancelled(order.bookings.first())
    Payment.objects.filter(pk=paid.pk).update(status=Payment.Status.NEEDS_REVIEW)
    assert owe_for_booking(booking) is None
    assert not bookings_to_owe_for().exists()
    Payment.objects.filter(pk=paid.pk).update(status=Payment.Status.SUCCEEDED)
    owe_refunds(timestamp=0)
    assert owed() == [(booking, 150_000, "cancelled", "pending")]


def test_order_cancelled_session_by_session_is_owed_as_a_whole(order, paid, root):
    for booking in order.bookings.all():
        owe_for_booking(cancelled(booking))
    assert [refund.amount for refund in paid.refunds.all()] == [150_000, 150_000]
    told = [RefundReport(one.key, RefundState.SUCCEEDED, one.money, one.key) for one in paid.refunds.all()]
    assert record_report(paid, report_of(paid, external_id=paid.external_id, refunds=told)) is True
    assert {refund.status for refund in paid.refunds.all()} == {Refund.Status.SUCCEEDED}


def test_money_sent_by_hand_is_recorded_and_never_owed_again(order, paid, root):
    booking = cancelled(order.bookings.first())
    made = owe_for_booking(booking)
    assert made is not None
    record_refund_sent_by_hand(made, who=root, note="Bank transfer")
    assert owe_for_booking(booking) == made
    assert [one.status for one in Refund.objects.all()] == [Refund.Status.SUCCEEDED]


def test_round_takes_one_query_to_look_however_many_there_are(order, paid, ada, django_assert_num_queries):
    cancelled(order.bookings.first())
    for number in range(20):
        one = make_order(order.payer, status=Order.Status.PAID)
        payment = make_payment(one)
        payment.mark_succeeded(at=timezone.now(), received=payment.money)
        payment.save()
        during = an_hour(tomorrow(0, days=9) + timedelta(hours=number))
        cancelled(make_booking(order.payer, ada, during=during, order=one, status=Status.PAID))
    with django_assert_num_queries(1):
        assert len(bookings_to_owe_for()) == 21
