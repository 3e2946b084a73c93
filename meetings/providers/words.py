"""Words of ours as vendors take them."""

from __future__ import annotations

import re

# Controls, and the marks that turn the direction of what follows.
_UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2028\u2029\u2066-\u2069\ud800-\udfff]")


def one_line(text: str, *, most: int) -> str:
    """Return the text in one line of at most so many characters, counted as UTF-16 does: no vendor counts them as more."""
    text = " ".join(_UNFIT.sub(" ", text).split())
    return text.encode("utf-16-le")[: 2 * most].decode("utf-16-le", errors="ignore").rstrip()
