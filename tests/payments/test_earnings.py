"""The tutors' account follows the money: by news, by the round, in any order, and no line is ever rewritten."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from bookings.cancellation import cancel_booking
from bookings.models import Booking, Order, Tutor, User
from bookings.times import During
from payments.earnings import settle_all_earnings, settle_earnings
from payments.gateways.base import Outcome, PaymentReport
from payments.models import Earning, Payment, Refund
from payments.settlement import record_payment_succeeded
from tests.conftest import Drain
from tests.factories import an_hour, make_booking, make_order, make_payment, make_tutor, tomorrow
from tests.race import race

Status = Booking.Status
PAST = During(datetime(2026, 3, 2, 3, tzinfo=UTC), datetime(2026, 3, 2, 4, tzinfo=UTC))


def sell(student: User, tutor: Tutor, *, order: Order | None = None, day: int = 1, **fields: Any) -> Booking:
    """A session that is paid for, with the payment of its order."""
    order = order or make_order(student, status="paid")
    during = fields.pop("during", an_hour(tomorrow(days=day)))
    booking = make_booking(student, tutor, order=order, **{"during": during, "status": Status.PAID, **fields})
    order.total = sum(one.net.amount for one in order.bookings.all())
    order.save(update_fields=["total"])
    Payment.objects.filter(order=order).delete()
    make_payment(order, status="succeeded", succeeded_at=timezone.now())
    return booking


def send_back(booking: Booking, amount: int, *, reason: str = "vendor", status: str = "succeeded", named: bool = False):
    done = timezone.now() if status == "succeeded" else None
    return Refund.objects.create(
        payment=booking.order.payments.get(),
        amount=amount,
        reason=reason,
        status=status,
        finished_at=done,
        booking=booking if named else None,
    )


def lines_of(booking: Booking) -> list[tuple[str, int, int, int]]:
    return [(one.kind, one.gross, one.fee, one.net) for one in booking.earnings.order_by("pk")]


def nets(*bookings: Booking) -> list[int]:
    return [sum(one.net for one in booking.earnings.all()) for booking in bookings]


def test_a_paid_session_earns_its_price_less_its_discount_and_the_fee(ada: Tutor, sam: User, settings):
    settings.PLATFORM_FEE_PERCENT = 15
    booking = sell(sam, ada, discount=49_999)

    assert [settle_earnings(booking.order_id), settle_earnings(booking.order_id)] == [1, 0]

    assert lines_of(booking) == [("session", 100_001, 15_000, 85_001)]
    assert booking.earnings.get().due_at is None


@pytest.mark.defect("IT-05")
def test_the_fee_is_the_tutors_own_and_stays_what_it_was_at_the_payment(ada: Tutor, sam: User, settings):
    settings.PLATFORM_FEE_PERCENT = 15
    Tutor.objects.filter(pk=ada.pk).update(fee_percent=10)
    booking = sell(sam, ada)
    settle_earnings(booking.order_id)

    Tutor.objects.filter(pk=ada.pk).update(fee_percent=50)
    send_back(booking, 50_000)
    settle_earnings(booking.order_id)

    assert lines_of(booking) == [("session", 150_000, 15_000, 135_000), ("correction", -50_000, -5_000, -45_000)]


def test_half_a_unit_of_the_fee_is_rounded_up(ada: Tutor, sam: User, settings):
    settings.PLATFORM_FEE_PERCENT = 15
    booking = sell(sam, ada, price=10)
    settle_earnings(booking.order_id)
    assert lines_of(booking) == [("session", 10, 2, 8)]


def test_what_costs_nothing_or_was_never_paid_earns_nothing(ada: Tutor, sam: User, root: User):
    free = sell(sam, ada, discount=150_000)
    gift = make_order(sam, status="paid", total=0, discount=150_000, gifted_by=root)
    make_booking(sam, ada, order=gift, status=Status.PAID, discount=150_000, during=an_hour(tomorrow(days=3)))
    unpaid = make_booking(sam, ada, during=an_hour(tomorrow(days=4)))
    for order in (free.order_id, gift.pk, unpaid.order_id):
        settle_earnings(order)
    assert not Earning.objects.exists()


@pytest.mark.defect("IT-21")
def test_a_cancellation_takes_back_what_it_gives_back(ada: Tutor, sam: User):
    booking = sell(sam, ada, day=5)
    settle_earnings(booking.order_id)

    cancel_booking(booking, who=sam, seen=booking.net)
    settle_earnings(booking.order_id)

    assert lines_of(booking) == [("session", 150_000, 0, 150_000), ("correction", -150_000, 0, -150_000)]
    assert booking.earnings.get(kind="correction").why == "Rp150,000 of the price goes back to the payer."


def test_a_late_cancellation_leaves_its_part_and_falls_due_after_the_sessions_time(ada: Tutor, sam: User):
    booking = sell(sam, ada, status=Status.CANCELLED, refund=75_000, cancelled_at=timezone.now())
    settle_earnings(booking.order_id)
    line = booking.earnings.get()
    assert (line.net, line.due_at) == (75_000, booking.ends_at + timedelta(days=7))


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.NO_SHOW_STUDENT])
def test_a_session_that_is_over_falls_due_when_the_days_have_passed(ada: Tutor, sam: User, settings, status: str):
    settings.EARNINGS_HELD_DAYS = 3
    booking = sell(sam, ada, during=PAST)
    settle_earnings(booking.order_id)
    assert booking.earnings.get().due_at is None

    Booking.objects.update(status=status)
    settle_earnings(booking.order_id)

    assert booking.earnings.get().due_at == PAST.end + timedelta(days=3)


def test_money_that_went_back_of_the_whole_payment_is_shared_to_the_last_unit(ada: Tutor, sam: User):
    order = make_order(sam, status="paid")
    one = sell(sam, ada, order=order, price=100)
    two = sell(sam, ada, order=order, price=100, day=2)
    other = sell(sam, make_tutor(slug="ben"), order=order, price=100, day=3)
    gone = sell(sam, ada, order=order, price=100, day=4, status=Status.CANCELLED, refund=100, cancelled_at=timezone.now())
    send_back(gone, 100, reason="cancelled", named=True)
    send_back(one, 100)
    settle_earnings(order.pk)
    assert nets(one, two, other, gone) == [66, 67, 67, 0]


def test_a_refund_that_failed_takes_nothing_unless_it_is_owed_for_the_session(ada: Tutor, sam: User):
    one, two = sell(sam, ada), sell(sam, ada, day=2)
    send_back(one, 50_000, status="failed")
    Booking.objects.filter(pk=two.pk).update(status=Status.CANCELLED, refund=50_000, cancelled_at=timezone.now())
    send_back(two, 50_000, status="failed", named=True)
    for booking in (one, two):
        settle_earnings(booking.order_id)
    assert nets(one, two) == [150_000, 100_000]


def test_a_refund_that_the_staff_wished_and_dropped_again_takes_nothing(ada: Tutor, sam: User):
    wished, called_off = sell(sam, ada, refund=50_000), sell(sam, ada, day=2, refund=50_000)
    for booking in (wished, called_off):
        refund = send_back(booking, 50_000, reason="other", status="failed", named=True)
        Refund.objects.filter(pk=refund.pk).update(finished_at=timezone.now())
    Booking.objects.filter(pk=called_off.pk).update(status=Status.CANCELLED, refund=150_000, cancelled_at=timezone.now())
    for booking in (wished, called_off):
        settle_earnings(booking.order_id)
    assert nets(wished, called_off) == [150_000, 0]


def test_sessions_of_a_late_order_earn_only_as_far_as_they_were_still_free(ada: Tutor, sam: User):
    order = make_order(sam, status="paid")
    kept = sell(sam, ada, order=order)
    gone = sell(sam, ada, order=order, day=2, status=Status.EXPIRED, refund=150_000)
    send_back(gone, 150_000, reason="late", named=True)
    settle_earnings(order.pk)
    assert nets(kept, gone) == [150_000, 0]


@pytest.mark.parametrize("reason", ["late", "twice", "cancelled", "misfit"])
def test_a_second_payment_that_goes_back_whole_concerns_nobody(ada: Tutor, sam: User, reason: str):
    booking = sell(sam, ada)
    second = make_payment(booking.order, status="succeeded", succeeded_at=timezone.now())
    Refund.objects.create(payment=second, amount=second.amount, reason=reason)
    settle_earnings(booking.order_id)
    assert nets(booking) == [150_000]


def test_a_payment_that_did_not_fit_and_was_returned_concerns_nobody(ada: Tutor, sam: User):
    booking = sell(sam, ada)
    odd = make_payment(booking.order, amount=70_000, status="succeeded", succeeded_at=timezone.now())
    Refund.objects.create(payment=odd, amount=70_000, reason="misfit")
    settle_earnings(booking.order_id)
    assert nets(booking) == [150_000]


@pytest.mark.defect("TB-26")
@pytest.mark.defect("IT-11")
def test_the_round_finds_whatever_news_was_lost(ada: Tutor, sam: User, django_assert_num_queries):
    paid, over, refunded = sell(sam, ada), sell(sam, ada, during=PAST), sell(sam, ada, day=2)
    settle_all_earnings()
    Booking.objects.filter(pk=over.pk).update(status=Status.COMPLETED)
    send_back(refunded, 1)

    assert [settle_all_earnings(), settle_all_earnings()] == [2, 0]

    assert nets(paid, over, refunded) == [150_000, 150_000, 149_999]
    assert over.earnings.get().due_at == PAST.end + timedelta(days=7)
    with django_assert_num_queries(1):
        settle_all_earnings()


def test_lines_are_never_rewritten_nor_deleted(ada: Tutor, sam: User):
    booking = sell(sam, ada, during=PAST, status=Status.COMPLETED)
    settle_earnings(booking.order_id)
    line = Earning.objects.filter(booking=booking)

    for change in ({"gross": 1, "net": 1}, {"fee_percent": 3}, {"due_at": timezone.now()}, {"why": "other"}):
        with pytest.raises(IntegrityError, match="never changed"), transaction.atomic():
            line.update(**change)
    with pytest.raises(IntegrityError, match="never deleted"), transaction.atomic():
        line.delete()


@pytest.mark.django_db(transaction=True)
def test_news_of_a_payment_and_of_a_cancellation_reach_the_account(
    booking: Booking, payment: Payment, sam: User, drain: Drain
):
    record_payment_succeeded(payment, PaymentReport(payment.reference, Outcome.PAID, money=payment.money, external_id="T"))
    drain()
    assert nets(booking) == [150_000]

    booking.refresh_from_db()
    Booking.objects.update(during=(tomorrow(days=5), tomorrow(13, days=5)), blocks=(tomorrow(days=5), tomorrow(13, days=5)))
    booking.refresh_from_db()
    cancel_booking(booking, who=sam, seen=booking.net)
    drain()
    assert nets(booking) == [0]


@pytest.mark.django_db(transaction=True)
def test_ten_workers_add_each_line_once(ada: Tutor, sam: User):
    booking = sell(sam, ada)

    outcomes = race(lambda _number: settle_earnings(booking.order_id), threads=10)

    assert sorted(one.value for one in outcomes) == [0] * 9 + [1]
    assert nets(booking) == [150_000]
