"""The private calendar: its feed, the page on which its address is made, and one session as a file."""

from __future__ import annotations

import hashlib
from urllib.parse import quote, urlencode

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from bookings.access import PersonRequest
from bookings.calendar_keys import owner_of_calendar, renew_calendar_key, revoke_calendar_key, sessions_of_calendar
from bookings.calendars import write_feed, write_file
from bookings.languages import speaking_to
from bookings.limits import address_of, require_seldom
from bookings.models import Booking
from bookings.views.answers import SeeOther

CALENDAR = "text/calendar; charset=utf-8"
WRONG_KEYS, READS = "30/min", "120/hour"  # programs that follow a calendar ask a few times an hour


@require_safe
@login_not_required
def show_feed(request: HttpRequest, token: str) -> HttpResponseBase:
    """Answer a calendar program, which has the address and cannot log in."""
    owner = owner_of_calendar(token)
    if owner is None:
        require_seldom("calendar-guess", address_of(request), rate=WRONG_KEYS)
        raise Http404
    require_seldom("calendar", owner.pk, rate=READS)
    with speaking_to(owner):
        written = write_feed(sessions_of_calendar(owner, now=timezone.now()), reader=owner).encode()
    etag = quote_etag(hashlib.sha256(written).hexdigest()[:32])
    response = HttpResponse(written, content_type=CALENDAR)
    response["Content-Disposition"] = 'inline; filename="sessions.ics"'
    response["Cache-Control"] = "private, max-age=300"
    response["ETag"] = etag
    response["X-Robots-Tag"] = "noindex"
    return get_conditional_response(request, etag=etag, response=response) or response


@require_safe
def show_calendar(request: PersonRequest) -> HttpResponse:
    """Show the address of the reader's calendar, if there is one, and how to add it to a calendar program."""
    key = request.user.calendar_key
    return render(request, "bookings/calendar.html", _addresses(key) if key else {})


@require_POST
def renew_calendar(request: PersonRequest) -> HttpResponse:
    """Make the address, or another one in its place."""
    had_one = bool(request.user.calendar_key)
    renew_calendar_key(request.user)
    made, replaced = _("Your calendar has an address now."), _("The address is new; the one before no longer works.")
    messages.success(request, replaced if had_one else made)
    return SeeOther(reverse("bookings:calendar"))


@require_POST
def revoke_calendar(request: PersonRequest) -> HttpResponse:
    """Take the address back."""
    revoke_calendar_key(request.user)
    messages.info(request, _("The address no longer works. Calendars that followed it get nothing any more."))
    return SeeOther(reverse("bookings:calendar"))


@require_safe
def download_booking(request: PersonRequest, reference: str) -> HttpResponse:
    """Give one settled session as a file for a calendar, to those who sit in it."""
    own = Booking.objects.of_parties(request.user).paid().with_people()
    booking = get_object_or_404(own, reference=reference)
    response = HttpResponse(write_file(booking, reader=request.user), content_type=CALENDAR)
    response["Content-Disposition"] = f'attachment; filename="{booking.reference}.ics"'
    return response


def _addresses(key: str) -> dict[str, str]:
    """Return the feed's address, and those that hand it to the calendars of the large vendors."""
    path = reverse("bookings:calendar_feed", args=[key])
    address = settings.SITE_URL + path
    webcal = "webcal://" + address.partition("://")[2]
    named = urlencode({"url": address, "name": settings.SITE_NAME}, quote_via=quote)
    return {
        "address": address,
        "webcal": webcal,
        "google": f"https://calendar.google.com/calendar/r?{urlencode({'cid': webcal})}",
        "outlook": f"https://outlook.live.com/calendar/0/addfromweb?{named}",
    }
