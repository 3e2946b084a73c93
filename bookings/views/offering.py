"""What is offered beside a refusal: the next free times, so that nobody has to start again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _

from bookings import availability
from bookings.errors import SlotNotOffered, SlotTaken
from bookings.forms import ChosenSlot
from bookings.models import Tutor
from bookings.views.days import by_day, reader_zone
from bookings.views.for_whom import ForWhom


@contextmanager
def others_offered(wish: ChosenSlot, for_whom: ForWhom) -> Iterator[None]:
    """Put the next free times beside a refusal."""
    try:
        yield
    except (SlotTaken, SlotNotOffered) as refusal:
        tutor = wish.session_type.tutor
        refusal.context |= {
            **next_times(wish, for_whom),
            "next_steps": [(tutor.get_absolute_url(), _("All times of %(tutor)s") % {"tutor": tutor})],
        }
        raise


def next_times(wish: ChosenSlot, for_whom: ForWhom) -> dict[str, Any]:
    """Return the free times around a wish as the list of slots shows them."""
    near = availability.next_slots(wish.session_type, near=wish.starts_at, student=for_whom.student)
    return {
        "for_whom": for_whom,
        "slots": by_day(near, reader_zone()),
        "session_type": wish.session_type.slug,
        **where_slots_lead(wish.session_type.tutor),
    }


def where_slots_lead(tutor: Tutor) -> dict[str, str]:
    """Return where a press on a slot of this tutor leads: to the cart, or to the page on which one asks for it."""
    if tutor.approves_first:
        return {"slots_action": reverse("bookings:slot_request", args=[tutor.slug]), "slots_method": "get"}
    return {"slots_action": reverse("bookings:slot_hold", args=[tutor.slug]), "slots_method": "post"}


def address_to_ask(wish: ChosenSlot, *, for_whom: str = "") -> str:
    """Return the address of the page on which one asks for this time."""
    tutor = wish.session_type.tutor
    query = {"session_type": wish.session_type.slug, "starts_at": as_text(wish.starts_at)}
    if for_whom:
        query["for"] = for_whom
    return f"{reverse('bookings:slot_request', args=[tutor.slug])}?{urlencode(query)}"


def as_text(instant: datetime) -> str:
    """Return an instant (UTC) as addresses carry it."""
    return instant.isoformat().replace("+00:00", "Z")
