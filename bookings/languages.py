"""Which language a person reads, and how to speak it to them: on a page that they ask for, and in a mail from a job.

Pages follow the profile, else the visitor's choice (a cookie), else the browser, else the site. Programs are always
answered in English, and so are logs: `settings.LANGUAGE_CODE` is what code speaks when nobody is being spoken to.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone, translation
from django.utils.translation.trans_real import parse_accept_lang_header

from bookings import times
from bookings.models import User

# What some phones still call Indonesian (ISO 639 renamed it in 1989).
OLD_CODES = {"in": "id"}


@contextmanager
def speaking_to(person: User) -> Iterator[None]:
    """Write what follows in the language and the time zone of this person, as mails must: `with speaking_to(payer):`."""
    with translation.override(language_of(person)), timezone.override(zone_or_usual(person.time_zone)):
        yield


@contextmanager
def speaking_to_staff(language: str = "") -> Iterator[None]:
    """Write what follows for those who run the site: in the site's zone, and in its language unless they chose another."""
    with translation.override(language or settings.DEFAULT_LANGUAGE), timezone.override(zone_or_usual("")):
        yield


def language_of(person: User) -> str:
    """Return the language in the profile; for people who never chose one, the site's."""
    return person.language if is_spoken(person.language) else str(settings.DEFAULT_LANGUAGE)


def language_of_visitor(request: HttpRequest) -> str:
    """Return the language that was chosen on this device, else the best one the browser asks for, else the site's."""
    chosen = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, "")
    if is_spoken(chosen):
        return chosen
    return language_of_browser(request)


def language_of_browser(request: HttpRequest) -> str:
    """Return the best of our languages that the browser asks for, else the site's."""
    for asked, quality in parse_accept_lang_header(request.headers.get("Accept-Language", "")):
        code = asked.partition("-")[0]
        code = OLD_CODES.get(code, code)
        if quality and is_spoken(code):
            return code
    return str(settings.DEFAULT_LANGUAGE)


def is_spoken(code: str) -> bool:
    """True for a language that the site has."""
    return code in dict(settings.LANGUAGES)


def zone_or_usual(name: str) -> ZoneInfo:
    """Return the time zone of that name; the site's if there is none."""
    try:
        return times.parse_zone(name)
    except ValueError:
        return times.parse_zone(settings.DEFAULT_TIME_ZONE)
