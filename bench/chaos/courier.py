"""Carries a vendor's messages to the site, as badly as networks and vendors do: late, twice, in any order, or not at all.

A message that the site does not take is sent again as the vendor would, only sooner: its minutes are tenths of a second.
"""

from __future__ import annotations

import heapq
import random
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import requests

from bookings.doubles.server import Double, Message

DROPPED = 0.15  # of all copies
SENT_MORE_THAN_ONCE = 0.25  # of all messages: two to four copies
USUAL_DELAY = 0.7  # seconds on average
STUCK = 0.08  # of all copies: these come many seconds late
SENDERS = 6
TIMEOUT = 15  # seconds until a vendor hangs up
# How often a vendor tries again, by the site's answer (payments.md A3, B5); 0 stands for no answer at all.
RETRIES: Mapping[str, Mapping[int, int]] = {
    "midtrans": {500: 1, 503: 4, 400: 2, 404: 2, 301: 0, 302: 0, 303: 0},
    "stripe": {},
}
OTHER_RETRIES = {"midtrans": 5, "stripe": 15}


@dataclass(order=True)
class _Letter:
    due: float
    number: int
    message: Message = field(compare=False)
    tries: int = field(default=0, compare=False)


class Courier:
    """Watches what the double wants to send, and delivers it from a few threads."""

    def __init__(self, vendor: str, double: Double, addresses: Sequence[str], *, seed: int) -> None:
        self.counts: Counter[str] = Counter()
        self._vendor, self._double = vendor, double
        self._urls = [f"{address}/webhooks/{vendor}" for address in addresses]
        self._dice = random.Random(seed)
        self._letters: list[_Letter] = []
        self._change = threading.Condition()
        self._number = self._under_way = self._seen = 0
        self._is_calm = False

    def start(self) -> None:
        for work in (self._sort, *[self._carry] * SENDERS):
            threading.Thread(target=work, daemon=True).start()

    def calm_down(self) -> None:
        """Lose nothing more, and deliver at once whatever still lies about."""
        with self._change:
            self._is_calm = True
            for letter in self._letters:
                letter.due = 0
            heapq.heapify(self._letters)
            self._change.notify_all()

    @property
    def is_idle(self) -> bool:
        """True when everything has been delivered, lost or given up."""
        with self._change:
            return not self._letters and not self._under_way and self._seen == len(self._double.messages)

    def _sort(self) -> None:
        while True:
            with self._change:
                fresh = self._double.messages[self._seen :]
                for message in fresh:
                    self._take_in(message)
                self._seen += len(fresh)
                if fresh:
                    self._change.notify_all()
            time.sleep(0.02)

    def _take_in(self, message: Message) -> None:
        copies = self._dice.randint(2, 4) if self._dice.random() < SENT_MORE_THAN_ONCE and not self._is_calm else 1
        self.counts["messages"] += 1
        self.counts["duplicates"] += copies - 1
        for _copy in range(copies):
            if self._dice.random() < DROPPED and not self._is_calm:
                self.counts["dropped"] += 1
            else:
                self._put(_Letter(self._due(), 0, message))

    def _due(self) -> float:
        if self._is_calm:
            return 0
        stuck = self._dice.uniform(2, 10) if self._dice.random() < STUCK else 0
        return time.monotonic() + self._dice.expovariate(1 / USUAL_DELAY) + stuck

    def _put(self, letter: _Letter) -> None:
        self._number += 1
        letter.number = self._number
        heapq.heappush(self._letters, letter)

    def _carry(self) -> None:
        with requests.Session() as session:
            while True:
                letter = self._next()
                status = self._deliver(session, letter)
                with self._change:
                    self._under_way -= 1
                    self._note(letter, status)
                    self._change.notify_all()

    def _next(self) -> _Letter:
        with self._change:
            while not self._letters or self._letters[0].due > time.monotonic():
                wait = self._letters[0].due - time.monotonic() if self._letters else None
                self._change.wait(wait)
            self._under_way += 1
            return heapq.heappop(self._letters)

    def _deliver(self, session: requests.Session, letter: _Letter) -> int:
        headers = {"Content-Type": "application/json", **letter.message.headers()}
        try:
            answer = session.post(
                self._dice.choice(self._urls),
                data=letter.message.body,
                headers=headers,
                timeout=TIMEOUT,
                allow_redirects=False,
            )
        except requests.RequestException:
            return 0
        return answer.status_code

    def _note(self, letter: _Letter, status: int) -> None:
        if 200 <= status < 300:
            self.counts["delivered"] += 1
            return
        self.counts[f"answered {status}" if status else "not answered"] += 1
        if letter.tries >= RETRIES[self._vendor].get(status, OTHER_RETRIES[self._vendor]):
            self.counts["given up"] += 1
            return
        letter.tries += 1
        letter.due = time.monotonic() + min(20, 0.2 * 2**letter.tries) * self._dice.uniform(0.5, 1.5)
        self._put(letter)
