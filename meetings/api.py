"""The calls of the owner's other programs. A key with the scope "meetings" may read raw addresses."""

from __future__ import annotations

import re
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from bookings.errors import InvalidInput, NotFound
from bookings.models import ApiKey, Booking, Tutor
from meetings import joining, many, planning, provisioning, switching
from meetings.errors import ConnectionBroken, LinkSearchFailed, NoLinkLeft, ProviderNotForYou
from meetings.forecast import DAYS, MOST_DAYS, foresee
from meetings.models import Meeting

CALL_LASTS = timedelta(seconds=20)
_SLUG = re.compile(r"[A-Za-z0-9_-]{1,50}")
_REFERENCE = re.compile(r"[A-Za-z0-9-]{1,20}")


class MeetingsCall(APIView):
    """A call about meetings. Refusals of the domain become JSON in one place, here and in `answer_error`."""

    scope = ApiKey.Scope.MEETINGS

    def handle_exception(self, exc: Exception) -> Response:
        response = super().handle_exception(exc)
        if isinstance(exc, NoLinkLeft):
            response.data["requiresManualAssignment"] = True
        if isinstance(exc, LinkSearchFailed):
            response.data["details"] = _("The database did not answer as expected. Please try again.")
        if isinstance(exc, ConnectionBroken):
            response.data |= {"details": str(ConnectionBroken.message), "action": "disconnect_reconnect"}
        return response


class AssignMeetingLink(MeetingsCall):
    """Give a paid booking a link of the pool, or return the one it has."""

    def post(self, request: Request) -> Response:
        booking = _find_booking(_text(request, "bookingId"), _("Missing required field: bookingId"), _("Booking not found"))
        meeting = planning.plan_paid_meeting(booking)
        was_there = meeting.status in Meeting.HOLDING or provisioning.assign_from_pool(meeting).was_there
        answer = _link_of(joining.tell_address(meeting))
        return Response({**answer, "alreadyAssigned": True} if was_there else answer)


class CreateMeetingLink(MeetingsCall):
    """Make the meeting at the tutor's provider, or return the one there is."""

    def post(self, request: Request) -> Response:
        booking = _find_booking(_text(request, "bookingId"), _("Missing required field: bookingId"), _("Booking not found"))
        meeting = planning.plan_paid_meeting(booking)
        if meeting.status not in Meeting.HOLDING:
            meeting = provisioning.provision_meeting(meeting)
        told = joining.tell_address(meeting)
        address = told.address_for(is_tutor=False)
        return Response({"success": True, "meetingLink": address, "eventId": told.external_id or None})


class CreateMissingMeetings(MeetingsCall):
    """Provide every paid session to come that has no meeting, the earliest first, as many as the time of a call allows.

    `remaining` is there when some were not tried: call again, and it goes on from there.
    """

    def post(self, request: Request) -> Response:
        provided = many.provide_missing(within=CALL_LASTS)
        tally = provided.tally
        message = _("Meeting creation complete") if tally.total else _("No sessions need meeting links")
        errors = [{"session_id": reference, "error": why} for reference, why in tally.errors]
        counts = {"total": tally.total, "success": tally.ready, "failed": len(errors)}
        if provided.left:
            return Response(
                {"message": _("Please call again: some sessions were not tried yet"), **counts}
                | {"errors": errors, "remaining": provided.left}
            )
        return Response({"message": message, **counts, "errors": errors})


class RetryMeetingLink(MeetingsCall):
    """Try again for one session, now."""

    def post(self, request: Request) -> Response:
        booking = _find_booking(_text(request, "sessionId"), _("Session ID is required"), _("Session not found"))
        if not booking.is_paid:
            raise InvalidInput(_("Can only create meeting links for scheduled sessions"))
        meeting = planning.plan_paid_meeting(booking)
        message = _("Session already has a meeting link")
        if meeting.status not in Meeting.HOLDING:
            meeting = provisioning.retry_meeting(meeting)
            message = _("Meeting link created successfully")
        address = joining.tell_address(meeting).address_for(is_tutor=False)
        return Response({"success": True, "message": message, "join_url": address})


class MigrateProvider(MeetingsCall):
    """Hold a tutor's sessions at another provider, those that are booked as well, as many as the time of a call allows.

    207 when some were not moved: `errors` says which and why. What is `remaining` is moved by itself; calling again for the
    same provider goes on with it.
    """

    def post(self, request: Request) -> Response:
        tutor, provider = _find_tutor(request), _text(request, "provider")
        if not provider:
            raise InvalidInput(_("Missing required field: provider"))
        if not _SLUG.fullmatch(provider):  # the database takes no NUL and no half of a character
            raise ProviderNotForYou
        switch = switching.take_up_switch(tutor, provider)
        switching.carry_on(switch, seconds=CALL_LASTS.total_seconds())
        tally = switching.tally_of(switch)
        errors = [{"session_id": reference, "error": why} for reference, why in tally.errors]
        counts = {"migratedCount": tally.moved, "provider": provider, "remaining": tally.left, "errors": errors}
        if not errors and not tally.left:
            return Response({"success": True, "message": _("All sessions have moved"), **counts})
        message = _("Some sessions have not moved: they keep the address that they have")
        return Response({"success": bool(tally.moved), "message": message, **counts}, status=207)


class PoolForecast(MeetingsCall):
    """Say how many pool links each coming hour needs; `days` ahead, 60 if it is not said."""

    def get(self, request: Request) -> Response:
        said = request.query_params.get("days") or str(DAYS)
        if not (said.isascii() and said.isdigit() and len(said) <= 3 and 1 <= int(said) <= MOST_DAYS):
            raise InvalidInput(_("days must be a whole number from 1 to %(most)d.") % {"most": MOST_DAYS})
        found = foresee(now=timezone.now(), days=int(said))
        peak = found.peak
        return Response(
            {
                "success": True,
                "links": found.links,
                "peak": {"start": peak.starts_at, "needed": peak.needed} if peak else None,
                "full_at": found.full_at,
                "hours_short": len(found.hours_short),
                "hours": [{"start": hour.starts_at, "needed": hour.needed} for hour in found.hours],
                "changes": [asdict(change) for change in found.changes()],
            }
        )


def _text(request: Request, field: str) -> str:
    """Return a field of the JSON body, or an empty text if it is missing or no text."""
    value: Any = request.data.get(field) if isinstance(request.data, dict) else None
    return value.strip() if isinstance(value, str) else ""


def _find_tutor(request: Request) -> Tutor:
    """Raises InvalidInput or NotFound."""
    slug = _text(request, "tutor")
    if not slug:
        raise InvalidInput(_("Missing required field: tutor"))
    found = Tutor.objects.filter(slug=slug).first() if _SLUG.fullmatch(slug) else None
    if found is None:
        raise NotFound(_("Tutor not found"))
    return found


def _find_booking(reference: str, missing: str, unknown: str) -> Booking:
    """Raises InvalidInput or NotFound with these sentences."""
    if not reference:
        raise InvalidInput(missing)
    found = Booking.objects.filter(reference=reference).first() if _REFERENCE.fullmatch(reference) else None
    if found is None:
        raise NotFound(unknown)
    return found


def _link_of(meeting: Meeting) -> dict[str, Any]:
    return {"success": True, "meetingLink": meeting.address_for(is_tutor=False), "meetingLinkId": meeting.link_id}
