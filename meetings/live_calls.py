"""What goes on in a pool link right now, where Google lets us see it: only in rooms that this site made."""

from __future__ import annotations

from meetings.calls import note_call
from meetings.connections import access_to
from meetings.errors import ProviderTrouble
from meetings.hygiene import google_meet, pool_connection
from meetings.models import Meeting, MeetingLink, VideoConnection
from meetings.vendor_rounds import VendorRound

PROVIDER = "google"  # of all such rooms


def account_of(link: MeetingLink) -> VideoConnection | None:
    """Return the account that owns the room, or None: then nobody can look into it. Wants the link with its connection."""
    if not link.provider_space_id:
        return None
    account = link.connection
    return account if account is not None and account.is_usable else pool_connection()


def is_in_use(link: MeetingLink, *, vendors: VendorRound) -> bool | None:
    """Say whether a call is running in the room; None if that cannot be known, in this round. Never in a transaction."""
    account = account_of(link)
    if account is None or not vendors.may_ask(PROVIDER, account):
        return None
    is_running: bool | None = None
    with note_call(provider=PROVIDER, what="check", connection=account) as call:
        is_running = google_meet().look_at_space(link.provider_space_id, access_to(account)).is_in_use
    vendors.note(PROVIDER, account, call.trouble)
    return is_running


def end_call(link: MeetingLink, *, meeting: Meeting) -> ProviderTrouble | None:
    """Send everybody out of a room of ours, and return what went wrong, if anything. Never in a transaction."""
    account = account_of(link)
    if account is None:
        return None
    with note_call(provider=PROVIDER, what="end", connection=account, meeting=meeting) as call:
        google_meet().end_conference(link.provider_space_id, access_to(account))
    return call.trouble
