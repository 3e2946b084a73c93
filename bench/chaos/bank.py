"""A vendor in a process of its own, which nobody kills: its double, its courier, and a desk where payers do their part."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.managers import BaseManager
from typing import Any

from bench.chaos.courier import Courier
from bench.chaos.desks import DESKS, Taken
from bookings.doubles.server import Fault

BANKS_WORK_EVERY = 3.0  # seconds
SILENCE = 2.0  # seconds until a lost answer breaks the connection
FAULTS = {
    Fault.LOST: 0.004,
    Fault.RESET: 0.006,
    Fault.RESET_BEFORE: 0.006,
    Fault.ERROR: 0.006,
    Fault.ERROR_AFTER: 0.006,
    Fault.BUSY: 0.006,
    Fault.SLOW: 0.002,
    Fault.HTML: 0.004,
}


class Bank:
    """What the payers, and the run, may ask of a vendor. Lives in the vendor's own process."""

    def __init__(self, vendor: str, *, port: int, addresses: Sequence[str], seed: int) -> None:
        threading.Thread(target=_end_with_the_parent, daemon=True).start()
        self._desk = DESKS[vendor](port=port, silence=SILENCE, seed=seed)
        self._courier = Courier(vendor, self._desk.double, addresses, seed=seed)
        self._desk.double.start()
        self._courier.start()
        threading.Thread(target=self._catch_up_for_ever, daemon=True).start()

    def pay(self, reference: str, *, by_hand: bool) -> bool:
        """Pay an attempt, `by_hand` in a way that the vendor cannot send back. False if its page takes no money."""
        return self._desk.pay(reference, by_hand=by_hand)

    def fail(self, reference: str) -> bool:
        """Have the payer's bank refuse an attempt."""
        return self._desk.fail(reference)

    def send_back(self, reference: str, amount: int) -> bool:
        """Send money back from the vendor's own dashboard."""
        return self._desk.send_back(reference, amount)

    def dispute(self, reference: str) -> bool:
        """Have the payer's bank ask for the money back."""
        return self._desk.dispute(reference)

    def ledger(self) -> list[Taken]:
        """Return every payment that the vendor took."""
        return self._desk.ledger()

    def break_down(self) -> None:
        """Begin to fail as vendors do."""
        self._desk.double.fault_rates = dict(FAULTS)

    def calm_down(self) -> None:
        """Fail no more, and deliver all that waits."""
        self._desk.double.fault_rates = {}
        self._courier.calm_down()

    def is_idle(self) -> bool:
        """True when all money that was under way has arrived, and every message as well."""
        return not self._desk.catch_up() and self._courier.is_idle

    def counts(self) -> dict[str, int]:
        """Return what became of the messages, and how many requests were answered."""
        return {**self._courier.counts, "requests": len(self._desk.double.requests)}

    def _catch_up_for_ever(self) -> None:
        while True:
            time.sleep(BANKS_WORK_EVERY)
            self._desk.catch_up()


class _Vendors(BaseManager):
    """Runs the banks; each gets a process of its own."""


_Vendors.register("Bank", Bank)


@contextmanager
def open_banks(*, ports: dict[str, int], addresses: Sequence[str], seed: int) -> Iterator[dict[str, Any]]:
    """Start the vendors; yield what speaks with each of them, from any thread."""
    managers, banks = [], {}
    try:
        for number, (vendor, port) in enumerate(ports.items()):
            manager = _Vendors(ctx=get_context("fork"))
            manager.start(signal.signal, (signal.SIGINT, signal.SIG_IGN))
            managers.append(manager)
            banks[vendor] = manager.Bank(vendor, port=port, addresses=addresses, seed=seed + number)  # type: ignore[attr-defined]
        yield banks
    finally:
        for manager in managers:
            manager.shutdown()


def _end_with_the_parent() -> None:
    parent = os.getppid()
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)
