from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from bookings.errors import DomainError
from meetings.errors import LinkListRefused
from meetings.link_lists import read_list_file
from meetings.links import add_links


class Command(BaseCommand):
    help = "Add the meeting links in FILE to the pool, one address a line; all of them, or none if a line is at fault."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path)

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        try:
            links = add_links(read_list_file(file))
        except LinkListRefused as error:
            raise CommandError("\n".join([*error.faults, str(error)])) from None
        except DomainError as error:
            raise CommandError(str(error)) from None
        noun = "link" if len(links) == 1 else "links"
        self.stdout.write(self.style.SUCCESS(f"{len(links)} {noun} added to the pool."))
