"""Somebody who sits before a browser, and hears everything that it complains of."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

# A page that answers an error on purpose is told to the console as well.
ANSWERED_ON_PURPOSE = "the server responded with a status of 409"


class Visitor:
    def __init__(self, context: Any, site: str) -> None:
        self._context, self._host = context, urlsplit(site).netloc
        self.complaints: list[str] = []
        self.page = context.new_page()
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(f"script: {error}"))
        self.page.on("request", self._look_where)

    def go(self, path: str) -> Visitor:
        """Open a page of the site and wait until it has loaded, its scripts too."""
        self.page.goto(path)
        return self

    def fits(self, path: str, *, widths: tuple[int, ...] = (390, 1280)) -> bool:
        """Open a page of the site, and return True when it scrolls sideways on no screen of these widths."""
        self.go(path)
        for width in widths:
            self.page.set_viewport_size({"width": width, "height": 800})
            if self.is_too_wide:
                return False
        return True

    def press(self, name: str) -> None:
        """Press the first button or link that is called so."""
        page = self.page
        page.get_by_role("button", name=name).or_(page.get_by_role("link", name=name)).first.click()

    def press_text(self, words: str) -> None:
        """Press what reads so, such as the summary of something folded up."""
        self.page.get_by_text(words).first.click()

    def sees(self, words: str) -> None:
        """Wait until the words stand on the page; fail after half a minute."""
        self.page.get_by_text(words).first.wait_for(timeout=30_000)

    @property
    def path(self) -> str:
        return str(urlsplit(self.page.url).path)

    @property
    def is_too_wide(self) -> bool:
        """True when the page scrolls sideways."""
        return bool(self.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))

    def close(self) -> list[str]:
        """Leave, and return the complaints: breaches of the security policy, errors, other hosts."""
        self._context.close()
        return self.complaints

    def _hear(self, message: Any) -> None:
        if message.type in ("error", "warning") and ANSWERED_ON_PURPOSE not in message.text:
            self.complaints.append(f"{message.type}: {message.text}")

    def _look_where(self, request: Any) -> None:
        address = urlsplit(request.url)
        if address.scheme != "data" and address.netloc != self._host:
            self.complaints.append(f"another host: {request.url}")
