"""Short unguessable names that people and programs see instead of primary keys."""

from __future__ import annotations

import secrets

# No vowels and no look-alikes: nothing rude, nothing misread over the telephone.
_LETTERS = "23456789BCDFGHJKMNPQRSTVWXZ"


def new_code(length: int = 10) -> str:
    """Return a random code of about 4.75 bits a letter (10 letters: 47 bits)."""
    return "".join(secrets.choice(_LETTERS) for _ in range(length))


def new_booking_reference() -> str:
    return f"BK-{new_code()}"


def new_order_reference() -> str:
    return f"OR-{new_code()}"


def new_link_reference() -> str:
    return f"SL-{new_code()}"
