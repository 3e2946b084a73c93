from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from meetings.nightly import reconcile_by_hand
from meetings.reconciliation import find_differences


class Command(BaseCommand):
    help = (
        "Compare the rooms at Google, Zoom and 100ms with ours and mend what differs: what nobody wants is closed, what is "
        "gone is made anew, however much it is. With --dry-run only say what would be done. The round of every night "
        "leaves an account alone where more differs than is believable, and mails the staff."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="Change nothing.")

    def handle(self, *args: Any, **options: Any) -> None:
        compare = find_differences if options["dry_run"] else reconcile_by_hand
        number = compare(timezone.now(), tell=lambda difference: self.stdout.write(str(difference)))
        end = "." if options["dry_run"] or not number else ", mended."
        self.stdout.write(f"{number} {'difference' if number == 1 else 'differences'}{end}")
