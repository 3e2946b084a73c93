"""A person's own name, time zone and language."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from bookings import times
from bookings.access import PersonRequest
from bookings.errors import InvalidInput
from bookings.forms import ProfileForm, TimeZoneForm
from bookings.languages import language_of_browser
from bookings.models import User
from bookings.views.answers import SeeOther
from bookings.views.languages import remember_language


@require_http_methods(["GET", "HEAD", "POST"])
def edit_profile(request: PersonRequest) -> HttpResponse:
    """Show and keep the name, the time zone and the language; offer the browser's zone where it is another one."""
    person = User.objects.get(pk=request.user.pk)  # a form that is refused must not change the page's own user
    form = ProfileForm(request.POST or None, instance=person)
    if request.method == "POST" and form.is_valid():
        form.save()
        with translation.override(person.language or language_of_browser(request)):
            messages.success(request, _("Your profile is saved."))
        response = SeeOther(reverse("bookings:profile"))
        remember_language(response, person.language)
        return response
    context = {"form": form, "browser_zone": _other_zone_of_browser(request)}
    return render(request, "bookings/profile.html", context)


@require_POST
def set_time_zone(request: PersonRequest) -> HttpResponse:
    """Keep the time zone that the browser is in. Raises InvalidInput."""
    form = TimeZoneForm(request.POST)
    if not form.is_valid():
        raise InvalidInput(_("This is not a time zone. Please choose one in your profile."))
    request.user.time_zone = form.cleaned_data["time_zone"]
    request.user.save(update_fields=["time_zone"])
    messages.success(request, _("Times are now shown in %(zone)s.") % {"zone": request.user.time_zone})
    return SeeOther(reverse("bookings:profile"))


def _other_zone_of_browser(request: PersonRequest) -> str:
    """Return the zone that the browser says (cookie `tz`) if it is not the one in the profile, else nothing."""
    try:
        zone = times.parse_zone(request.COOKIES.get("tz", "")).key
    except ValueError:
        return ""
    return "" if zone == request.user.time_zone else zone
