"""How the making of a meeting stands, in words for the one who reads: how far it is, what is wrong, who knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from django.core.cache import cache
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from bookings.kept import read_kept
from meetings.chain import MANUAL, chain_of
from meetings.models import Meeting, VendorRoom, VideoConnection
from meetings.places import GIVEN, label_of

Trouble = Meeting.Trouble
LOOKED_AT, REMEMBERED = 200, timedelta(minutes=10)
A_WEEK, A_DAY, A_MINUTE = timedelta(days=7), timedelta(days=1), timedelta(minutes=1)

# What a tutor reads: what is wrong, and what they can do. `%(provider)s` is what people call it.
_WHY: Mapping[str, tuple[str | Promise, str | Promise]] = {
    Trouble.POOL_FULL: (
        gettext_lazy("Every room is taken at this time"),
        gettext_lazy("It gets the first one that comes free. You can also give the address of a room of your own."),
    ),
    Trouble.RECONNECT: (
        gettext_lazy("Your account must be connected again"),
        gettext_lazy("%(provider)s no longer lets us make meetings for you. Connect it again, and we try at once."),
    ),
    Trouble.UNREACHABLE: (
        gettext_lazy("The meeting provider does not answer"),
        gettext_lazy("We could not reach %(provider)s. We go on trying; you can also give an address yourself."),
    ),
    Trouble.CANNOT: (
        gettext_lazy("The meeting provider cannot hold this session"),
        gettext_lazy("%(provider)s does not make this meeting with the account in use. Please give an address yourself."),
    ),
    Trouble.SET_UP: (
        gettext_lazy("Something is set up wrongly"),
        gettext_lazy("It is not your fault, and our team has to mend it. Until then you can give an address yourself."),
    ),
    Trouble.BY_HAND: (
        gettext_lazy("This session waits for an address from you"),
        gettext_lazy("Paste the address of your meeting. Your student joins by the same button as ever."),
    ),
    Trouble.OTHER: (
        gettext_lazy("Something went wrong on our side"),
        gettext_lazy("Our team looks after it. You can try again, or give an address yourself."),
    ),
}
# Where the tutor does not give every address, but no place of the chain holds this one.
_AT_THE_END = gettext_lazy(
    "None of the places on your list can hold it at the moment. We go on trying; to be sure, give the address of a room of "
    "your own."
)


@dataclass(frozen=True)
class Step:
    label: str
    is_done: bool
    is_now: bool


@dataclass(frozen=True)
class Standing:
    """What is shown of a meeting that is not ready. `title` and `text` are for the tutor, who can do something."""

    steps: list[Step]
    usual: str
    trouble: str  # a Meeting.Trouble, or empty
    title: str
    text: str
    details: str
    next_try_at: datetime | None
    staff_know: bool
    tutor_knows: bool  # by mail, not only by the pages they look at
    needs_address: bool  # only a person's address helps: trying again would change nothing

    @property
    def is_stuck(self) -> bool:
        return bool(self.trouble)

    @property
    def needs_consent(self) -> bool:
        return self.trouble == Trouble.RECONNECT


def standing_of(meeting: Meeting | None, *, now: datetime) -> Standing:
    """Return how far the meeting is. At most two queries, and one more in ten minutes for what is usual.

    Wants the meeting's booking, with its tutor.
    """
    trouble = _trouble_of(meeting)
    provider = label_of(meeting.provider) if meeting else ""
    broken = _broken_account(meeting) if meeting and trouble == Trouble.RECONNECT else None
    if broken is not None:
        provider = broken.get_provider_display()
    title, text = _WHY[trouble] if trouble else ("", "")
    is_by_hand = trouble == Trouble.BY_HAND
    needs_address = is_by_hand and meeting is not None and meeting.provider == MANUAL
    is_asked_for = is_by_hand and meeting is not None and (needs_address or MANUAL in chain_of(meeting.booking.tutor))
    if is_by_hand and not is_asked_for:
        text = _AT_THE_END
    # What comes next where an address is asked for is a reminder, no try.
    next_try_at = meeting.next_attempt_at if meeting and meeting.is_waiting and not is_asked_for else None
    is_soon = next_try_at is not None and now + A_MINUTE < next_try_at < now + A_DAY  # only its hour is shown
    return Standing(
        steps=_steps(meeting),
        usual=_usually(meeting.provider) if meeting and not trouble else "",
        trouble=trouble,
        title=str(title),
        text=str(text) % {"provider": provider} if text else "",
        details=read_kept(broken.broken_why) if broken else "",
        next_try_at=next_try_at if is_soon else None,
        staff_know=meeting is not None and meeting.alerted_at is not None,
        tutor_knows=is_by_hand or (broken is not None and not broken.is_unreadable),
        needs_address=needs_address,
    )


def trouble_in_words(meeting: Meeting | None) -> str:
    """Say in a few words why a meeting has no address yet; empty while it is simply being made. No query."""
    trouble = _trouble_of(meeting)
    return str(_WHY[trouble][0]) if trouble else ""


def _trouble_of(meeting: Meeting | None) -> str:
    if meeting is None or meeting.status not in (Meeting.Status.WAITING, Meeting.Status.FAILED):
        return ""
    return meeting.trouble or (Trouble.OTHER if meeting.last_error else "")


def _broken_account(meeting: Meeting) -> VideoConnection | None:
    """Return the tutor's account that must be connected again: which it is no row of the meeting says."""
    mine = VideoConnection.objects.connected().filter(tutor=meeting.booking.tutor_id)
    broken: VideoConnection | None = mine.filter(status=VideoConnection.Status.BROKEN).order_by("-broken_at").first()
    return broken


