"""Fill the site with what a demo shows."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from bookings import times
from bookings.models import Booking
from config.demo import API_KEY, CODE, PASSWORD, Demo, load_demo


class Command(BaseCommand):
    help = "Make the people, hours, pool links and sessions of the demo. Run it again to top up what is missing."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEBUG:
            raise CommandError("The demo has a password that everybody knows, so it needs DEBUG=1.")
        self.stdout.write("\n".join(_describe(load_demo())))


def _describe(demo: Demo) -> list[str]:
    soon, tomorrow, waiting = demo.soon, demo.tomorrow, demo.waiting
    childs = [demo.childs] if demo.childs else []
    deadline = waiting.expires_at or timezone.now()
    answered_by = (demo.asked and demo.asked.held_until) or timezone.now()
    return [
        "The demo is ready.",
        f"  {soon.reference}  paid, starts {_when(soon.starts_at)}; {_door(soon)}",
        f"  {tomorrow.reference}  paid, starts {_when(tomorrow.starts_at)}",
        f"  {waiting.reference}  waits for payment until {_when(deadline)}",
        *([f"  {demo.asked.reference}  waits for tutor2's answer until {_when(answered_by)}"] if demo.asked else []),
        *[f"  {one.reference}  paid by a parent for a child, starts {_when(one.starts_at)}" for one in childs],
        "Log in with the password “" + PASSWORD + "” as",
        "  student@example.com   a student",
        "  parent@example.com    a parent who books for a child",
        "  child@example.com     the child",
        "  tutor1@example.com    a tutor in Jakarta",
        "  tutor2@example.com    a tutor in Berlin, who approves every session first",
        "  admin@example.com     the admin",
        "Rooms of tutor2 come from a pretend provider; it can be made slow or silent at /sandbox/rooms/.",
        f"The code {CODE} takes ten percent off.",
        f"Programs use the API key {API_KEY}.",
    ]


def _door(booking: Booking) -> str:
    if booking.can_be_joined(timezone.now()):
        return "the student and tutor1 can join now"
    return f"the student and tutor1 can join from {_when(booking.join_opens_at)}"


def _when(at: datetime) -> str:
    zone = times.parse_zone(settings.DEFAULT_TIME_ZONE)
    return f"{times.local(at, zone):%d %b %H:%M} ({zone.key})"
