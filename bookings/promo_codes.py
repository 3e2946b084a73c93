"""What happens to a code: somebody types it into their cart, or takes it out again.

In a cart a code is a wish, reckoned anew at every look; it is redeemed when the order is placed (`pricing`). Wrong
codes are counted for each person, so that nobody finds out by trying which codes there are.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

from django.core.cache import cache
from django.db import transaction

from bookings.errors import CartEmpty, DomainError, PromoCodeRefused, TooManyCodes
from bookings.holds import lock_cart, open_holds
from bookings.models import Booking, Order, PromoCode, User
from bookings.pricing import quote_cart
from bookings.references import new_code

log = logging.getLogger("linkpool.promo_codes")

WRONG_CODES_AN_HOUR = 10
HOUR = 60 * 60
LONGEST = 30
RANDOM_LETTERS = 8


def find_code(text: str) -> PromoCode:
    """Return the code that somebody typed, in any case, with or without spaces around. Raises PromoCodeRefused."""
    typed = text.strip().upper()
    if len(typed) > LONGEST or not typed.isprintable():
        raise PromoCodeRefused
    found = PromoCode.objects.select_related("tutor__user").filter(code=typed, is_active=True).first()
    if found is None:
        raise PromoCodeRefused
    return found


def random_code(beginning: str) -> str:
    """Return a code that nobody guesses, such as SUMMER-7KXQ2MZP."""
    return f"{beginning}-{new_code(RANDOM_LETTERS)}"


def make_more(first: PromoCode, *, beginning: str, number: int) -> list[PromoCode]:
    """Make this many more codes that differ from the first by their random letters only."""
    fields = [field.attname for field in PromoCode._meta.concrete_fields if not field.primary_key and field.name != "code"]
    same = {name: getattr(first, name) for name in fields}
    return PromoCode.objects.bulk_create([PromoCode(**same, code=random_code(beginning)) for _number in range(number)])


@transaction.atomic
def put_code(payer: User, text: str) -> DomainError | None:
    """Put a code into the payer's cart in place of any other. Returns why it takes nothing off, and keeps the other then.

    The refusal (PromoCodeRefused, TooManyCodes, CartEmpty) is returned, not raised: wrong codes are counted, and a
    rollback would forget that.
    """
    cart = Order.objects.select_for_update().carts().filter(payer=payer).first()
    holds = [] if cart is None else list(open_holds(cart).select_related("session_type"))
    if cart is None or not holds:
        return CartEmpty()
    refusal = _try_code(cart, holds, text)
    if refusal is None:
        cart.save(update_fields=["promo_code"])
        log.info("code put into a cart", extra={"order": cart.reference})
    return refusal


@transaction.atomic
def take_code_out(payer: User) -> None:
    """Take the code out of the payer's cart. A second call changes nothing."""
    cart = Order.objects.select_for_update().carts().filter(payer=payer).first()
    if cart is not None and cart.promo_code_id is not None:
        cart.promo_code = None
        cart.save(update_fields=["promo_code"])


def look_up_code(payer: User, text: str) -> PromoCode:
    """Return the code that somebody typed for an order beside the cart. Wrong ones are counted as in a cart.

    Call it outside of a transaction, whose rollback would forget the count. Raises PromoCodeRefused.
    """
    with transaction.atomic():
        lock_cart(payer)  # makes the person's tries come one after the other
        wrong = _wrong_tries(payer.pk)
        try:
            if len(wrong) < WRONG_CODES_AN_HOUR:
                return find_code(text)
            refusal: PromoCodeRefused = TooManyCodes()
        except PromoCodeRefused as unknown:
            refusal = unknown
            cache.set(_key(payer.pk), [*wrong, time.time()], HOUR)
    raise refusal


def _try_code(cart: Order, holds: Sequence[Booking], text: str) -> PromoCodeRefused | None:
    """Set the code on the locked cart, whose lock makes the person's tries come one after the other."""
    wrong = _wrong_tries(cart.payer_id)
    if len(wrong) >= WRONG_CODES_AN_HOUR:
        log.warning("too many wrong codes", extra={"order": cart.reference})
        return TooManyCodes()
    refusal = _why_not(cart, holds, text)
    if refusal is not None:
        cache.set(_key(cart.payer_id), [*wrong, time.time()], HOUR)
    return refusal


def _wrong_tries(payer: int) -> list[float]:
    return [at for at in cache.get(_key(payer), []) if at > time.time() - HOUR]


def _key(payer: int) -> str:
    return f"wrong-codes:{payer}"


def _why_not(cart: Order, holds: Sequence[Booking], text: str) -> PromoCodeRefused | None:
    try:
        cart.promo_code = find_code(text)
    except PromoCodeRefused as refusal:
        return refusal
    return quote_cart(cart, holds).refusal
