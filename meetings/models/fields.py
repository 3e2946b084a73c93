"""A column whose value is encrypted."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models

from meetings.errors import TokenUnreadable


@lru_cache
def _box(keys: tuple[str, ...]) -> MultiFernet:
    if not keys:
        raise ImproperlyConfigured("TOKEN_KEYS is not set: without a key no tutor's token can be kept.")
    return MultiFernet([Fernet(key) for key in keys])


def token_box() -> MultiFernet:
    """Return what encrypts with the newest of TOKEN_KEYS and decrypts with any. Raises ImproperlyConfigured."""
    return _box(tuple(settings.TOKEN_KEYS))


def are_keys_good() -> bool:
    """Say whether TOKEN_KEYS can keep a token: there is at least one, and each is a Fernet key."""
    try:
        token_box()
    except (ImproperlyConfigured, ValueError):
        return False
    return True


class EncryptedField(models.TextField[str, str]):
    """A text that the database sees encrypted only. Reading one that no key opens raises TokenUnreadable."""

    def get_prep_value(self, value: Any) -> Any:
        return token_box().encrypt(value.encode()).decode() if value else value

    def from_db_value(self, value: str | None, *_: object) -> str | None:
        if not value:
            return value
        try:
            return token_box().decrypt(value.encode()).decode()
        except InvalidToken:
            raise TokenUnreadable(f"{self.model._meta.label}.{self.name} cannot be decrypted with TOKEN_KEYS") from None
