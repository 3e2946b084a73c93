"""Look after the accounts that nobody uses: a consent at rest may die, and one with an end has to be renewed in time."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from bookings.jobs import enqueue, enqueue_once
from meetings.accounts import check_account
from meetings.connections import connection_of_site, revive, site_access
from meetings.errors import ProviderTrouble, TokenUnreadable
from meetings.giving_back import line_up, to_give_back
from meetings.models import ProviderCall, VideoConnection
from meetings.models.connections import UNREADABLE
from meetings.silence import newest_in_vain

log = logging.getLogger("linkpool.meetings")

IDLE = timedelta(hours=20)  # less than a day, so that a daily round never misses one
WARNING = timedelta(days=7)
SILENCE = timedelta(minutes=5)  # a vendor that did not answer is left alone for so long; the next hour finds its accounts


def look_after_accounts(now: datetime) -> int:
    """Have every idle account looked at, those warned whose consent ends soon, and ended ones given back.

    Returns how many jobs that makes. Each is safe to be done twice.
    """
    _keep_accounts_of_site()
    idle = Q(last_refreshed_at=None) | Q(last_refreshed_at__lt=now - IDLE)
    looked_at = Q(checked_at=None) | Q(checked_at__lt=now - IDLE)
    of_tutors = VideoConnection.objects.usable().filter(idle | looked_at, tutor__isnull=False)
    unread = VideoConnection.objects.connected().filter(broken_why=UNREADABLE())
    unfit = Q(status=VideoConnection.Status.BROKEN) | Q(can_host=False)  # whoever mends it need not wait until tomorrow
    of_site = VideoConnection.objects.connected().filter(looked_at | unfit, tutor=None)
    # In any order: one that never gets an answer is not always before the same others.
    to_look_at = list((of_tutors | unread | of_site).order_by("?").values_list("pk", flat=True))
    for pk in to_look_at:
        enqueue_once("meetings.check_account", lock=f"meetings.check_account:{pk}", connection_id=pk)
    ending = VideoConnection.objects.usable().filter(grant_ends_at__lte=now + WARNING, told_at=None)
    to_tell, ended = list(ending.values_list("pk", flat=True)), list(to_give_back().values_list("pk", flat=True))
    with transaction.atomic():
        for pk in to_tell:
            enqueue("meetings.tell_of_end", connection_id=pk)
    for pk in ended:
        line_up(pk)
    return len(to_look_at) + len(to_tell) + len(ended)


def _keep_accounts_of_site() -> None:
    """Have a row for each account of the site, so that it is looked at before the first session needs it."""
    for provider in settings.MEETING_PROVIDERS:
        if site_access(provider) is not None:
            connection_of_site(provider)


def check_and_note(connection: VideoConnection) -> None:
    """Look at one account. Broken ones are marked by whoever finds it out; trouble that passes is only logged.

    One that could not be read works again as soon as its key is back in TOKEN_KEYS; one of the site, once it has opened:
    not before, else it would break anew at every look, and be told of. Where nobody answered a moment ago the vendor is not
    asked: else hundreds of accounts would keep every worker waiting.
    """
    calls = ProviderCall.objects.filter(provider=connection.provider, what__in=["refresh", "look"])
    if newest_in_vain(calls.filter(began_at__gt=timezone.now() - SILENCE)) is not None:
        return
    try:
        if connection.tutor_id is None:
            check_account(connection)
            if connection.broken_at is not None:
                revive(connection)
        elif connection.broken_at is None or revive(connection):
            check_account(connection)
    except (ProviderTrouble, TokenUnreadable) as error:
        log.warning("account not looked at", extra={"connection": connection.pk, "kind": type(error).__name__})
