"""The environment: every setting of a site, its default and what it means.

Each reader registers what it reads in `KNOWN`, so that the documentation and the checks can list it.
A value that cannot be understood stops the start with one sentence that names the variable.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import environ
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent
ENV_FILE = Path(os.environ.get("ENV_FILE", BASE_DIR / ".env"))

T = TypeVar("T")


@dataclass(frozen=True)
class Setting:
    """One variable of the environment, for the documentation. `default` is words where it depends on others."""

    name: str
    default: str
    sentence: str
    group: str


KNOWN: dict[str, Setting] = {}
_groups = [""]
_env = environ.Env()
if ENV_FILE.is_file():
    _env.read_env(str(ENV_FILE))


def begin_group(title: str) -> None:
    """Put what is read from here on under this title in the documentation."""
    _groups.append(title)


def declare(name: str, default: str, sentence: str) -> None:
    """Note a variable that is read elsewhere, before there are settings."""
    KNOWN[name] = Setting(name, default, sentence, _groups[-1])


def is_set(name: str) -> bool:
    """True when the environment gives a value, even if it is the default."""
    return bool(os.environ.get(name, "").strip())


def _read(name: str, default: Any, sentence: str, cast: Callable[[str], T], *, shown: str = "") -> T:
    declare(name, shown or _shown(default), sentence)
    raw = os.environ.get(name)
    if raw is None or raw.strip() == "":
        return default  # type: ignore[no-any-return]
    try:
        return cast(raw.strip())
    except ValueError as error:
        # The value itself may be a secret, so the sentence shows only the name.
        raise ImproperlyConfigured(f"The environment variable {name} {error}. It means: {sentence}") from None


def _shown(default: Any) -> str:
    if isinstance(default, bool):
        return "yes" if default else "no"
    if isinstance(default, list):
        return ",".join(default)
    return "" if default is None else str(default)


def text(name: str, default: str, sentence: str, *, shown: str = "") -> str:
    """Return a text as it is written. `shown` describes a default that depends on other settings."""
    return _read(name, default, sentence, str, shown=shown)


def flag(name: str, default: bool, sentence: str) -> bool:
    """Return a yes or no."""

    def cast(raw: str) -> bool:
        if raw.lower() in environ.Env.BOOLEAN_TRUE_STRINGS:
            return True
        if raw.lower() in ("0", "false", "no", "n", "off"):
            return False
        raise ValueError("must be yes or no (1 or 0)")

    return _read(name, default, sentence, cast)


def whole(name: str, default: int, sentence: str, *, least: int = 0, most: int = 1_000_000) -> int:
    """Return a whole number between `least` and `most`."""

    def cast(raw: str) -> int:
        try:
            number = int(raw)
        except ValueError:
            raise ValueError(f"must be a whole number from {least} to {most}") from None
        if not least <= number <= most:
            raise ValueError(f"must be a whole number from {least} to {most}")
        return number

    return _read(name, default, sentence, cast)


def listed(name: str, default: list[str], sentence: str, *, shown: str = "") -> list[str]:
    """Return the parts of a comma-separated list, without blanks."""

    def cast(raw: str) -> list[str]:
        return [part.strip() for part in raw.split(",") if part.strip()]

    return _read(name, default, sentence, cast, shown=shown)


def address(name: str, default: str, sentence: str) -> str:
    """Return an http(s) address without its final slash."""

    def cast(raw: str) -> str:
        try:
            parts = urlsplit(raw)
            is_whole = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            is_whole = False
        if not is_whole:
            raise ValueError("must be an address that starts with http:// or https://")
        return raw.rstrip("/")

    return _read(name, default, sentence, cast)


def zone(name: str, default: str, sentence: str) -> str:
    """Return the name of an IANA time zone that exists."""

    def cast(raw: str) -> str:
        try:
            ZoneInfo(raw)
        except (KeyError, ValueError, OSError):
            raise ValueError("must be a time zone such as Asia/Jakarta") from None
        return raw

    return _read(name, default, sentence, cast)


def one_of(name: str, default: str, choices: Collection[str], sentence: str) -> str:
    """Return one of a few words."""

    def cast(raw: str) -> str:
        if raw.lower() not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return raw.lower()

    return _read(name, default, sentence, cast)


def currency(name: str, default: str, sentence: str) -> str:
    """Return a three-letter currency code in capitals."""

    def cast(raw: str) -> str:
        if len(raw) != 3 or not raw.isascii() or not raw.isalpha():
            raise ValueError("must be a three-letter code such as IDR")
        return raw.upper()

    return _read(name, default, sentence, cast)


def database(name: str, sentence: str) -> dict[str, Any] | None:
    """Return Django's settings for a PostgreSQL address, or None when it is not set."""

    def cast(raw: str) -> dict[str, Any]:
        if not raw.startswith(("postgres://", "postgresql://")):
            raise ValueError("must start with postgres:// (only PostgreSQL 15 or newer can be used)")
        try:
            found = dict(environ.Env.db_url_config(raw))
        except ValueError:
            raise ValueError("must be an address such as postgres://user:password@host:5432/linkpool") from None
        if not found.get("NAME"):
            raise ValueError("must name a database, such as postgres://user:password@host:5432/linkpool")
        return found

    return _read(name, None, sentence, cast)


def email(name: str, default: str, sentence: str, *, shown: str = "") -> dict[str, Any]:
    """Return Django's settings for a mail address such as smtp+tls://user:password@host:587."""

    def cast(raw: str) -> dict[str, Any]:
        try:
            return dict(environ.Env.email_url_config(raw))
        except Exception:
            raise ValueError("must be a mail address such as smtp+tls://user:password@host:587") from None

    return _read(name, cast(default), sentence, cast, shown=shown or default)
