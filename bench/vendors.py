"""Both vendors as doubles, each in a process of its own, driven over their control addresses."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import requests
from django.db import connection

from bench.place import SERVER_KEY, STRIPE_KEY, STRIPE_WEBHOOK_SECRET
from bookings.doubles.server import CONTROL, Double
from payments.doubles.midtrans import MidtransDouble
from payments.doubles.stripe import StripeDouble

TIMEOUT = 30


@dataclass(frozen=True)
class Message:
    """What a vendor sends when a payment has been made, signed."""

    reference: str
    body: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Vendor:
    """One of them: what its payer's page is named by, and which of its messages says "paid"."""

    name: str
    url: str
    page: str
    paid: Callable[[Mapping[str, Any]], str]  # the payment's reference, "" if the message tells of something else

    def take_payments(self, references: Sequence[str]) -> list[Message]:
        """Pay these attempts, and return what the vendor would send of each."""
        for reference in references:
            requests.post(f"{self.url}{CONTROL}pay", json={self.page: reference}, timeout=TIMEOUT).raise_for_status()
        sent = requests.get(f"{self.url}{CONTROL}messages", timeout=TIMEOUT).json()
        told = {self.paid(json.loads(one["body"])): one for one in sent}
        return [Message(name, told[name]["body"].encode(), told[name]["headers"]) for name in references]


@contextmanager
def running_vendors(port: int) -> Iterator[dict[str, Vendor]]:
    """Serve Midtrans and Stripe on this port and the next one."""
    connection.close()  # a forked connection would be used by two
    midtrans = Vendor("midtrans", f"http://127.0.0.1:{port}", "order_id", _settled)
    stripe = Vendor("stripe", f"http://127.0.0.1:{port + 1}", "page", _completed)
    with ExitStack() as running:
        running.enter_context(served(lambda: MidtransDouble(server_key=SERVER_KEY, port=port)))
        keys = {"secret_key": STRIPE_KEY, "webhook_secrets": [STRIPE_WEBHOOK_SECRET]}
        running.enter_context(served(lambda: StripeDouble(**keys, port=port + 1)))
        yield {vendor.name: vendor for vendor in (midtrans, stripe)}


@contextmanager
def served(make: Callable[[], Double]) -> Iterator[None]:
    """Serve a double in a process of its own."""
    process = multiprocessing.get_context("fork").Process(target=lambda: make().serve(), daemon=True)
    process.start()
    try:
        yield
    finally:
        process.terminate()
        process.join(timeout=5)


def _settled(message: Mapping[str, Any]) -> str:
    return str(message["order_id"]) if message["transaction_status"] == "settlement" else ""


def _completed(message: Mapping[str, Any]) -> str:
    is_paid = message["type"] == "checkout.session.completed"
    return str(message["data"]["object"]["client_reference_id"]) if is_paid else ""
