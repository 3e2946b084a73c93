"""A person's browser, and the owner's program: both try again when nothing comes back, as people do."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any

import requests

from bench.chaos.plan import Case
from bench.chaos.world import API_KEY, session_key_of

PATIENCE = 60  # seconds until a person gives up on a page
TIMEOUT = 30
TOKEN = "c" * 32
_SEEN = re.compile(r'name="seen" value="(\d+)"')


class NobodyAnswers(Exception):
    """The site gave no answer for longer than a person waits."""


class Visitor:
    """Speaks with whichever web server answers, logged in as the payer of a case."""

    def __init__(self, case: Case, addresses: Sequence[str]) -> None:
        self._addresses, self._dice = addresses, case.dice
        self._cookies = {"sessionid": session_key_of(case), "csrftoken": TOKEN}
        self.tries = 0

    def order(self, body: Mapping[str, Any]) -> requests.Response:
        """POST to the API once; None of its answers is repeated here. Raises requests' exceptions."""
        url = f"{self._address()}/api/initiate-booking-checkout"
        self.tries += 1
        return requests.post(url, json=body, headers={"Authorization": f"Bearer {API_KEY}"}, timeout=TIMEOUT)

    def post(self, path: str, **fields: str) -> requests.Response:
        """Press a button until there is an answer that is not about the site's own trouble."""
        return self._insist("POST", path, {**fields, "csrfmiddlewaretoken": TOKEN})

    def amount_seen(self, path: str) -> str:
        """Open a page and return the amount that it tells beside its button; empty if it has none."""
        found = _SEEN.search(self._insist("GET", path).text)
        return found[1] if found else ""

    def _insist(self, method: str, path: str, fields: Mapping[str, str] | None = None) -> requests.Response:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            self.tries += 1
            try:
                answer = requests.request(
                    method,
                    self._address() + path,
                    data=fields,
                    cookies=self._cookies,
                    timeout=TIMEOUT,
                    allow_redirects=False,
                )
            except requests.RequestException:
                answer = None
            if answer is not None and answer.status_code < 500:
                return answer
            time.sleep(self._dice.uniform(0.2, 1.0))
        raise NobodyAnswers(path)

    def _address(self) -> str:
        return random.choice(self._addresses)
