"""Which refunds Midtrans does not do by itself, and what a person needs to do them by hand."""

from __future__ import annotations

from datetime import datetime, timedelta

from bookings.kept import Kept
from payments.errors import GatewayRefused, GatewayUnavailable, RefundByHand
from payments.gateways.base import RefundRequest
from payments.gateways.midtrans_words import CHARGED_BACK, ZONE, Answer, text, time_of

NOT_POSSIBLE = Kept("Midtrans cannot send back what was paid by %(method)s. %(todo)s")
ONLY_WHOLE = Kept("Midtrans sends back %(method)s payments in full only, not in part. %(todo)s")
TOO_OLD = Kept("Midtrans sends back what was paid by %(method)s within %(days)s days only. %(todo)s")
NOT_ALLOWED = Kept("Midtrans does not allow this refund. %(todo)s")
SEND_IT = Kept(
    "Please ask the payer where %(money)s shall go, send it, and record it here: payment %(order)s of %(day)s,"
    " %(place)s, Midtrans transaction %(transaction)s."
)
BANK_TRANSFER, MANDIRI, SHOP = Kept("bank transfer"), Kept("Mandiri bill payment"), Kept("cash in a shop")
VA = Kept("virtual account %(number)s at %(bank)s")
BILL = Kept("Mandiri bill %(number)s")
CODE = Kept("payment code %(number)s at %(store)s")
_NAMES = {"credit_card": Kept("card"), "bank_transfer": BANK_TRANSFER, "echannel": MANDIRI, "cstore": SHOP}
_BRANDS = {"gopay": "GoPay", "shopeepay": "ShopeePay", "dana": "DANA", "ovo": "OVO", "qris": "QRIS"}
_BRANDS |= {"kredivo": "Kredivo", "akulaku": "Akulaku"}

# The methods that can be refunded, and for how long at the longest; None: nothing is said of a limit.
_DAYS: dict[str, int | None] = {
    "credit_card": None,
    "gopay": 180,  # 45 where the app was opened by a link, which the answer does not tell
    "shopeepay": 365,
    "dana": 45,
    "ovo": 7,
    "qris": 45,
    "kredivo": 14,
    "akulaku": None,
}
_OFF_US_DAYS = 7  # of a QRIS payment from another bank's app
_WHOLE_ONLY = ("shopeepay", "ovo")


def require_refundable(paid: Answer, request: RefundRequest, *, now: datetime) -> None:
    """Raise unless Midtrans can be asked for this refund.

    Raises RefundByHand, with all that a person needs to do it; GatewayRefused where there is no money to send back.
    """
    status, method = text(paid, "transaction_status").lower(), _method(paid)
    if status in CHARGED_BACK:
        raise GatewayRefused("the payer's bank has taken this payment back already")
    if status == "capture":
        raise GatewayUnavailable("this card payment is not settled yet: a part of it can be sent back when it is")
    if status not in ("settlement", "partial_refund", "refund"):
        raise GatewayRefused(f"there is nothing to send back: Midtrans says {status[:60]}")
    if method not in _DAYS:
        raise RefundByHand(NOT_POSSIBLE(method=_name(method), todo=what_to_do(paid, request)))
    days = _OFF_US_DAYS if method == "qris" and text(paid, "transaction_type") == "off-us" else _DAYS[method]
    paid_at = time_of(paid, "settlement_time") or time_of(paid, "transaction_time")
    if days is not None and paid_at is not None and now > paid_at + timedelta(days=days):
        raise RefundByHand(TOO_OLD(method=_name(method), days=days, todo=what_to_do(paid, request)))
    if method in _WHOLE_ONLY and request.money != request.received:
        raise RefundByHand(ONLY_WHOLE(method=_name(method), todo=what_to_do(paid, request)))


def what_to_do(paid: Answer, request: RefundRequest) -> str:
    """Return the sentence with which a person can send the money back: nobody's name, but every number."""
    paid_at = time_of(paid, "settlement_time") or time_of(paid, "transaction_time")
    return SEND_IT(
        money=request.money,
        order=request.attempt.reference,
        day=paid_at.astimezone(ZONE).date().isoformat() if paid_at else "?",
        place=_place(paid),
        transaction=text(paid, "transaction_id")[:40],
    )


def _place(paid: Answer) -> str:
    """Return where it was paid, with the number that the bank or shop knows it by."""
    for account in paid.get("va_numbers") or ():
        if isinstance(account, dict):
            return VA(number=text(account, "va_number")[:30], bank=text(account, "bank").upper()[:20])
    if number := text(paid, "permata_va_number"):
        return VA(number=number[:30], bank="Permata")
    if key := text(paid, "bill_key"):
        return BILL(number=f"{text(paid, 'biller_code')[:10]} {key[:30]}".strip())
    if code := text(paid, "payment_code"):
        return CODE(number=code[:30], store=text(paid, "store").capitalize()[:20])
    return _name(_method(paid))


def _method(paid: Answer) -> str:
    return text(paid, "payment_type").lower()


def _name(method: str) -> str:
    return _NAMES[method]() if method in _NAMES else _BRANDS.get(method, method[:50] or "?")
