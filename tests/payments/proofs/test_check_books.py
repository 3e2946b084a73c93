"""The command and the daily job that prove the books."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.mail import EmailMessage
from django.core.management import CommandError, call_command
from procrastinate.contrib.django import app

from bookings.models import User
from payments.models import ReceiptCounter
from payments.tasks import check_books
from tests.conftest import Drain
from tests.payments.proofs.conftest import Books


@pytest.mark.django_db(transaction=True)
def test_the_command_says_that_the_books_add_up(books: Books):
    out = StringIO()
    call_command("check_books", "--grace=0", stdout=out)
    assert out.getvalue().startswith("The books add up (19 proofs, ")


def test_the_command_fails_with_a_line_for_each_fault(books: Books):
    ReceiptCounter.objects.filter(kind="payment").update(last=2)
    out = StringIO()
    with pytest.raises(CommandError, match="do not add up: 1 findings"):
        call_command("check_books", stdout=out)
    assert out.getvalue().startswith("receipt_gapless: Of the receipts R-2026 2 were counted, but 1 exist, up to number 1.")


@pytest.mark.parametrize("grace", ["-1", "99999999999"])
def test_the_command_refuses_an_odd_grace(db: None, grace: str):
    with pytest.raises(CommandError, match="from 0 to a year"):
        call_command("check_books", f"--grace={grace}")


def test_the_daily_job_says_nothing_of_books_that_add_up(books: Books, root: User, mailoutbox: list[EmailMessage]):
    check_books(0)
    assert mailoutbox == []
    assert {task.task.name: task.cron for task in app.periodic_registry.periodic_tasks.values()}[
        "payments.check_books"
    ] == "10 0 * * *"


def test_the_daily_job_tells_the_staff_in_their_language(
    books: Books, root: User, drain: Drain, mailoutbox: list[EmailMessage]
):
    drain()
    mailoutbox.clear()
    ReceiptCounter.objects.filter(kind="payment").update(last=2)
    check_books(0)
    drain()
    assert [(mail.to, mail.subject) for mail in mailoutbox] == [
        (["root@example.com"], "[Linkpool] The books do not add up: 1 finding")
    ]
    assert "- Of the receipts R-2026 2 were counted" in str(mailoutbox[0].body)
