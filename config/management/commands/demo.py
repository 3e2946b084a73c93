"""Try the whole site: database, example people, web and worker with one command."""

import http.client
import io
import os
import sys
import threading
import time
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from config.serving import check_port_is_free, port_from_environment, serve

HOST = "127.0.0.1"
LONGEST_WAIT_SECONDS = 60
WELCOME = """
Linkpool is ready: {address}   (for the admin: {address}/admin/)

{contents}
Ctrl-C stops it. What you do is still there next time.
"""


class Command(BaseCommand):
    help = "Prepare a database with example people and sessions, then serve the site on PORT (8000)."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self.run_demo(port_from_environment())
        except KeyboardInterrupt:
            self.stdout.write("Stopped.")

    def run_demo(self, port: int) -> None:
        check_port_is_free(HOST, port)
        start_again_as_a_demo(port)
        self.stdout.write("Preparing the database ...")
        call_command("migrate", interactive=False, verbosity=0)
        contents = io.StringIO()
        call_command("demo_data", stdout=contents)
        threading.Thread(target=self.welcome, args=[port, contents.getvalue()], daemon=True).start()
        serve(HOST, port)
        self.stdout.write("Stopped.")

    def welcome(self, port: int, contents: str) -> None:
        """Tell where the site is and what it holds, as soon as it answers."""
        deadline = time.monotonic() + LONGEST_WAIT_SECONDS
        while not answers(port):
            if time.monotonic() > deadline:
                self.stderr.write("The site does not answer yet; what is above may say why.")
                return
            time.sleep(0.1)
        self.stdout.write(WELCOME.format(address=settings.SITE_URL, contents=contents))


def start_again_as_a_demo(port: int) -> None:
    """Replace this process by one with the settings of a demo, unless it has them.

    Raises CommandError rather than fill somebody's own database with well-known passwords.
    """
    wanted = {"DEBUG": "1", "SITE_URL": f"http://localhost:{port}", "PORT": str(port)}
    missing = {name: value for name, value in wanted.items() if not os.environ.get(name)}
    if "DEBUG" in missing and os.environ.get("DATABASE_URL"):
        raise CommandError(
            "The demo fills its database with people whose passwords everybody knows, and DATABASE_URL is set: "
            "unset it, or say DEBUG=1 if that database is there for demos."
        )
    if missing:
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**os.environ, **missing})  # noqa: S606
    if not settings.DEBUG:
        raise CommandError("The demo is for trying things out and needs DEBUG on: unset DEBUG, or set it to 1.")


def answers(port: int) -> bool:
    """Tell whether something at this port speaks HTTP."""
    connection = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("GET", "/health/live")
        connection.getresponse()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True
