"""Make an API key for another program of the owner."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from bookings.api_keys import create_api_key
from bookings.models import ApiKey

LONGEST_NAME = 100


class Command(BaseCommand):
    help = "Make an API key and print it. It is printed this once: only a digest is kept."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="The program that will use the key.")
        parser.add_argument(
            "--scope",
            action="append",
            choices=ApiKey.Scope.values,
            help="What the key may do; can be given several times. Everything, unless it is given.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["name"].strip()
        if not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
            raise CommandError(f"The name must be 1 to {LONGEST_NAME} printable characters.")
        scopes = sorted(set(options["scope"] or ApiKey.Scope.values))
        row, key = create_api_key(name, scopes=scopes)
        self.stderr.write(f"Key of “{row.name}” for {', '.join(scopes)}. Keep it well: it is not shown again.")
        self.stdout.write(key)
