"""What every gateway must do, whichever company it is.

Subclass `GatewayContract` with one fixture, `bank` (see `banks.py`), or `VendorContract` if the company is reached
over HTTP: its answers then go wrong as well.
"""

from __future__ import annotations

from tests.payments.gateways.contract_books import BooksContract
from tests.payments.gateways.contract_endings import ClosingContract, RefundContract
from tests.payments.gateways.contract_faults import FaultContract
from tests.payments.gateways.contract_pages import MessageContract, PageContract
from tests.payments.gateways.contract_returns import ReturnContract


class GatewayContract(PageContract, MessageContract, ClosingContract, RefundContract, BooksContract, ReturnContract):
    """Create, pay, fail, cancel, expire, close, refund; late, duplicate, reordered, replayed, tampered, nonsense."""


class VendorContract(GatewayContract, FaultContract):
    """The same, and lost, broken, slow and wrong answers to each call."""
