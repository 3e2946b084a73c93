"""What other programs of the owner may ask about times."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from bookings import availability, times
from bookings.errors import InvalidInput, NotFound
from bookings.forms import DayForm
from bookings.models import ApiKey, SessionType, Tutor
from bookings.times import During

MOST_DAYS = 92
FIRST_YEAR, LAST_YEAR = 2000, 2100
ASKED_FOR = ("tutor", "session_type", "from", "to")


class AvailableSlots(APIView):
    """GET ?tutor=&session_type=&from=&to=&tz=: the open slots of whole days, both included."""

    scope = ApiKey.Scope.SLOTS
    http_method_names = ["get", "head", "options"]

    def get(self, request: Request) -> Response:
        """Answer `start` and `end` in UTC, `date` and `time` in the zone `tz`, else the tutor's."""
        asked = request.query_params.dict()
        for name in ASKED_FOR:
            if not asked.get(name, "").strip():
                raise InvalidInput(_("Missing required field: %(name)s") % {"name": name})
        session_type = _session_type(asked["tutor"], asked["session_type"])
        zone = _zone(asked.get("tz") or session_type.tutor.time_zone)
        within = _whole_days(_day("from", asked["from"]), _day("to", asked["to"]), zone)
        found = availability.open_slots(session_type, within=within)
        return Response({"success": True, "slots": [_told(slot, zone) for slot in found]})


def _session_type(tutor_slug: str, slug: str) -> SessionType:
    if "\0" in tutor_slug + slug:
        raise InvalidInput
    tutor = Tutor.objects.listed().filter(slug=tutor_slug).first()
    if tutor is None:
        raise NotFound(_("There is no such tutor."))
    session_type = tutor.session_types.on_sale().filter(slug=slug).first()
    if session_type is None:
        raise NotFound(_("This tutor has no such session type."))
    session_type.tutor = tutor
    return session_type


def _zone(name: str) -> ZoneInfo:
    try:
        return times.parse_zone(name)
    except ValueError:
        raise InvalidInput(_("“tz” must be the name of a time zone, such as Asia/Jakarta.")) from None


def _day(name: str, raw: str) -> date:
    day = DayForm.read(raw)
    if day is None:
        raise InvalidInput(_("“%(name)s” must be a date such as 2026-03-01.") % {"name": name})
    return day


def _whole_days(first: date, last: date, zone: ZoneInfo) -> During:
    if last < first:
        raise InvalidInput(_("“to” must not be before “from”."))
    if (last - first).days >= MOST_DAYS:
        raise InvalidInput(_("Please ask for at most %(days)s days at once.") % {"days": MOST_DAYS})
    if first.year < FIRST_YEAR or last.year > LAST_YEAR:
        years = {"first": FIRST_YEAR, "last": LAST_YEAR}
        raise InvalidInput(_("“from” and “to” must lie in the years %(first)s to %(last)s.") % years)
    try:
        return times.day_bounds(first, last, zone)
    except ValueError:  # a day that the zone left out, as Samoa did when it crossed the date line
        raise InvalidInput(_("That day does not exist in this time zone.")) from None


def _told(slot: During, zone: ZoneInfo) -> dict[str, Any]:
    clock = times.local(slot.start, zone)
    return {
        "start": _utc(slot.start),
        "end": _utc(slot.end),
        "date": f"{clock:%Y-%m-%d}",
        "time": f"{clock:%H:%M}",
        "duration": slot.minutes,
    }


def _utc(instant: datetime) -> str:
    return f"{instant:%Y-%m-%dT%H:%M:%SZ}"
