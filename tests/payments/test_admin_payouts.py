"""Payouts in the admin: made after a look, downloaded, marked paid one by one or together, undone."""

from __future__ import annotations

import csv
from datetime import timedelta
from io import StringIO

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from bookings.models import Tutor, User
from payments.models import Earning, Payout
from payments.payouts import make_payouts, mark_payout_paid
from tests.factories import make_user
from tests.pages import text_of
from tests.payments.accounts import MARCH_2, earn
from tests.payments.test_payouts import APRIL

LIST = "/admin/payments/payout/"


@pytest.fixture
def clerk(db: None) -> Client:
    """The browser of somebody who may look at payouts, and no more."""
    person = make_user(is_staff=True)
    person.user_permissions.add(*Permission.objects.filter(codename__in=["view_payout", "view_earning"]))
    browser = Client()
    browser.force_login(person)
    return browser


def read(answer) -> list[list[str]]:
    return list(csv.reader(StringIO(answer.content.decode().removeprefix("\ufeff"))))


def test_payouts_are_made_after_a_look_at_what_they_come_to(ada: Tutor, sam: User, desk: Client):
    earn(sam, ada)
    look = text_of(desk.get(f"{LIST}make/?before=2026-04-01"))
    assert "Ada Tutor 1 Rp150,000 A payout" in look
    assert not Payout.objects.exists()

    answer = desk.post(f"{LIST}make/", {"before": "2026-04-01"}, follow=True)

    assert "1 payout made." in text_of(answer)
    assert (Payout.objects.get().until, Payout.objects.get().made_by) == (APRIL, User.objects.get(email="root@example.com"))


def test_the_usual_day_is_the_first_of_this_month(ada: Tutor, desk: Client):
    assert f'value="{timezone.localdate().replace(day=1).isoformat()}"' in desk.get(f"{LIST}make/").content.decode()


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01", "no", "2026-02-30", "<b>"])
def test_a_day_that_makes_no_sense_gets_a_sentence_and_makes_nothing(ada: Tutor, sam: User, desk: Client, day: str):
    earn(sam, ada)
    page = desk.post(f"{LIST}make/", {"before": day})
    assert page.status_code == 200
    assert "errorlist" in page.content.decode()
    assert not Payout.objects.exists()


def test_the_table_is_safe_and_complete(ada: Tutor, sam: User, root: User, desk: Client):
    User.objects.filter(pk=ada.user_id).update(full_name="=1+1 Ada")
    earn(sam, ada, 2_400, fee=100, currency="USD")
    (payout,) = make_payouts(until=APRIL, who=root)
    mark_payout_paid(payout, who=root, note="+62 transfer, “BCA”")

    answer = desk.get(f"{LIST}table.csv?status__exact=paid")

    heads, row = read(answer)
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.content.startswith("\ufeff".encode())
    assert heads == [
        *["Payout", "Tutor", "E-mail", "Due before", "Sessions", "Gross", "Fee", "Net"],
        *["Currency", "Status", "Made at", "Paid at", "Note"],
    ]
    assert row[:10] == [
        payout.reference,
        "'=1+1 Ada",
        "ada@example.com",
        "2026-04-01",
        "1",
        "25.00",
        "1.00",
        "24.00",
        "USD",
        "paid",
    ]
    assert row[12] == "'+62 transfer, “BCA”"
    assert read(desk.get(f"{LIST}table.csv?status__exact=open"))[1:] == []


def test_several_are_marked_paid_with_one_word_of_how(ada: Tutor, sam: User, root: User, desk: Client):
    earn(sam, ada)
    earn(sam, ada, 5_000, at=MARCH_2 + timedelta(days=1), currency="USD")
    keys = [payout.pk for payout in make_payouts(until=APRIL, who=root)]
    chosen = {"action": "mark_paid", "_selected_action": keys}

    refused = desk.post(LIST, chosen, follow=True)
    assert "Please say how and when it was paid." in text_of(refused)
    paid = desk.post(LIST, {**chosen, "note": "Bank list of 3 April"}, follow=True)

    assert "2 payouts marked as paid." in text_of(paid)
    assert set(Payout.objects.values_list("status", "note")) == {("paid", "Bank list of 3 April")}


