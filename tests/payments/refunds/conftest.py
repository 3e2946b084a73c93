"""A payment at each company in turn, paid there and here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone

from bookings.models import Booking, Order, Tutor, User
from payments.doubles.midtrans import MidtransDouble
from payments.errors import GatewayRefused
from payments.gateways import attempt_of
from payments.gateways.base import RefundReport, RefundRequest
from payments.gateways.stripe import StripeGateway
from payments.models import Payment, Refund
from payments.refund_sending import send_refund
from payments.settlement import record_report
from tests.factories import an_hour, make_booking, make_order, make_payment, tomorrow
from tests.payments.gateways.asking import checkout_request
from tests.payments.gateways.banks import Bank, Vendor, use_bank
from tests.payments.gateways.midtrans_bank import MidtransBank
from tests.payments.gateways.sandbox_bank import SandboxBank
from tests.payments.gateways.stripe_bank import StripeBank, make_double
from tests.payments.midtrans import SERVER_KEY


@pytest.fixture
def midtrans_bank(settings: Any) -> Iterator[MidtransBank]:
    with MidtransDouble(server_key=SERVER_KEY, silence=0.5) as double:
        bank = MidtransBank(double)
        use_bank(settings, bank)
        yield bank


@pytest.fixture
def stripe_bank(settings: Any) -> Iterator[StripeBank]:
    with make_double() as double:
        bank = StripeBank(double)
        use_bank(settings, bank)
        yield bank


@pytest.fixture(params=["midtrans", "stripe"])
def vendor_bank(request: pytest.FixtureRequest) -> Vendor:
    """Both companies that are reached over HTTP."""
    bank: Vendor = request.getfixturevalue(f"{request.param}_bank")
    return bank


@pytest.fixture(params=["midtrans", "stripe", "sandbox"])
def bank(request: pytest.FixtureRequest, settings: Any) -> Bank:
    """Every company."""
    if request.param == "sandbox":
        bank: Bank = SandboxBank()
        use_bank(settings, bank)
        return bank
    company: Bank = request.getfixturevalue(f"{request.param}_bank")
    return company


def open_page(bank: Bank, order: Order, **fields: Any) -> Payment:
    """An attempt at this company, its page open."""
    gateway = bank.gateway()
    payment = make_payment(order, gateway=gateway.name, **fields)
    page = gateway.open_checkout(checkout_request(reference=payment.reference))
    payment.checkout_url, payment.checkout_token = page.url, page.token
    payment.save(update_fields=["checkout_url", "checkout_token"])
    return payment


def hear(bank: Bank, payment: Payment) -> None:
    """Ask the company and write down what it says."""
    record_report(payment, bank.gateway().fetch_report(attempt_of(payment)))
    payment.refresh_from_db()


def pay(bank: Bank, order: Order) -> Payment:
    payment = open_page(bank, order)
    assert bank.pay(payment.reference)
    hear(bank, payment)
    return payment


@pytest.fixture
def order(ada: Tutor, sam: User) -> Order:
    """One session of Sam's for Rp150,000, to be paid."""
    order = make_order(sam)
    make_booking(sam, ada, during=an_hour(tomorrow(9, days=3)), order=order)
    return order


@pytest.fixture
def booking(order: Order) -> Booking:
    return order.bookings.get()


def owe(payment: Payment, amount: int, **fields: Any) -> Refund:
    """A refund that is to be sent, without a job for it."""
    facts = {"reason": Refund.Reason.OTHER, "next_attempt_at": timezone.now(), **fields}
    return Refund.objects.create(payment=payment, amount=amount, **facts)


def send(refund: Refund) -> Refund:
    """Do the job that sends it."""
    send_refund(refund, attempts=refund.attempts)
    refund.refresh_from_db()
    return refund


class RefusingStripe(StripeGateway):
    """Stripe as it says no for good: the account has no funds."""

    def send_refund(self, request: RefundRequest) -> RefundReport:
        raise GatewayRefused("no funds")


def use_refusing(settings: Any, bank: StripeBank) -> None:
    settings.PAYMENT_GATEWAYS = {"stripe": {**bank.entry, "BACKEND": f"{__name__}.RefusingStripe"}}
