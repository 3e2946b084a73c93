"""Whoever falls silent in the middle of a request holds nobody else up."""

from __future__ import annotations

import socket
import struct
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client

from config.gunicorn import SILENCE_SECONDS, when_ready


class Silent:
    """A body of which nothing more comes."""

    def read(self, *_size: Any) -> bytes:
        raise BlockingIOError

    readline = read


@pytest.mark.parametrize(("path", "status"), [("/webhooks/midtrans", 408), ("/accounts/login/", 403)])
def test_request_that_never_ends_is_answered_plainly(db: None, path: str, status: int):
    browser = Client(enforce_csrf_checks=True, raise_request_exception=False)
    body: dict[str, Any] = {"CONTENT_LENGTH": "10", "wsgi.input": Silent()}
    answer = browser.generic("POST", path, b"", **body)
    assert answer.status_code == status


def test_visitors_sockets_wait_for_so_long_only():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        when_ready(SimpleNamespace(LISTENERS=[SimpleNamespace(sock=listener)]))
        with socket.create_connection(listener.getsockname()):
            visitor, _address = listener.accept()
            with visitor:
                patience = visitor.getsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, 16)
    assert struct.unpack("ll", patience)[0] == SILENCE_SECONDS
