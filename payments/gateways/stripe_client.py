"""Calls to Stripe through its official SDK: one limit for all the waiting, bounded answers, our own errors."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import requests
import stripe
from urllib3.exceptions import HTTPError

from payments.errors import GatewayError, GatewayRefused, GatewayUnavailable

ANSWER_LIMIT = 4 * 1024 * 1024  # bytes
REPETITION = "idempotency_error"
_UNKNOWN_OUTCOME = (409, 429)  # still being worked on; asked too often

stripe.enable_telemetry = False  # nothing is kept in the home folder, and no times of earlier calls are told
logging.getLogger("stripe").setLevel(logging.WARNING)  # it tells of every call, and of people's data while debugging


class StripeRefused(GatewayRefused):
    """Stripe understood and said no, with its own words for why: `status` is HTTP's."""

    def __init__(self, detail: str, *, status: int = 400, code: str = "", param: str = "") -> None:
        super().__init__(detail)
        self.status, self.code, self.param = status, code, param

    @property
    def is_of_set_up(self) -> bool:
        """True when the key is wrong or may not do this: it says nothing about what was asked."""
        return self.status in (401, 403)

    @property
    def is_of_repetition(self) -> bool:
        """True when the same was asked before in other words, so it has been done."""
        return self.code == REPETITION


class StripeRepeated(GatewayUnavailable):
    """Stripe only repeats the failure that it once answered under this key: what was asked may have been done."""


@dataclass(frozen=True)
class Patience:
    """How long Stripe is waited for, in seconds, and how often the SDK asks again by itself."""

    timeout: float = 8.0  # between two bytes
    limit: float = 25.0  # for a whole question, repetitions included
    retries: int = 2


USUAL_PATIENCE = Patience()


class BoundedClient(stripe.HTTPClient):
    """The SDK's way to the network. Its own counts neither retries nor trickling bytes, and follows redirects."""

    name = "requests"

    def __init__(self, patience: Patience) -> None:
        super().__init__()
        self._patience = patience
        self._mine = threading.local()

    @contextmanager
    def time_limit(self) -> Iterator[None]:
        """Have all calls inside be over in time, retries included. One inside another changes nothing."""
        if getattr(self._mine, "until", None) is not None:
            yield
            return
        self._mine.until = time.monotonic() + self._patience.limit
        try:
            yield
        finally:
            self._mine.until = None

    def request(
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None, **_more: Any
    ) -> tuple[str, int, Mapping[str, str]]:
        """Return the answer's text, status and headers. Raises stripe.APIConnectionError."""
        timeout = min(self._patience.timeout, self._left())
        try:
            with self._session.request(
                method, url, headers=headers, data=post_data, timeout=timeout, allow_redirects=False, stream=True
            ) as response:
                return self._read(response), response.status_code, response.headers
        except (requests.RequestException, HTTPError, UnicodeDecodeError) as error:
            is_worth_it = isinstance(error, requests.ConnectionError | requests.Timeout | HTTPError)
            raise _no_answer(type(error).__name__, should_retry=is_worth_it) from None

    @property
    def _session(self) -> requests.Session:
        """One per thread: it keeps its connections open."""
        if not hasattr(self._mine, "session"):
            self._mine.session = requests.Session()
        session: requests.Session = self._mine.session
        return session

    def _left(self) -> float:
        until: float | None = getattr(self._mine, "until", None)
        left = self._patience.limit if until is None else until - time.monotonic()
        if left <= 0:
            raise _no_answer("not in time", should_retry=False)
        return left

    def _read(self, response: requests.Response) -> str:
        """Read the bytes as they come: waiting for a full chunk would last as long as they trickle."""
        raw = b""
        while chunk := response.raw.read1(64 * 1024, decode_content=True):
            raw += chunk
            if len(raw) > ANSWER_LIMIT:
                raise _no_answer("too long", should_retry=False)
            self._left()
        return raw.decode()


@lru_cache(maxsize=8)
def connect(secret_key: str, api_url: str, patience: Patience) -> tuple[stripe.StripeClient, BoundedClient]:
    """Return the SDK's client for this key, always the same one: it keeps its connections open."""
    bounded = BoundedClient(patience)
    client = stripe.StripeClient(
        secret_key, base_addresses={"api": api_url}, http_client=bounded, max_network_retries=patience.retries
    )
    return client, bounded


def answer_of(call: Callable[[], stripe.StripeObject]) -> dict[str, Any]:
    """Return what Stripe answers. Raises GatewayUnavailable (outcome unknown) or StripeRefused."""
    try:
        answer = call()
    except stripe.StripeError as error:
        raise _translated(error) from None
    except (AttributeError, LookupError, TypeError, ValueError) as error:  # the SDK trusts the form of what it reads
        raise GatewayUnavailable(f"Stripe answered in another form ({type(error).__name__})") from None
    if not isinstance(answer, stripe.StripeObject):
        raise GatewayUnavailable("Stripe answered without a JSON object")
    return answer.to_dict()


def _no_answer(why: str, *, should_retry: bool) -> stripe.APIConnectionError:
    return stripe.APIConnectionError(why, should_retry=should_retry)  # type: ignore[no-untyped-call]


def _translated(error: stripe.StripeError) -> GatewayError:
    """Return our error for the SDK's. Stripe's sentences are left out: they may hold a part of the key, or an address."""
    status = error.http_status
    if status is None:
        return GatewayUnavailable(f"no answer from Stripe ({error.user_message or type(error).__name__})")
    if error.error is None:
        return GatewayUnavailable(f"Stripe answered HTTP {status} without saying why")
    kind = str(error.error.to_dict().get("type") or "")
    code = str((error.code if kind != REPETITION else "") or kind)[:80]
    param = str(getattr(error, "param", None) or "")[:80]
    about, number = f"about {param}" if param else "", f"request {error.request_id}"[:60] if error.request_id else ""
    said = ", ".join(filter(None, [f"Stripe answered HTTP {status}", code, about, number]))
    if status < 400 or status >= 500 or status in _UNKNOWN_OUTCOME or isinstance(error, stripe.RateLimitError):
        is_repeated = "true" in (error.headers or {}).get("Idempotent-Replayed", "")
        return StripeRepeated(said) if is_repeated else GatewayUnavailable(said)
    return StripeRefused(said, status=status, code=code, param=param)
