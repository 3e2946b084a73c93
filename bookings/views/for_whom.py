"""Whom the reader books for: themselves, or somebody who has agreed to it."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest

from bookings.errors import NoLeave
from bookings.models import StudentLink, User


@dataclass(frozen=True)
class ForWhom:
    """The choice on a page: `link` is None for the reader's own sessions; `links` are all that can be chosen."""

    reader: User
    link: StudentLink | None
    links: list[StudentLink]

    @property
    def student(self) -> User:
        return self.link.student if self.link and self.link.student else self.reader

    @property
    def reference(self) -> str:
        """What forms send as `for`; empty for oneself."""
        return self.link.reference if self.link else ""

    @property
    def name(self) -> str:
        return self.link.student_name if self.link else ""


def read_for_whom(request: HttpRequest) -> ForWhom | None:
    """Return the choice in the address (`?for=`), None for whoever is not logged in.

    A reference that is not one of the reader's own leaves, or no longer, means the reader: nothing is given away.
    """
    if not isinstance(request.user, User):
        return None
    links = _links_of(request.user)
    return ForWhom(request.user, _find(links, request.GET.get("for", "")), links)


def check_for_whom(reader: User, *, asked: str) -> ForWhom:
    """Return the choice in a form (`for`; empty: the reader), checked against the reader's own leaves. Raises NoLeave."""
    if not asked:
        return ForWhom(reader, None, [])
    link = _find(_links_of(reader), asked)
    if link is None:
        raise NoLeave
    return ForWhom(reader, link, [link])


def _links_of(reader: User) -> list[StudentLink]:
    return list(reader.student_links.standing().select_related("student"))


def _find(links: list[StudentLink], asked: str) -> StudentLink | None:
    return next((link for link in links if link.reference == asked), None)
