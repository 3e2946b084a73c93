"""Run the whole site on this machine: web and worker."""

from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser

from config.serving import check_database, check_port_is_free, port_from_environment, serve


class Command(BaseCommand):
    help = "Run the web server and the worker, start them again if they die, and stop both on Ctrl-C or SIGTERM."
    requires_system_checks: list[str] = []  # made below, those for production included

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (127.0.0.1)")
        parser.add_argument("--port", type=int, help="the port to listen on (PORT, else 8000)")

    def handle(self, *args: Any, host: str, port: int | None, **options: Any) -> None:
        port = port or port_from_environment()
        check_port_is_free(host, port)
        call_command("check", deploy=not settings.DEBUG)
        check_database()
        self.stdout.write(f"Linkpool answers on http://{host}:{port} (Ctrl-C stops it).")
        serve(host, port)
