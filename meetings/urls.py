"""Addresses of the meetings pages and calls."""

from __future__ import annotations

from django.urls import URLPattern, path, re_path

from meetings import api
from meetings.views import absences, connections, helping, join, sandbox, switching, teaching

app_name = "meetings"
urlpatterns: list[URLPattern] = [
    path("join/<slug:reference>", join.join, name="join"),
    path("join/<slug:reference>/", join.join),
    path("bookings/<slug:reference>/meeting/", join.booking_status, name="booking_status"),
    path("bookings/<slug:reference>/meeting/retry/", helping.retry, name="retry"),
    path("bookings/<slug:reference>/meeting/address/", helping.address, name="address"),
    path("bookings/<slug:reference>/absence/", absences.show_absence, name="absence"),
    path("bookings/<slug:reference>/absence/report/", absences.report_absence, name="absence_report"),
    path("bookings/<slug:reference>/absence/answer/", absences.answer_report, name="absence_answer"),
    path("bookings/<slug:reference>/absence/state/", absences.absence_state, name="booking_absence"),
    path("teaching/links/", teaching.missing_links, name="teaching_links"),
    path("teaching/meetings/", connections.list_connections, name="connection_list"),
    path("teaching/meetings/others/", connections.set_others, name="others_set"),
    path("teaching/meetings/<slug:provider>/connect/", connections.connect, name="connection_begin"),
    path("teaching/meetings/<slug:provider>/disconnect/", connections.end_connection, name="connection_end"),
    path("teaching/meetings/<slug:provider>/choose/", switching.choose, name="provider_choose"),
    path("teaching/meetings/progress/", switching.show_progress, name="switch_progress"),
    path("connections/<slug:provider>/callback", connections.receive, name="connection_callback"),
    path("sandbox/room/<slug:code>", sandbox.sandbox_room, name="sandbox_room"),
    path("sandbox/rooms/", sandbox.sandbox_rooms, name="sandbox_rooms"),
    # With and without the final slash: a redirect would lose what a program posts.
    re_path(r"^api/assign-meeting-link/?$", api.AssignMeetingLink.as_view(), name="assign_meeting_link"),
    re_path(r"^api/create-meeting-link/?$", api.CreateMeetingLink.as_view(), name="create_meeting_link"),
    re_path(
        r"^api/sessions/create-missing-meetings/?$",
        api.CreateMissingMeetings.as_view(),
        name="create_missing_meetings",
    ),
    re_path(r"^api/pool-forecast/?$", api.PoolForecast.as_view(), name="pool_forecast"),
    re_path(r"^api/sessions/migrate-provider/?$", api.MigrateProvider.as_view(), name="migrate_provider"),
    re_path(r"^api/sessions/retry-meeting-link/?$", api.RetryMeetingLink.as_view(), name="retry_meeting_link"),
]
