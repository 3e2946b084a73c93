"""A real Chromium. Where there is none these tests are left out, unless REQUIRE_BROWSER=1 asks for it."""

from __future__ import annotations

import importlib
import importlib.util
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings
from django.test import Client

from bookings.models import User

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything in this folder, so that `-m "not browser"` leaves it out."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium per file. Playwright's loop must not outlive it: worker tests need the thread without one."""
    installed = CHROMIUM is not None and importlib.util.find_spec("playwright") is not None
    if not installed and not os.environ.get("REQUIRE_BROWSER"):
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