def _steps(meeting: Meeting | None) -> list[Step]:
    """Asked, made, ready: as far as our own rows tell. Each is called by what goes on, and when done by what was done."""
    room = meeting.rooms.filter(generation=meeting.generation).order_by("-pk").first() if meeting else None
    is_made = room is not None and room.state == VendorRoom.State.MADE
    is_asked = is_made or room is not None or bool(meeting and meeting.attempts)
    asking, asked = _("Asking for a room"), _("A room was asked for")
    if meeting and meeting.provider not in GIVEN and (provider := label_of(meeting.provider)):
        asking, asked = (words % {"provider": provider} for words in (_("Asking %(provider)s"), _("%(provider)s was asked")))
    words = [(asking, asked), (_("Making the room"), _("The room is made")), (_("Ready"), _("Ready"))]
    done = [is_asked, is_made, False]
    current = done.index(False)
    return [Step(words[at][done[at]], done[at], at == current) for at in range(len(words))]


def _usually(provider: str) -> str:
    """Say how long it takes there as a rule, from the last meetings that were made; empty if nobody knows."""
    key = f"meetings.usual:{provider}"
    seconds: float | None = cache.get(key)
    if seconds is None:
        seconds = _usual_seconds(provider)
        cache.set(key, seconds, REMEMBERED.total_seconds())
    if seconds < 0:
        return ""
    if seconds < A_MINUTE.total_seconds():
        return _("Usually this takes less than a minute.")
    minutes = round(seconds / A_MINUTE.total_seconds())
    return ngettext(
        "Usually this takes about %(minutes)d minute.", "Usually this takes about %(minutes)d minutes.", minutes
    ) % {"minutes": minutes}


def _usual_seconds(provider: str) -> float:
    """Return the median from the wish to the address, in seconds; -1 if no meeting was made there for a week.

    Only first rooms count: what was moved waited for reasons of its own.
    """
    made = Meeting.objects.filter(provider=provider, generation=0, ready_at__gte=timezone.now() - A_WEEK)
    pairs = made.order_by("-pk").values_list("requested_at", "ready_at")[:LOOKED_AT]
    return median([(ready - asked).total_seconds() for asked, ready in pairs if ready] or [-1.0])
