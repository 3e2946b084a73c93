"""Sentences that rows keep: stored in English whoever caused them, read in the language of whoever reads.

What is stored must not depend on the reader of the moment: workers compare it with what they would say themselves.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from django.conf import settings
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext

_PLACE = re.compile(r"%\((\w+)\)s")


@dataclass(frozen=True)
class Kept:
    """A sentence with places such as %(money)s: `REFUSED(detail="…")` is what a row keeps of it.

    Make it once, where the module begins: the catalogues are told of it, and `read_kept` knows it again.
    """

    sentence: str
    _pattern: re.Pattern[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        parts = _PLACE.split(self.sentence)  # texts and names of places take turns
        pattern = "".join(f"(?P<{part}>.*)" if place % 2 else re.escape(part) for place, part in enumerate(parts))
        object.__setattr__(self, "_pattern", re.compile(pattern, re.DOTALL))
        _ALL.append(self)

    def __call__(self, **facts: object) -> str:
        with translation.override(settings.LANGUAGE_CODE):
            return self.sentence % {name: str(fact) for name, fact in facts.items()} if facts else self.sentence

    def said_again(self, text: str) -> str | None:
        """Return the sentence that `text` keeps in the reader's language, or None if it is another one."""
        found = self._pattern.fullmatch(text)
        if found is None:
            return None
        facts = {name: read_kept(fact) for name, fact in found.groupdict().items()}
        return gettext(self.sentence) % facts if facts else gettext(self.sentence)


_ALL: list[Kept] = []


def read_kept(text: str) -> str:
    """Return a sentence that a row keeps in the reader's language; what a person wrote stays as it is."""
    if not text:
        return ""
    for kept in _ALL:
        if (said := kept.said_again(text)) is not None:
            return said
    return gettext(text)


def in_english(said: str | Promise) -> str:
    """Return a sentence as logs and rows keep it."""
    with translation.override(settings.LANGUAGE_CODE):
        return str(said)