def test_one_is_marked_paid_or_undone_on_its_page(ada: Tutor, sam: User, root: User, desk: Client):
    earn(sam, ada)
    (payout,) = make_payouts(until=APRIL, who=root)
    page = f"{LIST}{payout.pk}/"
    assert "Undo this payout" in text_of(desk.get(f"{page}change/"))
    assert payout.reference in text_of(desk.get(f"{page}undo/"))

    assert "what was in it is due again" in text_of(desk.post(f"{page}undo/", follow=True))
    assert Earning.objects.get().payout is None
    assert "undone meanwhile" in text_of(desk.post(f"{page}undo/", follow=True))

    (payout,) = make_payouts(until=APRIL, who=root)
    desk.post(f"{LIST}{payout.pk}/pay/", {"text": "by hand"})
    assert Payout.objects.get().note == "by hand"
    assert "Undo this payout" not in text_of(desk.get(f"{LIST}{payout.pk}/change/"))


def test_who_may_only_look_changes_nothing(ada: Tutor, sam: User, root: User, clerk: Client):
    earn(sam, ada)
    (payout,) = make_payouts(until=APRIL, who=root)
    page = clerk.get(LIST)
    assert (page.status_code, "Make payouts" in text_of(page)) == (200, False)
    assert clerk.get(f"{LIST}table.csv").status_code == 200
    assert clerk.get(f"/admin/payments/earning/tutor/{ada.pk}/2026-03/").status_code == 200
    for address in ("make/", f"{payout.pk}/undo/"):
        assert clerk.get(f"{LIST}{address}").status_code == 403
        assert clerk.post(f"{LIST}{address}").status_code == 403
    clerk.post(LIST, {"action": "mark_paid", "_selected_action": [payout.pk], "note": "x"})
    clerk.post(f"{LIST}{payout.pk}/pay/", {"text": "x"})
    assert Payout.objects.get().status == "open"


@pytest.mark.parametrize("state", ["held", "looked_at", "due", "open", "paid", "nonsense"])
def test_lines_are_found_by_where_their_money_is(ada: Tutor, sam: User, root: User, desk: Client, state: str):
    lines = {
        "held": earn(sam, ada, due_at=timezone.now() + timedelta(days=1)),
        "due": earn(sam, ada, at=MARCH_2 + timedelta(days=1)),
        "looked_at": earn(sam, ada, at=MARCH_2 + timedelta(days=2)),
        "open": earn(sam, ada, at=MARCH_2 + timedelta(days=3)),
    }
    order = lines["looked_at"].booking.order
    order.disputed_at = timezone.now()
    order.save(update_fields=["disputed_at"])
    payout = Payout.objects.create(tutor=ada, currency="IDR", amount=1, until=APRIL)
    Earning.objects.filter(pk=lines["open"].pk).update(payout=payout)

    words = text_of(desk.get(f"/admin/payments/earning/?state={state}"))

    shown = {name for name, line in lines.items() if line.booking.reference in words}
    assert shown == ({"paid": set(), "nonsense": set(lines)}.get(state, {state}))


def test_the_fee_of_a_tutor_is_set_in_the_admin(ada: Tutor, desk: Client):
    assert 'name="fee_percent"' in desk.get(f"/admin/bookings/tutor/{ada.pk}/change/").content.decode()


@pytest.mark.parametrize("query", ["state=x", "until__gte=x"])
def test_table_of_an_address_that_means_nothing_leads_to_the_list(desk: Client, query: str):
    answer = desk.get(f"{LIST}table.csv?{query}")

    assert (answer.status_code, answer["Location"]) == (302, LIST)
