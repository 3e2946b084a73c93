from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from meetings.rotation import rotate_tokens


class Command(BaseCommand):
    help = "Encrypt the tutors' tokens anew with the newest of TOKEN_KEYS. Safe to run twice, and while the site runs."

    def handle(self, *args: Any, **options: Any) -> None:
        rotated, unreadable = rotate_tokens()
        self.stdout.write(f"connections encrypted anew: {rotated}")
        if unreadable:
            keys = ", ".join(str(key) for key in unreadable)
            raise CommandError(
                f"{len(unreadable)} cannot be read with TOKEN_KEYS (connections {keys}): put the key that they were stored "
                "with behind the newest one and run this again, or have their tutors connect again."
            )
        self.stdout.write("Older keys are needed by no connection any more.")
