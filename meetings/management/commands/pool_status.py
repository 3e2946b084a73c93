from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from meetings.models import Meeting
from meetings.planning import bookings_without_meeting
from meetings.pool import capacity


class Command(BaseCommand):
    help = "Show how many links the pool has, how many are in use now, and how many paid sessions wait for one."

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        links = capacity(now)
        waiting = Meeting.objects.waiting().filter(booking__status="paid").count()
        rows = [
            ("available links", links.available),
            ("cordoned links", links.cordoned),
            ("retired links", links.retired),
            ("links in use now", links.in_use),
            ("paid sessions without a link", waiting + bookings_without_meeting(now).count()),
        ]
        for name, number in rows:
            self.stdout.write(f"{name + ':':31}{number:>7}")
