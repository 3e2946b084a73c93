"""Have tokens ready for those who come to a door: nobody waits there for another one.

A renewal whose answer is not waited for can be the end of a consent, so it is a job's, with a job's patience, ahead of time.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from bookings.jobs import enqueue_once
from meetings.connections import AHEAD, access_to
from meetings.entering import has_ways
from meetings.errors import ProviderTrouble
from meetings.models import Meeting, ProviderCall, VendorRoom, VideoConnection
from meetings.providers import find_maker
from meetings.silence import newest_in_vain

log = logging.getLogger("linkpool.meetings")

SILENCE = timedelta(minutes=5)  # where a renewal found nobody, no other is tried for so long


def renew_for_doors(now: datetime) -> int:
    """Have the tokens renewed of the accounts whose sessions let their tutors in now, or will within minutes.

    What was not renewed ahead is done without (entering.py). Returns how many jobs that makes.
    """
    named = [name for name in settings.MEETING_PROVIDERS if has_ways(find_maker(name))]
    opening = now + timedelta(minutes=settings.JOIN_OPENS_MINUTES) + AHEAD
    # By the end, which has an index; no session is longer than a day.
    near = Meeting.objects.filter(status=Meeting.Status.READY, during__startswith__lt=opening)
    near = near.filter(during__endswith__gt=now, during__endswith__lt=opening + timedelta(days=1))
    rooms = VendorRoom.objects.filter(state=VendorRoom.State.MADE, meeting__in=near)
    ends = Q(expires_at=None) | Q(expires_at__lt=now + AHEAD)
    accounts = VideoConnection.objects.usable().filter(ends, provider__in=named, tutor__isnull=False)
    keys = list(accounts.filter(pk__in=rooms.values("connection")).values_list("pk", flat=True))
    for pk in keys:
        enqueue_once("meetings.renew_account", lock=f"meetings.renew_account:{pk}", connection_id=pk)
    return len(keys)


def renew(connection: VideoConnection) -> None:
    """Renew an account's token if it ends soon; what goes wrong is noted, and a later minute tries again."""
    calls = ProviderCall.objects.filter(provider=connection.provider, what="refresh")
    if newest_in_vain(calls.filter(began_at__gt=timezone.now() - SILENCE)) is not None:
        return
    try:
        access_to(connection).token()
    except ProviderTrouble as error:
        log.warning("account not renewed", extra={"connection": connection.pk, "kind": type(error).__name__})
