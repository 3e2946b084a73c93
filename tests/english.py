"""Find sentences of ours in English where Indonesian should stand."""

from __future__ import annotations

import re
from functools import cache
from html import unescape

from config.catalogues import read_catalogue

PLACES = re.compile(r"%\(\w+\)[a-z]|%[sd%]|\{\w*\}")
SHORTEST = 16  # of the pieces that are looked for: a shorter one may be a name or part of a word


@cache
def pieces() -> dict[str, str]:
    """Return what stands between the places of our sentences in English, and the sentence."""
    found = {}
    for message in read_catalogue("id"):
        if not message.id:
            continue
        texts = message.id if isinstance(message.id, list | tuple) else [message.id]
        said = " ".join(message.string) if isinstance(message.string, list | tuple) else str(message.string)
        for text in texts:
            found.update(
                {piece: text for part in PLACES.split(text) if len(piece := squeeze(part)) >= SHORTEST and piece not in said}
            )
    return found


def squeeze(text: str) -> str:
    return " ".join(text.split())


def english_on(page: str) -> list[str]:
    """Return the sentences of ours of which an English piece stands on the page."""
    page = squeeze(unescape(page))
    return [sentence for piece, sentence in pieces().items() if piece in page]
