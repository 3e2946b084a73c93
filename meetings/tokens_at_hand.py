"""The token that an account has at this moment: for those who may wait neither for a renewal nor for its lock."""

from __future__ import annotations

from django.utils import timezone

from meetings.connections import LEAST_LIFE
from meetings.errors import ProviderUnavailable, TokenUnreadable
from meetings.models import VideoConnection
from meetings.providers.base import Access


class TokenAtHand(Access):
    """The account of a connection, opened with the token that is there, and with no other."""

    def __init__(self, row: VideoConnection) -> None:
        self.account, self.base_url = row.account, row.base_url
        self._token = row.access_token

    def token(self) -> str:
        return self._token

    def renewed(self, refused: str) -> str:
        raise ProviderUnavailable(detail="the token at hand is refused", status=401)


def token_at_hand(connection: VideoConnection) -> Access | None:
    """Return what opens the account right now, or None where a token would first have to be asked for."""
    try:
        row: VideoConnection = VideoConnection.objects.defer(None).get(pk=connection.pk)
    except TokenUnreadable:
        return None
    lives = row.expires_at is not None and row.expires_at > timezone.now() + LEAST_LIFE
    return TokenAtHand(row) if row.is_usable and row.access_token and lives else None
