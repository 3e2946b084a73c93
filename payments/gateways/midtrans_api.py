"""Midtrans' two hosts: Snap for pages, the Core API for what is paid on them. Answers as they come, trouble as ours."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlsplit

from payments.errors import GatewayRefused, GatewayUnavailable
from payments.gateways.base import CheckoutPage
from payments.gateways.http import Patience, call_json
from payments.gateways.midtrans_words import Answer, said

_NOT_BEGUN = "404"
_GONE = ("already cancel", "not found")  # what Snap says of a page that is closed


class MidtransApi:
    """The calls that we make. Each raises GatewayUnavailable when what became of it is unknown."""

    def __init__(self, server_key: str, *, snap_url: str, api_url: str, patience: Patience) -> None:
        self._auth = (server_key, "")
        self._snap_url = snap_url.rstrip("/")
        self._api_url = api_url.rstrip("/")
        self._patience = patience

    def open_page(self, body: dict[str, Any]) -> CheckoutPage:
        """Create a Snap transaction. Raises GatewayRefused."""
        status, answer = self._call("POST", f"{self._snap_url}/transactions", body)
        words = f"Snap answered HTTP {status}: {said(answer.get('error_messages'))}"
        if _is_unknown(str(status)):
            raise GatewayUnavailable(words)
        if status != 201:
            raise GatewayRefused(words)
        return self._page_of(answer)

    def close_page(self, token: str) -> str:
        """Close a Snap page; return why it may still be used, empty when it cannot.

        Its own documents disagree whether there is such a call at all, so a refusal is no error here.
        """
        if not token:
            return "the page cannot be closed: its token was lost with the answer that opened it"
        status, answer = self._call("POST", f"{self._snap_url}/transactions/{quote(token, safe='')}/cancel", {})
        words = said(answer.get("error_messages"))
        if _is_unknown(str(status)):
            raise GatewayUnavailable(f"closing the page answered HTTP {status}: {words}")
        is_closed = status == 200 or any(word in words.lower() for word in _GONE)
        return "" if is_closed else f"the page cannot be closed: Snap answered HTTP {status}: {words}"

    def status_of(self, identity: str) -> Answer | None:
        """Return what GET status says of an order or transaction; None if the payer has not begun. Raises GatewayRefused."""
        status, answer = self._call("GET", f"{self._api_url}/v2/{quote(identity, safe='')}/status")
        code = str(answer.get("status_code") or status)
        if code == _NOT_BEGUN:
            return None
        if "transaction_status" in answer:
            return answer
        words = f"GET status answered {code}: {said(answer.get('status_message'))}"
        if code.startswith("4") and code != "429":
            raise GatewayRefused(words)
        raise GatewayUnavailable(words)

    def change(self, identity: str, verb: str, body: dict[str, Any] | None = None) -> tuple[str, str]:
        """Ask for a transaction to be changed (expire, cancel, refund); return the answer's code and words.

        A refusal is no error here (412: too late): the status, read again, tells what is true.
        """
        status, answer = self._call("POST", f"{self._api_url}/v2/{quote(identity, safe='')}/{verb}", body or {})
        code, words = str(answer.get("status_code") or status), said(answer.get("status_message"))
        # 202 without a word of the transaction: an earlier copy of this request is still running.
        if _is_unknown(code) and "transaction_status" not in answer:
            raise GatewayUnavailable(f"{verb} answered {code}: {words}")
        return code, words

    def _call(self, method: str, url: str, body: dict[str, Any] | None = None) -> tuple[int, Answer]:
        return call_json(method, url, auth=self._auth, body=body, patience=self._patience)

    def _page_of(self, answer: Answer) -> CheckoutPage:
        token, url = answer.get("token"), answer.get("redirect_url")
        allowed = {"https", urlsplit(self._snap_url).scheme}
        if not isinstance(token, str) or not isinstance(url, str) or urlsplit(url).scheme not in allowed or len(url) > 1000:
            raise GatewayUnavailable("Snap answered without a payment page")
        return CheckoutPage(url=url, token=token[:200])


def _is_unknown(code: str) -> bool:
    return code in ("202", "429") or code.startswith("5")
