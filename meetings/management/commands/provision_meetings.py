from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from meetings import upkeep


class Command(BaseCommand):
    help = "Give a meeting to every paid session that has none, now: what the job of every minute does."

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        upkeep.wake_waiting(now)
        tally = upkeep.make_round(now)
        self.stdout.write(f"{tally.ready} of {tally.total} waiting meetings are ready now.")
        for reference, why in tally.errors:
            self.stdout.write(f"  {reference}: {why}")
