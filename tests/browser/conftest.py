"""A real Chromium. Where there is none these tests are left out, unless LINKPOOL_BROWSER=required asks for it."""

from __future__ import annotations

import importlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from allauth.account.models import EmailAddress
from django.conf import settings
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection
from django.test import Client
from pytest_django.live_server_helper import LiveServer

from bookings.models import User
from config import settings as production
from tests.browser.visitor import Visitor

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NAMES = ["chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"]  # the first takes the least time
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
HERE = Path(__file__).parent
WORKER = """
import sys, django
from django.conf import settings
from config import settings as production
settings.CACHES = production.CACHES
settings.DATABASES["default"]["NAME"], settings.SITE_URL = sys.argv[1:]
settings.PAYMENT_GATEWAYS["sandbox"]["OPTIONS"]["site_url"] = settings.SITE_URL
django.setup()
from django.core.management import call_command
call_command("procrastinate", "worker")
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything in this folder, so that `-m "not browser"` leaves it out."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium per file. Playwright's loop must not outlive it: worker tests need the thread without one."""
    installed = CHROMIUM is not None and importlib.util.find_spec("playwright") is not None
    if not installed and os.environ.get("LINKPOOL_BROWSER") != "required":
        pytest.skip("needs Chromium and the Python package playwright")
    start = importlib.import_module("playwright.sync_api").sync_playwright
    with start() as playwright, pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        opened = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking"],
        )
        yield opened
        opened.close()


def _session_of(reader: User) -> str:
    client = Client()
    client.force_login(reader, backend=settings.AUTHENTICATION_BACKENDS[0])
    return str(client.cookies["sessionid"].value)


@pytest.fixture
def open_page(browser: Browser, live_server: Any) -> Iterator[Callable[..., Page]]:
    """Open pages of the site; at the end every one of them must have kept the security policy.

    `open_page(path, reader=sam, **context)` opens it as sam, who is logged in; the rest is what Playwright's
    new_context takes (viewport, timezone_id, color_scheme).
    """
    complaints: list[str] = []
    contexts = []

    def open_one(path: str, *, reader: User | None = None, **options: Any) -> Page:
        context = browser.new_context(base_url=live_server.url, **options)
        if reader is not None:
            context.add_cookies([{"name": "sessionid", "value": _session_of(reader), "url": live_server.url}])
        contexts.append(context)
        context.set_default_timeout(15_000)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(f"script: {error}"))
        page.on("console", lambda line: complaints.append(line.text) if "Security Policy" in line.text else None)
        page.on("request", lambda sent: None if sent.url.startswith(live_server.url) else complaints.append(sent.url))
        page.goto(path)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def site(live_server: LiveServer, settings: Any) -> str:
    """The address of the site, served as in production: one cache for all, the sandbox at that address."""
    settings.CACHES = production.CACHES
    call_command("createcachetable", verbosity=0)
    cache.clear()
    settings.SITE_URL = live_server.url
    settings.PAYMENT_GATEWAYS = {
        "sandbox": {
            "BACKEND": "payments.gateways.sandbox.SandboxGateway",
            "OPTIONS": {**settings.PAYMENT_GATEWAYS["sandbox"]["OPTIONS"], "site_url": live_server.url},
        }
    }
    return str(live_server.url)


@pytest.fixture
def worker(site: str) -> Iterator[subprocess.Popen[bytes]]:
    """A real worker process on the tests' database."""
    command = [sys.executable, "-c", WORKER, str(connection.settings_dict["NAME"]), site]
    running = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    yield running
    running.terminate()
    running.wait(timeout=20)


@pytest.fixture
def visit(browser: Browser, site: str) -> Iterator[Callable[..., Visitor]]:
    """Open a browser of one's own: `visit(as_user=sam, width=390)`. Whatever it complained of fails the test."""
    visitors: list[Visitor] = []

    def open_one(
        *, as_user: User | None = None, width: int = 1280, time_zone: str = "Asia/Jakarta", language: str = "en-GB"
    ) -> Visitor:
        context = browser.new_context(
            base_url=site, viewport={"width": width, "height": 800}, timezone_id=time_zone, locale=language
        )
        if as_user is not None:
            context.add_cookies([{"name": "sessionid", "value": _session_of(as_user), "url": site}])
        visitors.append(Visitor(context, site))
        return visitors[-1]

    yield open_one
    complaints = [complaint for visitor in visitors for complaint in visitor.close()]
    assert complaints == []


@pytest.fixture
def known_sam(sam: User) -> User:
    """Sam, who has confirmed his address and can log in with “secret-words”."""
    EmailAddress.objects.create(user=sam, email=sam.email, primary=True, verified=True)
    return sam
