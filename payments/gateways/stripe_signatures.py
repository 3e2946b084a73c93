"""The proof that a message comes from Stripe: an HMAC over its exact bytes and the time of sending.

The SDK's own check is not used: it takes times in the future, overlooks signatures after a space, and fails with
errors of other kinds on bytes that are no text. Source: docs.stripe.com/webhooks.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence

from payments.errors import BadSignature

HEADER = "Stripe-Signature"
TOLERANCE = 300  # seconds that a signature may be old, or ahead of our clock
_LONGEST_HEADER = 4096
_TIME = re.compile(r"[0-9]{1,12}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


def check_signature(header: str | None, body: bytes, *, secrets: Sequence[str], now: float) -> None:
    """Raise BadSignature unless one of the secrets signed these bytes within five minutes of `now` (Unix seconds).

    While a secret is replaced there is one `v1` for each; other schemes, such as the weaker `v0`, count for nothing.
    """
    if not header or len(header) > _LONGEST_HEADER:
        raise BadSignature("the signature is missing or too long")
    parts = [tuple(map(str.strip, part.split("=", 1))) for part in header.split(",") if "=" in part]
    times = [value for name, value in parts if name == "t"]
    if len(times) != 1 or not _TIME.fullmatch(times[0]):
        raise BadSignature("the time of the signature cannot be read")
    told = [value for name, value in parts if name == "v1" and _DIGEST.fullmatch(value)]
    expected = [sign(secret, times[0], body) for secret in secrets]
    if not any(hmac.compare_digest(one, other) for one in expected for other in told):
        raise BadSignature("the signature does not match")
    if abs(now - int(times[0])) > TOLERANCE:
        raise BadSignature("the signature is too old, or ahead of our clock")


def sign(secret: str, at: int | str, body: bytes) -> str:
    """Return the `v1` of these bytes at a time (Unix seconds), signed with the whole secret, `whsec_` included."""
    return hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
