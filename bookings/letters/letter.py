"""What somebody is told, ready to be read: made in the reader's language and zone, the same for a page and a mail."""

from __future__ import annotations

from dataclasses import dataclass, replace

from django.utils.functional import Promise


@dataclass(frozen=True)
class Link:
    """A place of this site to go on to."""

    label: str | Promise
    path: str


@dataclass(frozen=True)
class Row:
    """A fact under its name, such as the time of a session."""

    name: str
    value: str


@dataclass(frozen=True)
class Letter:
    """A subject, one sentence that says it all, and what a mail adds: facts, paragraphs, where to go on.

    `sentence` is what the list on the site shows.
    """

    subject: str
    sentence: str
    rows: tuple[Row, ...] = ()
    paragraphs: tuple[str, ...] = ()
    button: Link | None = None
    also: Link | None = None

    def with_more(self, *, rows: list[Row] | None = None, paragraphs: list[str] | None = None) -> Letter:
        """Return the letter with something added to it."""
        return replace(self, rows=(*self.rows, *(rows or [])), paragraphs=(*self.paragraphs, *(paragraphs or [])))
