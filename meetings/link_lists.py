"""Lists of links, one address a line, as people paste or upload them. Taken whole or not at all."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.utils.translation import gettext as _

from bookings.errors import InvalidInput
from meetings.addresses import normalise_address
from meetings.errors import LinkAddressRefused, LinkListRefused
from meetings.models import MeetingLink

LARGEST = 5 * 1024 * 1024
FAULTS_SHOWN = 50
_LINE_END = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True)
class Line:
    """One line with something on it. The first line of a list is number 1."""

    number: int
    text: str


def read_list_file(path: Path) -> str:
    """Return the text of a file. Raises InvalidInput with one sentence if it cannot be read."""
    try:
        if path.stat().st_size > LARGEST:
            raise _too_large()
        return decode_list(path.read_bytes())
    except FileNotFoundError:
        raise InvalidInput(_("There is no file %(path)s.") % {"path": path}) from None
    except IsADirectoryError:
        raise InvalidInput(_("%(path)s is a folder, not a file.") % {"path": path}) from None
    except OSError as error:
        raise InvalidInput(_("%(path)s cannot be read: %(why)s.") % {"path": path, "why": error.strerror}) from None


def decode_list(content: bytes) -> str:
    """Return the text of an uploaded list. Raises InvalidInput with one sentence if it is too large or no text."""
    if len(content) > LARGEST:
        raise _too_large()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidInput(_("This file is not plain text in UTF-8. Please save it as text and try again.")) from None


def parse_list(text: str) -> list[str]:
    """Return the normalised addresses of the list, in its order; blank lines and lines that begin with # are skipped.

    Raises LinkListRefused with every fault and its line number, and InvalidInput for a list without addresses.
    """
    addresses: dict[str, int] = {}
    faults: list[str] = []
    for line in _lines(text):
        try:
            address = normalise_address(line.text)
        except LinkAddressRefused as error:
            faults.append(_("Line %(number)s: %(why)s") % {"number": line.number, "why": error})
            continue
        if address in addresses:
            faults.append(
                _("Line %(number)s: this is the link of line %(first)s again.")
                % {"number": line.number, "first": addresses[address]}
            )
            continue
        addresses[address] = line.number
    faults += _known_already(addresses)
    if faults:
        raise LinkListRefused(_shortened(faults))
    if not addresses:
        raise InvalidInput(_("There is no link in this list."))
    return list(addresses)


def _lines(text: str) -> Iterator[Line]:
    for number, line in enumerate(_LINE_END.split(text.removeprefix("\ufeff")), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            yield Line(number, line)


def _known_already(addresses: dict[str, int]) -> list[str]:
    known = MeetingLink.objects.filter(url__in=list(addresses)).values_list("url", flat=True)
    numbers = sorted(addresses[url] for url in known)
    return [_("Line %(number)s: this link is in the pool already.") % {"number": number} for number in numbers]


def _shortened(faults: list[str]) -> list[str]:
    more = len(faults) - FAULTS_SHOWN
    if more <= 0:
        return faults
    return [*faults[:FAULTS_SHOWN], _("…and %(more)s more.") % {"more": more}]


def _too_large() -> InvalidInput:
    return InvalidInput(_("This file is larger than 5 MB. Please split it."))
