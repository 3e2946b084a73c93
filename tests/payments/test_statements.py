"""A month as its tutor reads it: what was earned, where the money is, and what was put right later."""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime, timedelta
from io import StringIO

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bookings.models import Order, Tutor, User
from payments.models import Earning
from payments.payouts import make_payouts, mark_payout_paid
from payments.statements import balances_of, make_statement, months_of
from tests.factories import make_tutor
from tests.pages import text_of
from tests.payments.accounts import MARCH_2, earn
from tests.payments.test_payouts import APRIL

MARCH = date(2026, 3, 1)
BEFORE_THE_DAYS = MARCH_2 + timedelta(days=3)


@pytest.fixture
def tutor(ada: Tutor) -> Client:
    browser = Client()
    browser.force_login(ada.user)
    return browser


def correct(line: Earning, net: int, *, at: datetime, why: str = "Rp50,000 of the price goes back to the payer.") -> Earning:
    with time_machine.travel(at, tick=False):
        return earn(
            line.booking.student, line.tutor, net, booking=line.booking, kind="correction", why=why, due_at=line.due_at
        )


def states(tutor: Tutor, now: datetime, month: date = MARCH) -> list[str]:
    return [row.state.value for row in make_statement(tutor, month, now=now).sessions]


def test_a_month_is_that_of_the_tutors_clock(ada: Tutor, sam: User):
    Tutor.objects.filter(pk=ada.pk).update(time_zone="Asia/Jakarta")
    ada.refresh_from_db()
    for at in (datetime(2026, 2, 28, 16, 59, tzinfo=UTC), datetime(2026, 2, 28, 17, tzinfo=UTC), APRIL):
        earn(sam, ada, at=at)
    assert [row.at for row in make_statement(ada, MARCH, now=APRIL).sessions] == [datetime(2026, 2, 28, 17, tzinfo=UTC)]
    assert [month for month, _sums in months_of(ada)] == [date(2026, 4, 1), MARCH, date(2026, 2, 1)]


def test_a_session_says_where_its_money_is(ada: Tutor, sam: User, root: User):
    earn(sam, ada, due_at=None)
    assert states(ada, APRIL) == ["to_come"]

    Earning.objects.update(due_at=MARCH_2 + timedelta(days=7))
    assert [states(ada, BEFORE_THE_DAYS), states(ada, APRIL)] == [["held"], ["due"]]

    Order.objects.update(disputed_at=timezone.now())
    assert states(ada, APRIL) == ["looked_at"]

    Order.objects.update(disputed_at=None)
    (payout,) = make_payouts(until=APRIL, who=root)
    assert states(ada, APRIL) == ["in_payout"]

    mark_payout_paid(payout, who=root, note="sent")
    assert states(ada, APRIL) == ["paid_out"]


@pytest.mark.defect("IT-21")
def test_a_correction_of_the_same_month_stands_with_its_session_and_a_later_one_in_its_own(ada: Tutor, sam: User):
    line = earn(sam, ada, 150_000)
    correct(line, -50_000, at=MARCH_2 + timedelta(days=2))
    before = make_statement(ada, MARCH, now=APRIL)
    correct(line, -100_000, at=APRIL + timedelta(days=2), why="The payer's bank took the payment back.")

    march, april = (make_statement(ada, month, now=APRIL) for month in (MARCH, date(2026, 4, 1)))

    assert [str(sums.net) for sums in before.sums] == [str(sums.net) for sums in march.sums] == ["Rp100,000"]
    assert [len(row.corrections) for row in march.sessions] == [1]
    assert ([str(row.net) for row in april.corrections], april.sessions) == (["−Rp100,000"], [])


def test_what_went_back_whole_is_told_so(ada: Tutor, sam: User):
    correct(earn(sam, ada, 150_000), -150_000, at=MARCH_2 + timedelta(days=2))
    assert states(ada, APRIL) == ["reversed"]


def test_balances_tell_how_everything_stands(ada: Tutor, sam: User, root: User):
    earn(sam, ada, 1)
    (payout,) = make_payouts(until=APRIL, who=root)
    mark_payout_paid(payout, who=root, note="sent")
    earn(sam, ada, 20, at=MARCH_2 + timedelta(days=1))
    make_payouts(until=APRIL, who=root)
    day = MARCH_2 + timedelta(days=2)
    earn(sam, ada, 300, at=day, due_at=APRIL + timedelta(days=1))
    earn(sam, ada, 4_000, at=day + timedelta(days=1))
    earn(sam, ada, 50_000, at=day + timedelta(days=2), due_at=None)
    disputed = earn(sam, ada, 600_000, at=day + timedelta(days=3))
    Order.objects.filter(pk=disputed.booking.order_id).update(disputed_at=timezone.now())
    earn(sam, make_tutor(slug="ben"), 7)

    (balance,) = balances_of(ada, now=APRIL)

    amounts = {name: money.amount for name, money in vars(balance).items()}
    assert amounts == {
        "paid_out": 1,
        "in_payout": 20,
        "held": 300,
        "due": 4_000,
        "to_come": 50_000,
        "looked_at": 600_000,
    }


