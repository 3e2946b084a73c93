"""What is due is paid out once, whoever makes payouts at the same moment, and stays as it was paid."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from django.core.mail import EmailMessage
from django.db import IntegrityError, transaction
from django.utils import timezone

from bookings.errors import DomainError, InvalidInput
from bookings.models import Order, Tutor, User
from payments.models import Earning, Payment, Payout
from payments.payouts import (
    day_begins_at,
    make_payouts,
    mark_payout_paid,
    mark_payouts_paid,
    preview_payouts,
    start_of_month,
    undo_payout,
)
from tests.conftest import Drain
from tests.factories import make_payment, make_tutor
from tests.payments.accounts import MARCH_2, earn
from tests.race import race

APRIL = datetime(2026, 3, 31, 17, tzinfo=UTC)  # the first of April in Jakarta


def test_everything_due_goes_into_one_payout_for_each_tutor_and_currency(ada: Tutor, sam: User, root: User):
    ben = make_tutor(slug="ben")
    mine = [earn(sam, ada, 100_000), earn(sam, ada, 50_000, at=MARCH_2 + timedelta(days=1))]
    dollars, bens = earn(sam, ada, 2_500, at=MARCH_2 + timedelta(days=2), currency="USD"), earn(sam, ben, 70_000)
    too_late = earn(sam, ben, 1, at=MARCH_2 + timedelta(days=40))

    made = make_payouts(until=APRIL, who=root)

    assert {(one.tutor, str(one.money), one.status) for one in made} == {
        (ada, "Rp150,000", "open"),
        (ada, "$25.00", "open"),
        (ben, "Rp70,000", "open"),
    }
    for line in (*mine, dollars, bens, too_late):
        line.refresh_from_db()
    assert {line.payout for line in mine} == {Payout.objects.get(tutor=ada, currency="IDR")}
    assert too_late.payout is None
    assert make_payouts(until=APRIL, who=root) == []


@pytest.mark.defect("TB-26")
def test_what_is_due_in_the_very_moment_waits_for_the_next_time(ada: Tutor, sam: User, root: User):
    earn(sam, ada, due_at=APRIL)
    assert make_payouts(until=APRIL, who=root) == []
    assert len(make_payouts(until=APRIL + timedelta(microseconds=1), who=root)) == 1


def test_a_sum_below_zero_is_carried_over_until_it_is_earned_again(ada: Tutor, sam: User, root: User):
    first = earn(sam, ada, 100_000)
    make_payouts(until=APRIL, who=root)
    earn(sam, ada, -100_000, booking=first.booking, kind="correction", due_at=first.due_at)
    earn(sam, ada, 40_000, at=MARCH_2 + timedelta(days=1))
    assert [(str(due.money), due.is_paid_out) for due in preview_payouts(APRIL)] == [("−Rp60,000", False)]
    assert make_payouts(until=APRIL, who=root) == []

    earn(sam, ada, 70_000, at=MARCH_2 + timedelta(days=2))

    assert [str(one.money) for one in make_payouts(until=APRIL, who=root)] == ["Rp10,000"]


def test_disputed_and_questioned_money_is_not_paid_out(ada: Tutor, sam: User, root: User):
    disputed, questioned = earn(sam, ada), earn(sam, ada, at=MARCH_2 + timedelta(days=1))
    Order.objects.filter(pk=disputed.booking.order_id).update(disputed_at=timezone.now())
    make_payment(questioned.booking.order, status="needs_review", succeeded_at=timezone.now())
    assert (preview_payouts(APRIL), make_payouts(until=APRIL, who=root)) == ([], [])

    Order.objects.update(disputed_at=None)
    Payment.objects.update(status="succeeded")

    assert [str(one.money) for one in make_payouts(until=APRIL, who=root)] == ["Rp300,000"]


@pytest.mark.parametrize("day", [date(1, 1, 1), date(9999, 12, 31), date(2400, 1, 1)])
def test_a_day_to_come_or_out_of_reason_is_refused(db: None, root: User, day: date):
    with pytest.raises(InvalidInput, match="has come"):
        day_begins_at(day)


def test_payouts_for_a_moment_to_come_are_refused(root: User):
    with pytest.raises(InvalidInput, match="has come"):
        make_payouts(until=timezone.now() + timedelta(minutes=1), who=root)


def test_days_are_those_of_the_sites_clock():
    assert day_begins_at(date(2026, 4, 1)) == APRIL
    assert start_of_month(APRIL) == date(2026, 4, 1)
    assert start_of_month(APRIL - timedelta(seconds=1)) == date(2026, 3, 1)


def test_marking_paid_tells_the_tutor_once(ada: Tutor, sam: User, root: User, drain: Drain, mailoutbox: list[EmailMessage]):
    earn(sam, ada)
    (payout,) = make_payouts(until=APRIL, who=root)

    paid = mark_payout_paid(payout, who=root, note=" BCA transfer, 3 April ")
    mark_payout_paid(payout, who=root, note="again")
    drain()

    assert (paid.status, paid.paid_by, paid.note) == ("paid", root, "BCA transfer, 3 April")
    assert [(mail.to, mail.subject) for mail in mailoutbox] == [(["ada@example.com"], "Rp150,000 was paid out to you")]
    assert "How it was paid: BCA transfer, 3 April" in str(mailoutbox[0].body)
    assert "/teaching/statements/" in str(mailoutbox[0].body)


def test_paid_needs_a_word_of_how(ada: Tutor, sam: User, root: User):
    earn(sam, ada)
    payouts = make_payouts(until=APRIL, who=root)
    with pytest.raises(InvalidInput, match="how and when"):
        mark_payouts_paid(payouts, who=root, note=" ")
    assert Payout.objects.get().status == "open"


def test_an_open_payout_can_be_undone_and_its_lines_are_due_again(ada: Tutor, sam: User, root: User):
    earn(sam, ada)
    (payout,) = make_payouts(until=APRIL, who=root)

    undo_payout(payout, who=root)

    assert not Payout.objects.exists()
    assert len(make_payouts(until=APRIL, who=root)) == 1
    with pytest.raises(DomainError, match="undone meanwhile"):
        mark_payout_paid(payout, who=root, note="x")


def test_a_paid_payout_stays_and_so_do_its_lines(ada: Tutor, sam: User, root: User):
    line = earn(sam, ada)
    (payout,) = make_payouts(until=APRIL, who=root)
    paid = mark_payout_paid(payout, who=root, note="sent")

    with pytest.raises(DomainError, match="it stays"):
        undo_payout(paid, who=root)
    for rewrite in (
        lambda: Payout.objects.update(amount=1),
        lambda: Payout.objects.update(note="other"),
        lambda: Earning.objects.filter(pk=line.pk).update(payout=None),
        lambda: Earning.objects.filter(pk=earn(sam, ada, at=MARCH_2 + timedelta(days=9)).pk).update(payout=paid),
    ):
        with pytest.raises(IntegrityError, match="never changed"), transaction.atomic():
            rewrite()


def test_a_line_goes_into_a_payout_of_its_tutor_and_currency_only(ada: Tutor, sam: User, root: User):
    line = earn(sam, ada)
    other = Payout.objects.create(tutor=make_tutor(slug="ben"), currency="IDR", amount=1, until=APRIL)
    with pytest.raises(IntegrityError, match="one tutor in one currency"), transaction.atomic():
        Earning.objects.filter(pk=line.pk).update(payout=other)


@pytest.mark.django_db(transaction=True)
def test_six_admins_at_once_pay_every_line_once(ada: Tutor, sam: User, root: User):
    ben = make_tutor(slug="ben")
    for day in range(10):
        earn(sam, ada if day % 2 else ben, 1_000 + day, at=MARCH_2 + timedelta(days=day))

    outcomes = race(lambda _number: len(make_payouts(until=APRIL, who=root)), threads=6)

    assert sorted(one.value for one in outcomes) == [0, 0, 0, 0, 0, 2]
    assert sum(payout.amount for payout in Payout.objects.all()) == 10_045
    assert not Earning.objects.filter(payout=None).exists()


@pytest.mark.django_db(transaction=True)
def test_a_payout_is_paid_or_undone_never_both(ada: Tutor, sam: User, root: User):
    earn(sam, ada)
    (payout,) = make_payouts(until=APRIL, who=root)

    def act(number: int) -> None:
        if number % 2:
            undo_payout(payout, who=root)
        else:
            mark_payout_paid(payout, who=root, note="sent")

    race(act, threads=6)

    kept = Payout.objects.filter(pk=payout.pk).first()
    assert kept is None or kept.status == "paid"
    assert Earning.objects.filter(payout=None).exists() == (kept is None)
