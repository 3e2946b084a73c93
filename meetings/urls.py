"""Addresses of the meetings pages and calls."""

from __future__ import annotations

from django.urls import URLPattern, path

from meetings import api
from meetings.views import join

app_name = "meetings"
urlpatterns: list[URLPattern] = [
    path("join/<slug:reference>", join.join, name="join"),
    path("join/<slug:reference>/", join.join),
    path("bookings/<slug:reference>/meeting/", join.booking_status, name="booking_status"),
    path("sandbox/room/<slug:code>", join.sandbox_room, name="sandbox_room"),
]

for call, view in {
    "assign-meeting-link": api.AssignMeetingLink,
    "create-meeting-link": api.CreateMeetingLink,
    "sessions/create-missing-meetings": api.CreateMissingMeetings,
    "sessions/retry-meeting-link": api.RetryMeetingLink,
}.items():
    # With and without a final slash: a redirect would lose what a program posts.
    urlpatterns += [path(f"api/{call}{slash}", view.as_view()) for slash in ("", "/")]
