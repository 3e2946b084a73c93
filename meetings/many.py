"""Provide many meetings at once: links of the pool one after the other, vendors from several threads.

Whoever is cut off leaves nothing behind: what was asked of a vendor stands in the rooms, what was not is still waiting.
Two that run at the same time make no room twice (rooms.py).
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connections
from django.utils import timezone

from bookings.jobs import enqueue_once
from bookings.models import Booking
from meetings import planning
from meetings.chain import POOL
from meetings.errors import ProviderUnavailable
from meetings.models import Meeting
from meetings.provisioning import BATCH, Tally, begins_with_pool, claim, provide_into
from meetings.rooms import PEOPLE
from meetings.vendor_rounds import VendorRound

log = logging.getLogger("linkpool.meetings")

THREADS = 8
POOL_FIRST = {"booking__tutor__meeting_provider": POOL}


@dataclass
class Provided:
    """What came of many; `left` were not tried in the time there was."""

    tally: Tally
    left: int = 0


def provide_missing(*, within: timedelta) -> Provided:
    """Provide every paid session to come that has no address, now and whatever its turn, the earliest first.

    But one whose vendor did not answer a moment ago, or asked us to wait, keeps its turn: it counts as not ready.
    Returns after this time at the latest, and a vendor's answer; whoever calls again goes on where this ended.
    """
    until = time.monotonic() + within.total_seconds()
    done, shared = Tally(ready=0, errors=[]), _Shared()
    missing = list(planning.sessions_without_address(timezone.now()).values_list("pk", flat=True))
    from_vendors: list[int] = []
    for place, key in enumerate(missing):
        if time.monotonic() > until:
            return Provided(done, left=len(missing) - place + len(from_vendors))
        meeting = _planned(key)
        if meeting is None:
            continue
        if begins_with_pool(meeting):
            provide_into(done, meeting)
        elif _waits_for_vendor(meeting, timezone.now()):
            done.errors.append((meeting.booking.reference, str(ProviderUnavailable.message)))
        else:
            from_vendors.append(meeting.pk)
    _in_threads(lambda key: _provide_one(key, shared), from_vendors, until=until)
    tally = shared.total()
    done.ready += tally.ready
    done.errors += tally.errors
    return Provided(done, left=len(from_vendors) - tally.total)


def _planned(key: int) -> Meeting | None:
    booking = Booking.objects.select_related("tutor").get(pk=key)
    planned = planning.plan_meeting(booking)
    return Meeting.objects.select_related(*PEOPLE).get(pk=planned.pk) if planned is not None else None


def _waits_for_vendor(meeting: Meeting, now: datetime) -> bool:
    """True while a vendor is given time: it did not answer this meeting, or asked us to come again later."""
    is_early = meeting.next_attempt_at is not None and meeting.next_attempt_at > now
    return is_early and meeting.is_waiting and meeting.trouble == Meeting.Trouble.UNREACHABLE


class _Shared:
    """A tally that several threads write."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tally = Tally(ready=0, errors=[])

    def add(self, tally: Tally) -> None:
        with self._lock:
            self._tally.ready += tally.ready
            self._tally.errors += tally.errors

    def total(self) -> Tally:
        """Return it as it is now: threads that were left alone go on with theirs."""
        with self._lock:
            return Tally(self._tally.ready, list(self._tally.errors))


def _provide_one(key: int, shared: _Shared) -> None:
    mine = Tally(ready=0, errors=[])
    provide_into(mine, Meeting.objects.select_related(*PEOPLE).get(pk=key))
    shared.add(mine)


def _in_threads(work: Callable[[int], None], keys: Iterable[int], *, until: float) -> None:
    """Call `work` with each key from a few threads, each with a connection of its own, until it is done or too late.

    Raises what the first one raised. Calls under way at the end of the time go on by themselves.
    """
    waiting, trouble = deque(keys), list[BaseException]()

    def run() -> None:
        try:
            while waiting and not trouble and time.monotonic() < until:
                work(waiting.popleft())
        except IndexError:  # somebody else took the last one
            return
        except BaseException as error:
            trouble.append(error)
        finally:
            connections.close_all()

    if len(waiting) == 1:
        work(waiting.popleft())
        return
    threads = [threading.Thread(target=run, daemon=True) for _number in range(min(THREADS, len(waiting)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=max(0.0, until - time.monotonic()))
    if trouble:
        raise trouble[0]


def share_out(now: datetime, *, limit: int = BATCH) -> Tally:
    """Try the meetings whose turn has come: from the pool here, at vendors by a job for each, so that workers share them.

    Where the pool is full vendors may be asked here, too: what is left when the round is over, the next one finds.
    """
    waiting = Meeting.objects.due(now).exclude(**POOL_FIRST).values_list("pk", flat=True)
    for key in list(waiting[:limit]):
        enqueue_once("meetings.provision_meeting", lock=f"meetings.provision_meeting:{key}", meeting_id=key)
    tally, vendors, from_pool = Tally(ready=0, errors=[]), VendorRound(), Meeting.objects.due(now).filter(**POOL_FIRST)
    while tally.total < limit and not vendors.is_over and (meeting := claim(from_pool, now=now)) is not None:
        provide_into(tally, meeting)
    return tally
