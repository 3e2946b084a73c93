"""Change the key that tokens are encrypted with, while the site runs."""

from __future__ import annotations

from django.db import transaction

from meetings.errors import TokenUnreadable
from meetings.models import VideoConnection


def rotate_tokens() -> tuple[int, list[int]]:
    """Encrypt every token anew with the newest key. Returns how many connections, and the keys of those not readable.

    Row by row under its lock, so a renewal at the same moment is neither lost nor undone.
    """
    kept = VideoConnection.objects.exclude(access_token="", refresh_token="").order_by("pk")
    rotated, unreadable = 0, []
    for key in list(kept.values_list("pk", flat=True)):
        try:
            rotated += _rotate(key)
        except TokenUnreadable:
            unreadable.append(key)
    return rotated, unreadable


@transaction.atomic
def _rotate(key: int) -> bool:
    row = VideoConnection.objects.defer(None).select_for_update(no_key=True).filter(pk=key).first()
    if row is None:
        return False
    row.save(update_fields=["access_token", "refresh_token"])
    return True
