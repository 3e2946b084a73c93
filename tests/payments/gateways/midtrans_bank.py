"""Midtrans' side of the contract."""

from __future__ import annotations

from typing import Any

from bookings.money import Money
from payments.doubles.midtrans import MidtransDouble
from payments.gateways.base import Gateway
from tests.payments.gateways.banks import Vendor, make_gateway
from tests.payments.midtrans import SERVER_KEY


class MidtransBank(Vendor):
    calls = {
        "open": "POST /snap/v1/transactions",
        "fetch": "GET /v2/",
        "close": "POST /snap/v1/transactions/",
        "refund": "POST /v2/",
    }

    def __init__(self, double: MidtransDouble) -> None:
        self.double = self.midtrans = double

    @property
    def entry(self) -> dict[str, Any]:
        return self._entry(SERVER_KEY)

    def hasty(self) -> Gateway:
        entry = self.entry
        return make_gateway({**entry, "OPTIONS": {**entry["OPTIONS"], "timeouts": (5, 0.4), "time_limit": 0.8}})

    @property
    def keyless(self) -> dict[str, Any]:
        return self._entry("")

    @property
    def stranger(self) -> dict[str, Any]:
        return self._entry("SB-Mid-server-OTHER")

    def pay(self, reference: str) -> bool:
        return bool(self.midtrans.pay(reference, "qris"))

    def pay_late(self, reference: str) -> None:
        self.midtrans.pay_late(reference)

    def begin(self, reference: str) -> None:
        self.midtrans.pick(reference, "bank_transfer")

    def fail(self, reference: str) -> None:
        self.midtrans.deny(reference, "credit_card")

    def cancel(self, reference: str) -> None:
        self.midtrans.cancel(reference)

    def expire(self, reference: str) -> None:
        self.midtrans.pick(reference, "bank_transfer")
        self.midtrans.expire(reference)

    def refund_in_dashboard(self, reference: str, money: Money) -> None:
        self.midtrans.refund_in_dashboard(reference, money.amount)

    def confirm_refunds(self, reference: str) -> None:
        self.midtrans.confirm_refund(reference)

    def dispute(self, reference: str) -> None:
        self.midtrans.charge_back(reference)

    def open_pages(self, reference: str) -> int:
        return self.midtrans.open_pages(reference)

    def sent_back(self, reference: str) -> Money:
        return Money(self.midtrans.sent_back(reference), "IDR")

    def _entry(self, server_key: str) -> dict[str, Any]:
        options = {
            "server_key": server_key,
            "snap_url": f"{self.double.url}/snap/v1",
            "api_url": self.double.url,
        }
        return {"BACKEND": "payments.gateways.midtrans.MidtransGateway", "OPTIONS": options}