def test_the_statement_is_read_month_by_month(ada: Tutor, sam: User, root: User, tutor: Client):
    line = earn(sam, ada, 135_000, fee=15_000)
    correct(line, -45_000, at=MARCH_2 + timedelta(days=1))
    earn(sam, ada, 2_500, currency="USD", at=MARCH_2 + timedelta(days=2))
    for payout in make_payouts(until=APRIL, who=root):
        mark_payout_paid(payout, who=root, note="By bank")

    page = text_of(tutor.get("/teaching/statements/2026-03/"))

    for words in (
        "Statement for March 2026",
        "Ada Tutor, at Linkpool. By the clock of UTC.",
        "Gross Rp105,000 Fee of the site Rp15,000 Net Rp90,000",
        "Gross $25.00",
        "Sam Student Rp50,000 of the price goes back to the payer.",
        "Paid out on",
    ):
        assert words in page
    paid_in = text_of(tutor.get(f"/teaching/statements/{timezone.now():%Y-%m}/"))
    assert "Paid out in this month" in paid_in
    assert "By bank" in paid_in
    months = text_of(tutor.get("/teaching/statements/"))
    assert "March 2026 1 Rp105,000 Rp15,000 Rp90,000" in months
    assert "Paid out so far Rp90,000" in months


def test_the_table_has_a_line_for_each_line_of_the_account(ada: Tutor, sam: User, tutor: Client):
    User.objects.filter(pk=sam.pk).update(full_name="@Sam")
    correct(earn(sam, ada, 150_000), -50_000, at=MARCH_2 + timedelta(days=1))

    answer = tutor.get("/teaching/statements/2026-03/table.csv")

    heads, first, second = csv.reader(StringIO(answer.content.decode().removeprefix("\ufeff")))
    assert heads[:4] == ["Date", "Session", "Name", "Student"]
    assert (first[0], first[2:4], first[6:11]) == (
        "2026-03-02 03:00",
        ["Maths lesson", "'@Sam"],
        ["150000", "0", "0", "150000", "IDR"],
    )
    assert (second[0], second[4:7], second[9]) == (
        "2026-03-03 03:00",
        ["correction", "Rp50,000 of the price goes back to the payer.", "-50000"],
        "-50000",
    )


def test_nothing_earned_yet_is_told_kindly(tutor: Client):
    assert "Nothing earned yet" in text_of(tutor.get("/teaching/statements/"))
    assert "Nothing in this month" in text_of(tutor.get("/teaching/statements/2026-01/"))
    assert "Nothing yet this month." in text_of(tutor.get("/teaching/earnings/"))


@pytest.mark.parametrize("month", ["2026-13", "2026-00", "1900-01", "9999-12", "٢٠٢٦-٠٣", "0000-01"])
def test_what_is_no_month_is_not_found(tutor: Client, month: str):
    assert tutor.get(f"/teaching/statements/{month}/").status_code == 404
    assert tutor.get(f"/teaching/statements/{month}/table.csv").status_code == 404


def test_each_tutor_reads_their_own_and_the_staff_read_any(ada: Tutor, sam: User, tutor: Client, desk: Client):
    ben = make_tutor(slug="ben")
    theirs = earn(sam, ben, 77_000)
    assert "77,000" not in text_of(tutor.get("/teaching/statements/2026-03/"))
    page = desk.get(f"/admin/payments/earning/tutor/{ben.pk}/2026-03/")
    assert "Rp77,000" in text_of(page)
    assert f"/admin/bookings/booking/{theirs.booking_id}/change/" in page.content.decode()
    assert (
        f'href="/admin/payments/earning/tutor/{ben.pk}/2026-03/"'
        in desk.get(f"/admin/payments/earning/tutor/{ben.pk}/").content.decode()
    )
    assert "77000" in desk.get(f"/admin/payments/earning/tutor/{ben.pk}/2026-03/table.csv").content.decode()
    assert desk.get("/admin/payments/earning/tutor/999999999999999/").status_code == 404


def test_the_home_asks_for_the_card_of_this_month(ada: Tutor, sam: User, tutor: Client):
    today = timezone.now().replace(hour=0, minute=0)
    earn(sam, ada, 135_000, fee=15_000, at=today)
    earn(sam, ada, 1_000, at=MARCH_2)
    assert 'hx-get="/teaching/earnings/"' in tutor.get("/teaching/").content.decode()
    card = text_of(tutor.get("/teaching/earnings/"))
    for words in ("Paid for 1 session Rp150,000", "Fee of the site −Rp15,000", "Remains for you Rp135,000"):
        assert words in card
    assert "Due for the next payout: Rp1,000." in card


def test_pages_take_as_many_queries_for_fifty_sessions_as_for_one(ada: Tutor, sam: User, tutor: Client):
    def count() -> list[int]:
        found = []
        for path in ("statements/", "statements/2026-03/", "statements/2026-03/table.csv", "earnings/"):
            with CaptureQueriesContext(
                connection,
            ) as queries:
                tutor.get(f"/teaching/{path}")
            found.append(len(queries))
        return found

    correct(earn(sam, ada), -1, at=MARCH_2)
    tutor.get("/teaching/statements/")
    one = count()
    for number in range(1, 50):
        correct(earn(sam, ada, at=MARCH_2 + timedelta(hours=2 * number)), -1, at=MARCH_2 + timedelta(days=number))
    assert count() == one
