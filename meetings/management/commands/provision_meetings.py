from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from meetings import upkeep
from meetings.many import provide_missing


class Command(BaseCommand):
    help = "Give a meeting to every paid session to come that has none, now; several vendors' calls at a time."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--minutes", type=int, default=60, help="Stop after so many minutes (60).")

    def handle(self, *args: Any, **options: Any) -> None:
        upkeep.catch_up(timezone.now())
        provided = provide_missing(within=timedelta(minutes=options["minutes"]))
        tally = provided.tally
        self.stdout.write(f"{tally.ready} of {tally.total} waiting meetings are ready now.")
        for reference, why in tally.errors:
            self.stdout.write(f"  {reference}: {why}")
        if provided.left:
            self.stdout.write(f"{provided.left} were not tried in time: run this again.")
