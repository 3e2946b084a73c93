"""Payers, banks, workers and the staff at once, each moving money at random: afterwards the books add up to the unit."""

from __future__ import annotations

import random
from typing import Any

import pytest
from django.utils import timezone

from payments.gateways.sandbox_ledger import Ledger
from payments.models import Dispute, Earning, Payment, Refund
from payments.proofs import prove_books
from tests.factories import make_code, make_link, make_session_type, make_tutor, make_user
from tests.money_storm import MoneyStorm, come_to_rest
from tests.race import race
from tests.storm import go_on
from tests.test_storm import deadlocks

THREADS, STEPS = 4, 60


@pytest.mark.django_db(transaction=True)
def test_storm_of_money_leaves_the_books_adding_up(settings: Any, caplog: pytest.LogCaptureFixture):
    settings.EARNINGS_HELD_DAYS = 0
    people, types = [make_user() for _ in range(5)], [make_session_type(make_tutor()) for _ in range(4)]
    types.append(make_session_type(make_tutor(approves_first=True)))
    make_code("STORM")
    make_link()
    broken_up = deadlocks()

    def live(number: int) -> None:
        storm = MoneyStorm(random.Random(number), people, types)
        for _step in range(STEPS):
            storm.step()

    assert [outcome.error for outcome in race(live, threads=THREADS)] == [None] * THREADS
    go_on(MoneyStorm(random.Random(THREADS), people, types), until=_have_happened)

    assert deadlocks() == broken_up
    come_to_rest()
    assert [finding.text for finding in prove_books(before=timezone.now())] == []
    for payment in Payment.objects.all():
        _look_through(payment)
    # The staff may have sent everything back before the session was called off.
    errors = {record.getMessage() for record in caplog.records if record.levelname == "ERROR"}
    assert errors <= {"nothing left to pay back from"}


def _have_happened() -> bool:
    """What the storm is for has come about, each at least once."""
    reasons = {*Refund.objects.values_list("reason", flat=True)}
    has_ended = Dispute.objects.exclude(status="open").exists()
    return reasons >= {"twice", "misfit", "other"} and has_ended and Earning.objects.filter(kind="correction").exists()


def _look_through(payment: Payment) -> None:
    """What the bank sent back is in the books, each once, or the staff know that it is too much; nothing is under way."""
    sent = {entry["id"]: entry["amount"] for entry in Ledger(payment.reference).refunds()}
    known = dict(payment.refunds.filter(status="succeeded").exclude(external_id="").values_list("external_id", "amount"))
    assert known.items() <= sent.items()
    told = payment.order.changes.filter(what="refund", why__contains="more went back")
    assert [number for number in sent.keys() - known.keys() if not told.filter(why__contains=number).exists()] == []
    waiting = payment.refunds.filter(status__in=["pending", "submitted"])
    assert not waiting.exists() or payment.disputes.open().exists() or payment.status == "needs_review"
