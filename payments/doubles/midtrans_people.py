"""What happens at the pretend Midtrans without this site: payers pay, banks take back, merchants refund by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from bookings.doubles.server import Double, Message
from payments.doubles.midtrans_books import TAKEN, Page, Transaction, written


class MidtransPeople(Double):
    """Orders by number. Its verbs return the number of the transaction, "" where nothing could be done."""

    verbs = frozenset(
        {"pick", "pay", "pay_late", "deny", "expire", "cancel", "settle", "reverse"}
        | {"refund_in_dashboard", "confirm_refund", "charge_back"}
    )

    def __init__(self, *, server_key: str, port: int = 0, silence: float = 60, seed: int = 1) -> None:
        super().__init__(port=port, silence=silence, seed=seed)
        self.server_key = server_key
        self.pages: dict[str, Page] = {}

    def state(self) -> dict[str, Any]:
        """Return, by order, what was paid and what went back (rupiah), and how its transactions stand."""
        return {
            order_id: {
                "taken": self.taken(order_id),
                "sent_back": self.sent_back(order_id),
                "transactions": [one.status for one in page.transactions],
            }
            for order_id, page in self.pages.items()
        }

    # What its payers do.

    def pick(self, order_id: str, method: str = "qris") -> str:
        """Choose a way to pay on the page: a transaction begins."""
        with self.lock:
            page = self.pages[order_id]
            return self._begin(page, method).id if page.is_open else ""

    def pay(self, order_id: str, method: str = "qris") -> str:
        """Pay on the page, if it is open still: cards are captured, everything else settles at once."""
        with self.lock:
            page = self.pages[order_id]
            return self._take(page, method) if page.is_open else ""

    def pay_late(self, order_id: str, method: str = "bank_transfer") -> str:
        """Let money arrive that was under way when the page ended."""
        with self.lock:
            page = self.pages[order_id]
            page.is_expired = True
            return self._take(page, method)

    def deny(self, order_id: str, method: str = "credit_card") -> str:
        """Have a card refused. The page stays open for another try."""
        return self._change(order_id, "deny", method, "pending")

    def expire(self, order_id: str) -> str:
        """End the page, and whatever was begun on it; of a page on which nothing was begun no message tells."""
        with self.lock:
            page = self.pages[order_id]
            page.is_expired = True
            ended = [self._tell(one, "expire") for one in page.transactions if one.status == "pending"]
            return ended[-1] if ended else ""

    # What banks and the merchant's own staff do.

    def cancel(self, order_id: str) -> str:
        """Cancel in the dashboard, what was begun or captured."""
        return self._change(order_id, "cancel", "qris", "pending", "capture", "authorize")

    def settle(self, order_id: str) -> str:
        """Settle what was captured, as happens at the end of a card's day."""
        return self._change(order_id, "settlement", "", "capture")

    def reverse(self, order_id: str) -> str:
        """Take a settlement back, as banks do within minutes."""
        return self._change(order_id, "deny", "", "settlement")

    def refund_in_dashboard(self, order_id: str, amount: int, key: str = "") -> str:
        """Send money back from the vendor's own pages."""
        with self.lock:
            paid = self._paid(order_id)
            if paid is None or paid.refunded + amount > paid.amount:
                return ""
            paid.add_refund(amount, key=key or f"dashboard-{len(paid.refunds) + 1}", reason="asked by phone")
            return self._tell(paid)

    def confirm_refund(self, order_id: str, key: str = "") -> str:
        """Let the payer's bank confirm a refund, or all of them: the second message of each."""
        with self.lock:
            paid = self._paid(order_id)
            for refund in paid.refunds if paid else []:
                if key in ("", refund["refund_key"]):
                    refund["bank_confirmed_at"] = written(datetime.now(UTC))
            return self._tell(paid) if paid else ""

    def charge_back(self, order_id: str, amount: int = 0) -> str:
        """Have the payer's bank take a part back; 0 is all of it."""
        with self.lock:
            paid = self._paid(order_id)
            if paid is None:
                return ""
            paid.charged_back = amount or paid.amount
            return self._tell(paid, "chargeback" if paid.charged_back == paid.amount else "partial_chargeback")

    def open_pages(self, order_id: str) -> int:
        """Count the pages on which the order can be paid now: the latest at most."""
        with self.lock:
            return int(order_id in self.pages and self.pages[order_id].is_open)

    def taken(self, order_id: str) -> int:
        """Return what was paid, all in all, in rupiah."""
        with self.lock:
            page = self.pages.get(order_id)
            return sum(one.amount for one in page.transactions if one.status in TAKEN) if page else 0

    def sent_back(self, order_id: str) -> int:
        """Return what went back of it, in rupiah."""
        with self.lock:
            return sum(one.refunded for one in self.pages[order_id].transactions)

    def transaction(self, order_id: str) -> Transaction:
        """Return the latest transaction of an order."""
        return self.pages[order_id].transactions[-1]

    def _begin(self, page: Page, method: str) -> Transaction:
        begun = Transaction(page.order_id, method, page.amount)
        if reference := page.request.get("custom_field1"):
            begun.changes["custom_field1"] = reference
        page.transactions.append(begun)
        self._tell(begun)
        return begun

    def _take(self, page: Page, method: str) -> str:
        pending = [one for one in page.transactions if one.status == "pending" and one.method == method]
        paid = pending[-1] if pending else self._begin(page, method)
        return self._tell(paid, "capture" if method == "credit_card" else "settlement")

    def _change(self, order_id: str, status: str, method: str, *before: str) -> str:
        """Change the latest transaction that is in one of these states; begin one if there is none and a method is given."""
        with self.lock:
            page = self.pages[order_id]
            found = [one for one in page.transactions if one.status in before]
            if not found and not (method and page.is_open):
                return ""
            return self._tell(found[-1] if found else self._begin(page, method), status)

    def _tell(self, transaction: Transaction, status: str = "") -> str:
        transaction.status = status or transaction.status
        transaction.is_agreed = transaction.is_agreed or transaction.status in ("authorize", "capture")
        if transaction.status == "settlement":
            transaction.settled_at = transaction.settled_at or datetime.now(UTC)
        headers = {"Content-Type": "application/json", "User-Agent": "Veritrans"}
        self.messages.append(Message(transaction.notification(self.server_key), lambda: headers))
        return transaction.id

    def _paid(self, order_id: str) -> Transaction | None:
        return next((one for one in reversed(self.pages[order_id].transactions) if one.status in TAKEN), None)
