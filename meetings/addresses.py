"""What a meeting address may look like, and how it is written down: values only, no database."""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

from django.utils.translation import gettext as _

from meetings.errors import LinkAddressRefused

LONGEST = 500
GOOGLE_MEET = "meet.google.com"
# Pages of Google Meet that are no rooms: each visitor of /new would get a room of their own.
NOT_A_ROOM = ("", "/", "/new", "/landing", "/about")
_HOST = re.compile(r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]")
_BLANK_OR_CONTROL = re.compile(r"[\s\x00-\x1f\x7f]")


def normalise_address(text: str) -> str:
    """Return the address as the pool keeps it, so that two spellings of one room are seen to be the same.

    `https` only, the host in lower case, no fragment, no final slash; for Google Meet no query and the code in
    lower case, and `meet.google.com/abc-defg-hij` will do. Raises LinkAddressRefused with a sentence.
    """
    text = text.strip()
    if len(text) > LONGEST:
        raise LinkAddressRefused(_("The address is longer than %(most)s characters.") % {"most": LONGEST})
    if not text or _BLANK_OR_CONTROL.search(text):
        raise LinkAddressRefused(_("An address has no spaces in it."))
    if text.lower().startswith(f"{GOOGLE_MEET}/"):
        text = f"https://{text}"
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise LinkAddressRefused(_("This is not a web address.")) from None
    if parts.scheme != "https":
        raise LinkAddressRefused(_("The address must start with https://."))
    if "@" in parts.netloc:
        raise LinkAddressRefused(_("The address must not contain a user name or password."))
    host = (parts.hostname or "").lower()
    if not _HOST.fullmatch(host):
        raise LinkAddressRefused(_("The address does not name a host such as meet.google.com."))
    place = host if port in (None, 443) else f"{host}:{port}"
    return _fitting(f"https://{place}{_path_and_query(host, parts.path, parts.query)}")


def _path_and_query(host: str, path: str, query: str) -> str:
    path = quote(path, safe="/:@!$&'()*+,;=~-._%").rstrip("/")
    if host != GOOGLE_MEET:
        return f"{path}?{quote(query, safe='/:@!$&()*+,;=~-._%?')}" if query else path
    path = path.lower()
    if path in NOT_A_ROOM or path.startswith("/lookup/"):
        raise LinkAddressRefused(_("This page of Google Meet is not a room that can be used again."))
    return path


def _fitting(address: str) -> str:
    if len(address) > LONGEST:
        raise LinkAddressRefused(_("The address is longer than %(most)s characters.") % {"most": LONGEST})
    return address
