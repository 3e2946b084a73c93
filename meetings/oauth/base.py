"""The contract of a vendor's consent. A vendor knows no models and no settings; meetings/connections.py keeps what it gives.

Trouble is raised as in meetings/providers/base.py. `invalid_grant` means two things: at `refresh` the consent is gone
(ConnectionBroken), at `exchange` the code is used up or not ours (ConsentRefused). Text of the vendor's answers stays out of
what is raised: it may hold tokens.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar

from django.utils.functional import Promise

from meetings.errors import ConnectionBroken
from meetings.providers.base import Access


@dataclass(frozen=True)
class Tokens:
    """What a vendor gave for a code or for a refresh token. `repr` shows no secret."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)  # empty: the one that was used stays good
    expires_in: int  # seconds that the access token lives
    scopes: frozenset[str]  # what was granted; where the vendor does not say, what was asked for
    base_url: str = ""  # where this account is served, if the vendor said so
    grant_ends_in: int | None = None  # seconds until the consent itself ends, if it has an end


@dataclass(frozen=True)
class AccountLook:
    """What an account is and what it can do."""

    account: str  # an address, as people know the account
    account_id: str  # as the vendor knows it
    can_host: bool = True
    remark: str | Promise = ""  # a sentence for the tutor: why it cannot, or what it does differently


class OAuthVendor(ABC):
    """One vendor's consent, made from OPTIONS: `MEETING_PROVIDERS[…]["OAUTH"] = {"BACKEND": …, "OPTIONS": …}`.

    `label` is the vendor's name as people know it.
    """

    label: str
    needed_scopes: ClassVar[frozenset[str]] = frozenset()

    @property
    def is_configured(self) -> bool:
        """False without the keys of the site's app: nobody can connect then."""
        return True

    @abstractmethod
    def authorize_url(self, *, state: str, challenge: str, redirect_uri: str, login_hint: str = "") -> str:
        """Return where the tutor consents. `challenge` is PKCE's, S256."""

    @abstractmethod
    def exchange(self, code: str, *, verifier: str, redirect_uri: str) -> Tokens:
        """Return the tokens for a code. Raises ConsentRefused, ProviderUnavailable or ProviderMisconfigured."""

    @abstractmethod
    def refresh(self, refresh_token: str) -> Tokens:
        """Return new tokens. Raises ConnectionBroken, ProviderUnavailable or ProviderMisconfigured."""

    @abstractmethod
    def revoke(self, token: str) -> None:
        """Give the consent back. One that is gone is given back. Raises ProviderUnavailable or ProviderMisconfigured."""

    @abstractmethod
    def look_at(self, token: str) -> AccountLook:
        """Return whose account it is and whether it can hold meetings. Raises ProviderTrouble."""

    def revoked_with(self, access_token: str, refresh_token: str) -> str:
        """Return which of the two is handed to `revoke`."""
        return access_token

    def lacking(self, granted: frozenset[str]) -> frozenset[str]:
        """Return the rights that are needed and were not given."""
        return self.needed_scopes - granted


class OneToken(Access):
    """A token that was just given, before anything of it is kept."""

    account = ""

    def __init__(self, token: str) -> None:
        self._token = token

    def token(self) -> str:
        return self._token

    def renewed(self, refused: str) -> str:
        raise ConnectionBroken(detail="look: a new token is refused", status=401)
