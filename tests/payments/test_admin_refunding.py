"""The admin's page for sending money back: told first, then owed once."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from bookings.models import Tutor, User
from payments.models import Payment, Refund
from payments.settlement import record_payment_succeeded
from tests.factories import make_booking, make_payment
from tests.pages import text_of
from tests.payments.test_admin import clerk
from tests.payments.test_settlement import report_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def paid(sam: User, ada: Tutor) -> Payment:
    """Sam's payment of Rp150,000, received."""
    payment = make_payment(make_booking(sam, ada).order)
    record_payment_succeeded(payment, report_of(payment))
    return payment


def page(payment: Payment) -> str:
    return reverse("admin:payments_payment_refund", args=[payment.pk])


def test_refund_is_shown_before_it_is_owed(desk: Client, paid: Payment):
    asked = {"amount": "50.000", "why": "a promise of ours"}

    preview = text_of(desk.post(page(paid), asked))

    assert "Rp50,000 goes back to Sam Student; Rp100,000 stays." in preview
    assert "This cancels no session." in preview
    assert not Refund.objects.exists()

    done = desk.post(page(paid), {**asked, "seen": "150000-50000"}, follow=True)

    assert done.redirect_chain[-1][0] == reverse("admin:payments_order_story", args=[paid.order.reference])
    assert "Rp50,000 goes back to Sam Student" in text_of(done)
    refund = Refund.objects.get()
    assert refund.asked_by is not None
    assert (refund.amount, refund.why, refund.asked_by.email) == (50_000, "a promise of ours", "root@example.com")


def test_refund_without_a_sum_is_of_all_that_is_left(desk: Client, paid: Payment):
    asked = {"amount": "", "why": "all of it"}
    assert "Rp150,000 goes back to Sam Student; Rp0 stays." in text_of(desk.post(page(paid), asked))

    desk.post(page(paid), {**asked, "seen": "150000-150000"})

    assert Refund.objects.get().amount == 150_000
    assert "Nothing is left of this payment to send back." in text_of(desk.get(page(paid)))


def test_second_press_of_the_same_page_owes_nothing_again(desk: Client, paid: Payment):
    asked = {"amount": "50000", "why": "once", "seen": "150000-50000"}
    desk.post(page(paid), asked)

    again = desk.post(page(paid), asked)

    assert Refund.objects.count() == 1
    assert "Rp50,000 goes back to Sam Student; Rp50,000 stays." in text_of(again)  # told anew, as it stands now


def test_sum_that_was_changed_after_it_was_shown_is_told_anew(desk: Client, paid: Payment):
    told = desk.post(page(paid), {"amount": "1000", "why": "a promise of ours"})
    assert 'name="seen" value="150000-1000"' in told.text

    answer = desk.post(page(paid), {"amount": "100000", "why": "a promise of ours", "seen": "150000-1000"})

    assert not Refund.objects.exists()
    assert "Rp100,000 goes back to Sam Student; Rp50,000 stays." in text_of(answer)


@pytest.mark.parametrize("amount", ["-1", "0", "x", "1e5", "150.001", "NaN", "9" * 30, "\0"])
def test_sum_that_cannot_go_back_gets_a_sentence_and_owes_nothing(desk: Client, paid: Payment, amount: str):
    answer = desk.post(page(paid), {"amount": amount, "why": "typed by hand"})

    assert answer.status_code == 200
    assert 'class="errorlist' in answer.text
    assert not Refund.objects.exists()


def test_refund_needs_a_reason(desk: Client, paid: Payment):
    answer = desk.post(page(paid), {"amount": "1000", "why": "  ", "seen": "150000-1000"})

    assert "This field is required." in text_of(answer)
    assert not Refund.objects.exists()


def test_payment_that_was_not_received_cannot_be_sent_back(desk: Client, sam: User, ada: Tutor):
    waiting = make_payment(make_booking(sam, ada).order)

    desk.post(page(waiting), {"amount": "1000", "why": "no", "seen": "150000-1000"})

    assert not Refund.objects.exists()


@pytest.mark.parametrize(("rights", "status"), [(["view_payment"], 403), (["change_payment"], 200)])
def test_refunding_is_for_whoever_may_change_payments(paid: Payment, rights: list[str], status: int):
    assert clerk(*rights).get(page(paid)).status_code == status
    assert clerk(*rights).post(page(paid), {"amount": "1", "why": "x", "seen": "150000-1"}).status_code in (status, 302)
    assert Refund.objects.exists() == (status == 200)
