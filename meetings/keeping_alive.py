"""Look after the accounts that nobody uses: a consent at rest may die, and one with an end has to be renewed in time."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from bookings.jobs import enqueue
from meetings.accounts import check_account
from meetings.connections import revive
from meetings.errors import ProviderTrouble, TokenUnreadable
from meetings.giving_back import to_give_back
from meetings.models import VideoConnection
from meetings.models.connections import UNREADABLE

log = logging.getLogger("linkpool.meetings")

IDLE = timedelta(hours=20)  # less than a day, so that a daily round never misses one
WARNING = timedelta(days=7)


def look_after_accounts(now: datetime) -> int:
    """Have every idle account looked at, those warned whose consent ends soon, and ended ones given back.

    Returns how many jobs that makes. Each is safe to be done twice.
    """
    idle = Q(last_refreshed_at=None) | Q(last_refreshed_at__lt=now - IDLE)
    looked_at = Q(checked_at=None) | Q(checked_at__lt=now - IDLE)
    of_tutors = VideoConnection.objects.usable().filter(idle | looked_at, tutor__isnull=False)
    unread = VideoConnection.objects.connected().filter(broken_why=UNREADABLE())
    of_site = VideoConnection.objects.connected().filter(looked_at, tutor=None)
    jobs = [("meetings.check_account", pk) for pk in (of_tutors | unread | of_site).values_list("pk", flat=True)]
    ending = VideoConnection.objects.usable().filter(grant_ends_at__lte=now + WARNING, told_at=None)
    jobs += [("meetings.tell_of_end", pk) for pk in ending.values_list("pk", flat=True)]
    jobs += [("meetings.give_back", pk) for pk in to_give_back().values_list("pk", flat=True)]
    with transaction.atomic():
        for task, pk in jobs:
            enqueue(task, connection_id=pk)
    return len(jobs)


def check_and_note(connection: VideoConnection) -> None:
    """Look at one account. Broken ones are marked by whoever finds it out; trouble that passes is only logged.

    One that could not be read works again as soon as its key is back in TOKEN_KEYS; one of the site, when it opens.
    """
    try:
        if connection.broken_at is not None and not revive(connection):
            return
        check_account(connection)
    except (ProviderTrouble, TokenUnreadable) as error:
        log.warning("account not looked at", extra={"connection": connection.pk, "kind": type(error).__name__})
