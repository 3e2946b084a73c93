"""Promo codes and session types in the admin."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.utils import timezone

from bookings.holds import Wanted, place_hold
from bookings.models import Order, PromoCode, SessionType, Tutor, User
from bookings.money import Money
from bookings.orders import order_at_once
from bookings.promo_codes import put_code
from tests.desk import address, text_of
from tests.factories import make_code, make_order, make_session_type, make_tutor, make_user, tomorrow
from tests.pages import queries_of

FILLED: dict[str, Any] = {
    "code": " summer-26 ",
    "kind": "percent",
    "percent": "10",
    "uses_per_person": "1",
    "is_active": "on",
}


def add(desk: Client, **other: Any) -> Any:
    return desk.post(address(PromoCode, "add"), {**FILLED, **other})


def test_code_is_made_in_capitals_and_says_who_made_it(desk: Client, root: User):
    assert add(desk).status_code == 302
    code = PromoCode.objects.get()
    assert (code.code, code.percent, code.amount, code.currency, code.uses_per_person) == ("SUMMER-26", 10, None, "", 1)
    assert code.created_by == root


def test_new_code_works_once_for_each_person_unless_told_otherwise(desk: Client):
    assert 'name="uses_per_person" value="1"' in text_of(desk.get(address(PromoCode, "add")))


def test_sums_of_a_code_are_typed_as_people_write_them(desk: Client):
    add(desk, kind="fixed", percent="", amount="12,50", currency="USD", minimum_total="1.000")
    code = PromoCode.objects.get()
    assert (code.amount, code.minimum_total, code.currency) == (1_250, 100_000, "USD")
    page = text_of(desk.get(address(PromoCode, "change", code.pk)))
    assert 'value="12.50"' in page
    assert 'value="1000.00"' in page
    assert "$12.50" in text_of(desk.get(address(PromoCode)))


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"code": "ab"}, "Please use 3 to 30 letters from A to Z, digits and hyphens."),
        ({"code": "HALF PRICE"}, "Please use 3 to 30 letters"),
        ({"code": "x" * 31}, "Please use 3 to 30 letters"),
        ({"code": "taken"}, "already exists"),
        ({"percent": ""}, "Please say how many percent."),
        ({"percent": "0"}, "greater than or equal to 1"),
        ({"percent": "101"}, "less than or equal to 100"),
        ({"kind": "fixed"}, "Please say which sum."),
        ({"kind": "fixed", "percent": "", "amount": "50000"}, "Please say in which currency the sum is."),
        ({"kind": "fixed", "percent": "", "amount": "0", "currency": "IDR"}, "Please say which sum."),
        ({"kind": "fixed", "percent": "", "amount": "5.5.5", "currency": "IDR"}, "This is not a sum in IDR."),
        ({"kind": "fixed", "amount": "5", "currency": "IDR"}, "Only “percent off” takes a percentage"),
        ({"kind": "free"}, "Only “percent off” takes a percentage"),
        ({"kind": "free", "percent": "", "amount": "5", "currency": "IDR"}, "Only “a fixed sum off” takes a sum"),
        ({"kind": "gold"}, "Select a valid choice."),
        ({"minimum_total": "100"}, "Please say in which currency the sum is."),
        ({"minimum_total": "-1", "currency": "IDR"}, "This is not a sum in IDR."),
        ({"uses_allowed": "0"}, "greater than or equal to 1"),
        (
            {"valid_from_0": "2026-12-02", "valid_from_1": "10:00", "valid_until_0": "2026-12-02", "valid_until_1": "10:00"},
            "The end must lie after the beginning.",
        ),
        ({"valid_from_0": "9999-99-99", "valid_from_1": "10:00"}, "Enter a valid date."),
    ],
)
def test_code_that_contradicts_itself_is_told_in_one_sentence(desk: Client, wrong: dict[str, Any], sentence: str):
    make_code("TAKEN")
    assert sentence in text_of(add(desk, **wrong))
    assert PromoCode.objects.count() == 1


def test_list_says_how_each_code_stands(desk: Client, maths: SessionType, sam: User, kim: User):
    now = timezone.now()
    codes = {
        "running": make_code("RUNS", uses_allowed=2),
        "not yet": make_code("LATER", valid_from=now + timedelta(days=1)),
        "used up": make_code("SPENT", uses_allowed=1),
        "over": make_code("PAST", valid_until=now - timedelta(days=1)),
        "switched off": make_code("OFF", is_active=False, kind="free"),
    }
    order_at_once([Wanted(maths, tomorrow(9))], student=sam, code=codes["running"])
    order_at_once([Wanted(maths, tomorrow(12))], student=kim, code=codes["used up"])
    make_order(sam, promo_code=codes["used up"], status=Order.Status.CANCELLED)
    desk_of_codes: Any = admin.site.get_model_admin(PromoCode)
    rows = desk.get(address(PromoCode)).context["cl"].result_list
    shown = {row.code: (desk_of_codes.shown_state(row), row.uses) for row in rows}
    assert shown == {codes[state].code: (state, int(state in ("running", "used up"))) for state in codes}
    page = text_of(desk.get(address(PromoCode)))
    assert f'{address(Order)}?promo_code={codes["running"].pk}">1 of 2</a>' in page
    orders = desk.get(f"{address(Order)}?promo_code={codes['used up'].pk}").context["cl"].result_list
    assert {order.status for order in orders} == {"awaiting_payment", "cancelled"}
    found = desk.get(f"{address(Order)}?q=runs").context["cl"].result_list
    assert [order.promo_code for order in found] == [codes["running"]]
    assert "Rp15,000" in text_of(desk.get(address(Order, "change", found[0].pk)))
    for key, code in [("running", "RUNS"), ("later", "LATER"), ("used_up", "SPENT"), ("over", "PAST"), ("off", "OFF")]:
        found = desk.get(address(PromoCode) + f"?state={key}").context["cl"].result_list
        assert [one.code for one in found] == [code]


def test_code_is_copied_but_for_its_name_and_dates(desk: Client, ada: Tutor):
    code = make_code(
        "OLD", kind="fixed", amount=75_000, minimum_total=100_000, tutor=ada, first_booking_only=True, note="spring"
    )
    page = desk.get(address(PromoCode, "change", code.pk))
    copied = desk.get(page.context["copy_url"])
    form = copied.context["adminform"].form
    shown = {name: form[name].value() for name in ("code", "kind", "amount", "currency", "minimum_total", "tutor", "note")}
    assert shown == {
        "code": None,
        "kind": "fixed",
        "amount": "75000",
        "currency": "IDR",
        "minimum_total": "100000",
        "tutor": str(ada.pk),
        "note": "spring",
    }
    assert form["first_booking_only"].value()
    assert form["uses_per_person"].value() == ""


def test_many_random_codes_are_made_at_once_and_downloaded(desk: Client, root: User):
    make_code("SPRING-2345BCDF")
    answer = add(desk, code="spring", number=40, note="for the fair", uses_allowed="1")
    made = PromoCode.objects.filter(note="for the fair")
    assert (answer.status_code, answer["Location"]) == (302, f"{address(PromoCode)}?q=SPRING-")
    assert (made.count(), set(made.values_list("percent", "uses_allowed", "created_by"))) == (40, {(10, 1, root.pk)})
    assert all(len(code) == 15 and code.startswith("SPRING-") for code in made.values_list("code", flat=True))
    keys = list(made.values_list("pk", flat=True))
    listed = desk.post(address(PromoCode), {"action": "download", "_selected_action": keys})
    assert listed.text.splitlines() == sorted(made.values_list("code", flat=True))
    assert "at most 21 letters" in text_of(add(desk, code="x" * 22, number=2))
    assert "less than or equal to 500" in text_of(add(desk, number=501))
    assert 'name="number"' not in text_of(desk.get(address(PromoCode, "change", keys[0])))


def test_codes_are_switched_off_and_on_from_the_list(desk: Client):
    code = make_code()
    for action, is_active in [("switch_off", False), ("switch_on", True)]:
        desk.post(address(PromoCode), {"action": action, "_selected_action": [code.pk]})
        code.refresh_from_db()
        assert code.is_active is is_active


def test_code_that_an_order_or_a_cart_names_is_not_deleted(desk: Client, maths: SessionType, sam: User):
    place_hold(maths, starts_at=tomorrow(), student=sam)
    code, unused = make_code("USED"), make_code("UNUSED")
    put_code(sam, "USED")
    assert desk.post(address(PromoCode, "delete", code.pk), {"post": "yes"}).status_code == 403
    assert desk.post(address(PromoCode, "delete", unused.pk), {"post": "yes"}).status_code == 302
    assert PromoCode.objects.get() == code


def test_list_takes_as_many_queries_for_fifty_codes(desk: Client, ada: Tutor):
    make_code("FIRST", tutor=ada)
    one = queries_of(desk, address(PromoCode))
    for n in range(49):
        make_code(f"CODE{n}", tutor=ada)
    assert queries_of(desk, address(PromoCode)) == one


def test_admin_adds_and_edits_what_a_tutor_sells(desk: Client, ada: Tutor):
    filled = {"tutor": ada.pk, "name": "Trial", "minutes": 30, "price": "1.500", "currency": "USD", "first_one_free": "on"}
    assert desk.post(address(SessionType, "add"), filled).status_code == 302
    made = SessionType.objects.get(name="Trial")
    assert (made.slug, made.money, made.first_one_free, made.is_active) == ("trial", Money(150_000, "USD"), True, False)
    filled = {**filled, "tutor": make_tutor().pk, "price": "20,50", "is_active": "on"}
    desk.post(address(SessionType, "change", made.pk), filled)
    made.refresh_from_db()
    assert (made.tutor, made.money, made.is_active) == (ada, Money(2_050, "USD"), True)


def test_list_of_session_types_takes_as_many_queries_for_fifty(desk: Client, maths: SessionType):
    one = queries_of(desk, address(SessionType))
    for _n in range(49):
        make_session_type(make_tutor(make_user()))
    assert queries_of(desk, address(SessionType)) == one
