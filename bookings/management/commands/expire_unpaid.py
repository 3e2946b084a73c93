"""Free what was not paid in time."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from bookings.orders import expire_unpaid


class Command(BaseCommand):
    help = "Free orders and holds that were not paid in time. The worker does this every minute by itself."

    def handle(self, *args: Any, **options: Any) -> None:
        freed = expire_unpaid(now=timezone.now())
        self.stdout.write(f"{freed} freed.")
