"""Which refunds Midtrans does, which are left to a person, and what its answers mean."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import responses
from django.utils import translation

from bookings.kept import read_kept
from bookings.money import Money
from payments.doubles.midtrans import MidtransDouble
from payments.doubles.midtrans_books import written
from payments.errors import GatewayRefused, GatewayUnavailable, RefundByHand
from payments.gateways.base import Attempt, Gateway, RefundRequest, RefundState
from payments.gateways.midtrans import MidtransGateway
from tests.payments import midtrans as facts
from tests.payments.gateways.asking import KEY, MONEY, PART, REFERENCE, checkout_request
from tests.payments.gateways.test_midtrans import API, PAYMENT, SNAP


def paid_by(till: Gateway, midtrans: MidtransDouble, method: str, **changes: Any) -> Attempt:
    """Pay by this method and return what we know of it; `changes` are shown instead of what is usual."""
    till.open_checkout(checkout_request())
    transaction = midtrans.pay(REFERENCE, method)
    midtrans.transaction(REFERENCE).changes |= changes
    return Attempt(REFERENCE, external_id=transaction)


def asked(attempt: Attempt, money: Money = MONEY) -> RefundRequest:
    return RefundRequest(KEY, attempt, money, MONEY, "", "cancelled")


def asked_for(midtrans: MidtransDouble, verb: str) -> int:
    return sum(request.method == "POST" and request.path.endswith(f"/{verb}") for request in midtrans.requests)


@pytest.mark.parametrize("method", ["credit_card", "gopay", "shopeepay", "dana", "ovo", "qris", "kredivo", "akulaku"])
def test_methods_with_refunds_are_refunded(till: Gateway, midtrans: MidtransDouble, method: str):
    attempt = paid_by(till, midtrans, method)
    if method == "credit_card":
        midtrans.settle(REFERENCE)
    sent = till.send_refund(asked(attempt))
    assert (sent.state, sent.key, sent.money) == (RefundState.PENDING, KEY, MONEY)
    assert midtrans.sent_back(REFERENCE) == MONEY.amount


@pytest.mark.parametrize(
    ("method", "words"),
    [
        ("bank_transfer", ["bank transfer", "virtual account 812785002530231 at BCA"]),
        ("echannel", ["Mandiri bill payment", "Mandiri bill 70012 990000000260"]),
        ("cstore", ["cash in a shop", "payment code 25709650945026 at Indomaret"]),
        ("something_new", ["something_new"]),
    ],
)
def test_methods_without_refunds_are_left_to_a_person_who_is_told_everything(
    till: Gateway, midtrans: MidtransDouble, method: str, words: list[str]
):
    attempt = paid_by(till, midtrans, method, settlement_time="2026-11-03 23:30:00")
    with pytest.raises(RefundByHand) as raised:
        till.send_refund(asked(attempt, PART))
    for word in [*words, "Rp50,000", f"payment {REFERENCE} of 2026-11-03", attempt.external_id]:
        assert word in raised.value.detail
    assert "sam" not in raised.value.detail.lower()
    assert asked_for(midtrans, "refund") == 0


def test_permata_numbers_are_told_too(till: Gateway, midtrans: MidtransDouble):
    attempt = paid_by(till, midtrans, "bank_transfer", va_numbers=None, permata_va_number="8562000087926752")
    with pytest.raises(RefundByHand) as raised:
        till.send_refund(asked(attempt))
    assert "virtual account 8562000087926752 at Permata" in raised.value.detail


@pytest.mark.parametrize(("method", "name"), [("shopeepay", "ShopeePay"), ("ovo", "OVO")])
def test_part_of_what_goes_back_whole_only_is_left_to_a_person(
    till: Gateway, midtrans: MidtransDouble, method: str, name: str
):
    attempt = paid_by(till, midtrans, method)
    with pytest.raises(RefundByHand) as raised:
        till.send_refund(asked(attempt, PART))
    assert raised.value.detail.startswith(f"Midtrans sends back {name} payments in full only")
    assert midtrans.sent_back(REFERENCE) == 0


WINDOWS = [
    ("qris", "on-us", 45),
    ("qris", "off-us", 7),
    ("ovo", None, 7),
    ("kredivo", None, 14),
    ("dana", None, 45),
    ("gopay", None, 180),
    ("shopeepay", None, 365),
]


@pytest.mark.parametrize(("method", "kind", "days"), WINDOWS)
def test_refund_after_its_window_is_left_to_a_person(
    till: Gateway, midtrans: MidtransDouble, method: str, kind: str | None, days: int
):
    moment = datetime.now(UTC) - timedelta(days=days)
    attempt = paid_by(till, midtrans, method, transaction_type=kind, settlement_time=written(moment - timedelta(hours=1)))
    with pytest.raises(RefundByHand) as raised:
        till.send_refund(asked(attempt))
    assert f"within {days} days only" in raised.value.detail
    midtrans.transaction(REFERENCE).changes["settlement_time"] = written(moment + timedelta(hours=1))
    assert till.send_refund(asked(attempt)).money == MONEY


def test_captured_card_is_voided_once_and_stays_so(till: Gateway, midtrans: MidtransDouble):
    attempt = paid_by(till, midtrans, "credit_card")
    first, second = till.send_refund(asked(attempt)), till.send_refund(asked(attempt))
    assert (first.state, first.key, first.money) == (RefundState.SUCCEEDED, KEY, MONEY)
    assert first.external_id == second.external_id
    assert midtrans.transaction(REFERENCE).status == "cancel"
    assert (asked_for(midtrans, "cancel"), asked_for(midtrans, "refund")) == (1, 0)


def test_part_of_a_captured_card_waits_until_it_is_settled(till: Gateway, midtrans: MidtransDouble):
    attempt = paid_by(till, midtrans, "credit_card")
    with pytest.raises(GatewayUnavailable):
        till.send_refund(asked(attempt, PART))
    midtrans.settle(REFERENCE)
    assert till.send_refund(asked(attempt, PART)).money == PART


def test_card_settled_while_it_is_voided_is_refunded_the_next_time(till: Gateway, midtrans: MidtransDouble):
    attempt = paid_by(till, midtrans, "credit_card")
    midtrans.settle(REFERENCE)
    midtrans.transaction(REFERENCE).changes["transaction_status"] = "capture"  # as it was when we looked
    with pytest.raises(GatewayUnavailable) as raised:
        till.send_refund(asked(attempt))
    assert "412" in raised.value.detail
    del midtrans.transaction(REFERENCE).changes["transaction_status"]
    assert till.send_refund(asked(attempt)).money == MONEY


def test_refund_that_midtrans_does_not_allow_is_left_to_a_person(till: Gateway, midtrans: MidtransDouble):
    attempt = paid_by(till, midtrans, "bank_transfer", payment_type="gopay", va_numbers=None)
    with pytest.raises(RefundByHand) as raised:
        till.send_refund(asked(attempt))
    assert raised.value.detail.startswith("Midtrans does not allow this refund. Please ask the payer where Rp150,000")


def test_known_key_is_read_and_not_asked_again(till: Gateway, midtrans: MidtransDouble):
    attempt = paid_by(till, midtrans, "qris")
    midtrans.refuses_known_refund_keys = True
    first, second = till.send_refund(asked(attempt, PART)), till.send_refund(asked(attempt, PART))
    assert first == second
    assert asked_for(midtrans, "refund") == 1


def test_known_key_that_is_not_shown_yet_is_asked_about_later(till: Gateway, midtrans: MidtransDouble):
    attempt = paid_by(till, midtrans, "qris", refunds=None)
    midtrans.refuses_known_refund_keys = True
    assert till.send_refund(asked(attempt, PART)).state is RefundState.PENDING  # taken, though it is not shown
    with pytest.raises(GatewayUnavailable):
        till.send_refund(asked(attempt, PART))
    del midtrans.transaction(REFERENCE).changes["refunds"]
    assert till.send_refund(asked(attempt, PART)).money == PART
    assert midtrans.sent_back(REFERENCE) == PART.amount


@pytest.mark.parametrize("happened", ["reverse", "charge_back"])
def test_money_that_is_gone_is_not_sent_back(till: Gateway, midtrans: MidtransDouble, happened: str):
    attempt = paid_by(till, midtrans, "qris")
    getattr(midtrans, happened)(REFERENCE)
    with pytest.raises(GatewayRefused) as raised:
        till.send_refund(asked(attempt))
    assert not isinstance(raised.value, RefundByHand)
    assert asked_for(midtrans, "refund") == 0


@pytest.mark.parametrize(("code", "error"), [("414", GatewayRefused), ("202", GatewayRefused), ("500", GatewayUnavailable)])
def test_answer_that_sends_nothing_back_is_no_refund(vendor: responses.RequestsMock, code: str, error: type[Exception]):
    """The direct form says "settlement" with 0.00 gone back, under a code of 202."""
    till = MidtransGateway(server_key=facts.SERVER_KEY, snap_url=SNAP, api_url=API)
    facts.serve_status(vendor, PAYMENT, payment_type="credit_card")
    answer: dict[str, Any] = {"status_code": code, "status_message": "Refund is rejected"}
    if code == "202":
        answer |= facts.facts(PAYMENT, status_code="202", refund_amount="0.00")
    vendor.post(f"{API}/v2/{facts.TRANSACTION}/refund", json=answer)
    with pytest.raises(error) as raised:
        till.send_refund(asked(Attempt(REFERENCE)))
    assert type(raised.value) is error


def test_two_messages_of_one_refund_are_one_refund(till: Gateway, midtrans: MidtransDouble):
    attempt = paid_by(till, midtrans, "gopay")
    till.send_refund(asked(attempt, PART))
    (under_way,) = till.fetch_report(attempt).refunds
    midtrans.confirm_refund(REFERENCE, KEY)
    (arrived,) = till.fetch_report(attempt).refunds
    assert [(one.external_id, one.key, one.money, one.state) for one in (under_way, arrived)] == [
        (KEY, KEY, PART, RefundState.PENDING),
        (KEY, KEY, PART, RefundState.SUCCEEDED),
    ]
    assert under_way.made_at is not None
    assert abs(datetime.now(UTC) - under_way.made_at) < timedelta(minutes=1)


@pytest.mark.defect("CE-04")
def test_refunds_are_read_one_by_one_whatever_the_sums_say(till: Gateway, midtrans: MidtransDouble):
    attempt = paid_by(till, midtrans, "gopay")
    till.send_refund(asked(attempt, PART))
    midtrans.refund_in_dashboard(REFERENCE, 20_000)
    midtrans.transaction(REFERENCE).changes |= {"transaction_status": "settlement", "refund_amount": "999999.00"}
    refunds = till.fetch_report(attempt).refunds
    assert [(one.external_id, one.key, one.money) for one in refunds] == [
        (KEY, KEY, PART),
        ("dashboard-2", "", Money(20_000, "IDR")),
    ]


@pytest.mark.parametrize("refunds", ["none", [None, "x", 7], {"a": 1}, [{}]])
def test_refunds_that_cannot_be_read_break_nothing(till: Gateway, midtrans: MidtransDouble, refunds: Any):
    attempt = paid_by(till, midtrans, "gopay", refunds=refunds)
    assert all(one.money is None for one in till.fetch_report(attempt).refunds)


def test_chargeback_of_a_part_is_told_without_what_was_refunded_before(till: Gateway, midtrans: MidtransDouble):
    attempt = paid_by(till, midtrans, "credit_card")
    midtrans.settle(REFERENCE)
    till.send_refund(asked(attempt, PART))
    midtrans.charge_back(REFERENCE, 30_000)
    (dispute,) = till.fetch_report(attempt).disputes
    assert (dispute.money, dispute.status) == (Money(30_000, "IDR"), "partial_chargeback")
    midtrans.charge_back(REFERENCE)
    (later,) = till.fetch_report(attempt).disputes
    assert (later.external_id, later.money) == (dispute.external_id, MONEY)


@pytest.mark.parametrize(
    ("method", "money", "said"),
    [
        (
            "bank_transfer",
            MONEY,
            "Midtrans tidak bisa mengembalikan pembayaran lewat transfer bank. Tanyakan kepada",
        ),
        ("ovo", PART, "Midtrans hanya mengembalikan pembayaran OVO seluruhnya, bukan sebagian. Tanyakan kepada"),
    ],
)
def test_what_is_to_be_done_by_hand_is_kept_for_readers_of_any_language(
    till: Gateway, midtrans: MidtransDouble, method: str, money: Money, said: str
):
    attempt = paid_by(till, midtrans, method)
    with pytest.raises(RefundByHand) as raised:
        till.send_refund(asked(attempt, money))
    with translation.override("id"):
        read = read_kept(raised.value.detail)
    assert read.startswith(said)
    assert f"transaksi Midtrans {attempt.external_id}." in read
