"""A person's own payments: what was paid, year by year, and as a table."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from io import StringIO
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import timezone

from bookings.models import Booking, Order, Tutor, User
from bookings.money import Money
from payments.models import Payment, Refund
from payments.own_payments import totals_of
from tests.factories import an_hour, make_booking, make_order, make_payment, tomorrow
from tests.pages import queries_of, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(client: Client, sam: User) -> Client:
    """Sam's browser, logged in; his clock is seven hours ahead of UTC."""
    client.force_login(sam)
    return client


def buy(payer: User, ada: Tutor, *, at: datetime | None = None, hour: int = 12, days: int = 1, **fields: Any) -> Order:
    """Pay for a session."""
    at = at or timezone.now()
    order = make_order(payer, status=Order.Status.PAID, placed_at=at, paid_at=at)
    make_booking(payer, ada, order=order, status=Booking.Status.PAID, during=an_hour(tomorrow(hour, days=days)), **fields)
    received = {"received_amount": order.total, "received_currency": "IDR"}
    make_payment(order, status=Payment.Status.SUCCEEDED, succeeded_at=at, **received)
    return order


def table(answer: Any) -> list[list[str]]:
    return list(csv.reader(StringIO(answer.content.decode("utf-8-sig"))))


def test_whoever_paid_nothing_yet_is_shown_the_way_to_a_tutor(page: Client, sam: User, ada: Tutor):
    make_booking(sam, ada, status=Booking.Status.EXPIRED)  # given up before anything was tried

    told = text_of(page.get("/payments/"))

    assert "Nothing paid yet" in told
    assert "Find a tutor" in told


def test_payments_tell_what_for_how_much_how_and_what_came_back(page: Client, sam: User, ada: Tutor):
    order = buy(sam, ada, name="Algebra")
    make_booking(sam, ada, order=order, during=an_hour(tomorrow(15)), status=Booking.Status.PAID)
    Refund.objects.create(payment=order.payments.get(), amount=50_000, reason=Refund.Reason.OTHER)

    answer = page.get("/payments/")

    told = text_of(answer)
    for words in ("Algebra", "and 1 other session", "Midtrans", "Paid", "Rp150,000", "Rp50,000 goes back", order.reference):
        assert words in told
    assert "Paid Rp150,000 Of which comes back Rp50,000" in told
    assert f'href="/orders/{order.reference}/receipt/"' in answer.text


def test_money_that_went_back_whole_is_said_to_have_gone_once_it_has(page: Client, sam: User, ada: Tutor):
    order = make_booking(sam, ada, status=Booking.Status.EXPIRED).order
    Order.objects.filter(pk=order.pk).update(status=Order.Status.EXPIRED)
    payment = make_payment(order, status=Payment.Status.SUCCEEDED, succeeded_at=timezone.now())
    refund = Refund.objects.create(payment=payment, amount=150_000, reason=Refund.Reason.LATE)
    assert "Goes back" in text_of(page.get("/payments/"))

    Refund.objects.filter(pk=refund.pk).update(status="succeeded", finished_at=timezone.now())

    assert "Went back" in text_of(page.get("/payments/"))


def test_failed_attempts_are_listed_without_a_receipt(page: Client, sam: User, ada: Tutor):
    order = make_booking(sam, ada).order
    make_payment(order, status=Payment.Status.FAILED, checkout_url="https://pay.test/1")

    answer = page.get("/payments/")

    assert "Did not go through" in text_of(answer)
    assert "/receipt/" not in answer.text
    assert order.get_absolute_url() in answer.text


def test_year_is_that_of_the_readers_calendar(page: Client, sam: User, ada: Tutor):
    eve = buy(sam, ada, at=datetime(2025, 12, 31, 18, tzinfo=UTC))  # one o'clock of the new year in Jakarta
    buy(sam, ada, at=datetime(2025, 12, 31, 16, tzinfo=UTC), hour=15)

    with_2026 = page.get("/payments/", {"year": "2026"})

    assert [row.order for row, _mark, _word in with_2026.context["rows"]] == [eve]
    assert [str(total.received) for total in with_2026.context["totals"]] == ["Rp150,000"]
    assert with_2026.context["years"] == [2026, 2025]
    assert "Nothing in this year" in text_of(page.get("/payments/", {"year": "2024"}))


@pytest.mark.parametrize("year", ["x", "0", "99999999999999999999", "-1", "\0", "٢٠٢٦", "1900", "9999"])
def test_year_that_is_none_is_not_found(page: Client, year: str):
    assert page.get("/payments/", {"year": year}).status_code == 404
    assert page.get("/payments/table.csv", {"year": year}).status_code == 404


def test_payments_of_somebody_else_are_not_listed(page: Client, sam: User, kim: User, ada: Tutor):
    order = make_order(kim, status=Order.Status.PAID)
    make_booking(sam, ada, order=order, status=Booking.Status.PAID)  # Kim pays for Sam
    make_payment(order, status=Payment.Status.SUCCEEDED, succeeded_at=timezone.now())

    assert "Nothing paid yet" in text_of(page.get("/payments/"))
    assert len(table(page.get("/payments/table.csv"))) == 1


def test_payments_are_split_into_pages_and_take_the_same_queries_however_many(page: Client, sam: User, ada: Tutor):
    buy(sam, ada)
    queries_of(page, "/payments/")
    with_one, table_with_one = queries_of(page, "/payments/"), queries_of(page, "/payments/table.csv")
    for day in range(2, 27):
        order = buy(sam, ada, days=day)
        Refund.objects.create(payment=order.payments.get(), amount=1, reason=Refund.Reason.OTHER)

    assert queries_of(page, "/payments/") == with_one
    assert queries_of(page, "/payments/table.csv") == table_with_one
    assert len(page.get("/payments/").context["rows"]) == 20
    assert len(page.get("/payments/?page=2").context["rows"]) == 6


def test_table_holds_exact_amounts_and_nothing_that_reckons(page: Client, sam: User, ada: Tutor):
    order = buy(sam, ada, at=datetime(2026, 1, 31, 18, tzinfo=UTC), name="=HYPERLINK(1)")
    Refund.objects.create(payment=order.payments.get(), amount=50_000, reason=Refund.Reason.OTHER)

    answer = page.get("/payments/table.csv?year=2026")

    head, line = table(answer)
    assert head == ["Date", "Order", "What for", "Amount", "Currency", "Paid with", "State", "Back"]
    when = "2026-02-01 01:00"
    assert line == [when, order.reference, "'=HYPERLINK(1)", "150000", "IDR", "Midtrans", "paid", "50000"]
    assert answer["Content-Disposition"] == 'attachment; filename="payments-2026.csv"'


def test_account_menu_leads_to_the_payments(page: Client):
    assert 'href="/payments/"' in page.get("/home/").text


def test_total_is_in_the_currency_in_which_the_money_came(sam: User, ada: Tutor):
    order = buy(sam, ada)
    order.payments.update(received_amount=1_500, received_currency="USD", refunded_amount=1_500)
    [total] = totals_of(sam, None, ZoneInfo("Asia/Jakarta"))
    assert (total.received, total.back) == (Money(1_500, "USD"), Money(1_500, "USD"))
