"""Addresses of the bookings pages and calls."""

from __future__ import annotations

from django.urls import path

from bookings.api import AvailableSlots
from bookings.views import answering, asking, cart, codes, family, invitations, languages, profile, sessions, tutors
from bookings.views.teaching import dates, hours, session_types, why

app_name = "bookings"
urlpatterns = [
    path("", tutors.list_tutors, name="tutor_list"),
    path("tutors/<slug:slug>/", tutors.show_tutor, name="tutor_detail"),
    path("tutors/<slug:slug>/hold/", tutors.hold_slot, name="slot_hold"),
    path("tutors/<slug:slug>/request/", asking.ask_for_slot, name="slot_request"),
    path("cart/", cart.show_cart, name="cart"),
    path("cart/code/", codes.add_code, name="code_add"),
    path("cart/code/remove/", codes.remove_code, name="code_remove"),
    path("cart/retake/", cart.retake, name="cart_retake"),
    path("cart/<slug:reference>/release/", cart.remove_hold, name="hold_release"),
    path("bookings/", sessions.list_bookings, name="booking_list"),
    path("bookings/<slug:reference>/", sessions.show_booking, name="booking_detail"),
    path("bookings/<slug:reference>/request/accept/", answering.accept, name="request_accept"),
    path("bookings/<slug:reference>/request/decline/", answering.decline, name="request_decline"),
    path("bookings/<slug:reference>/request/propose/", answering.propose, name="request_propose"),
    path("bookings/<slug:reference>/request/agree/", answering.agree, name="proposal_accept"),
    path("bookings/<slug:reference>/request/refuse/", answering.refuse, name="proposal_decline"),
    path("bookings/<slug:reference>/request/withdraw/", asking.withdraw, name="request_withdraw"),
    path("family/", family.show_family, name="family"),
    path("family/invitations/", family.invite, name="family_invite"),
    path("family/invitations/<str:token>/", invitations.show_invitation, name="invitation"),
    path("family/invitations/<str:token>/accept/", invitations.accept, name="invitation_accept"),
    path("family/invitations/<str:token>/decline/", invitations.decline, name="invitation_decline"),
    path("family/<slug:reference>/resend/", family.resend, name="family_resend"),
    path("family/<slug:reference>/end/", family.end, name="family_end"),
    path("family/<slug:reference>/accept/", family.accept, name="family_accept"),
    path("family/<slug:reference>/decline/", family.decline, name="family_decline"),
    path("teaching/sessions/", session_types.list_session_types, name="session_type_list"),
    path("teaching/sessions/new/", session_types.add_session_type, name="session_type_add"),
    path("teaching/sessions/<slug:slug>/", session_types.edit_session_type, name="session_type_edit"),
    path("teaching/sessions/<slug:slug>/take-off/", session_types.take_off, name="session_type_off"),
    path("teaching/sessions/<slug:slug>/put-on/", session_types.put_on, name="session_type_on"),
    path("profile/", profile.edit_profile, name="profile"),
    path("profile/time-zone/", profile.set_time_zone, name="time_zone_set"),
    path("teaching/hours/", hours.edit_hours, name="hours_edit"),
    path("teaching/hours/preview/", hours.preview_hours, name="hours_preview"),
    path("teaching/hours/dates/", dates.set_dates, name="dates_set"),
    path("teaching/hours/dates/remove/", dates.remove_dates, name="dates_remove"),
    path("teaching/why/", why.explain_slot, name="slot_why"),
    path("teaching/pause/", hours.pause_bookings, name="teaching_pause"),
    path("teaching/resume/", hours.resume_bookings, name="teaching_resume"),
    path("language/", languages.set_language, name="language_set"),
    path("api/available-slots", AvailableSlots.as_view(), name="available_slots"),
]
