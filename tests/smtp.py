"""A small mail server of our own, so that mails can be looked at as they arrive: bytes over a socket."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from typing import Any, cast


@dataclass
class MailServer:
    """What arrived, and how the server answers; `refusal` is said in the place of taking a mail."""

    port: int
    mails: list[Message] = field(default_factory=list)
    refusal: str = ""


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        place = cast(Any, self.server).place
        self._say("220 test")
        while line := self.rfile.readline():
            word = line[:4].decode().upper()
            if word == "DATA":
                self._say("354 go on")
                raw = b"".join(iter(self.rfile.readline, b".\r\n"))
                if not place.refusal:
                    place.mails.append(message_from_bytes(raw))
                self._say(place.refusal or "250 taken")
            elif word == "QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 fine")

    def _say(self, words: str) -> None:
        self.wfile.write(f"{words}\r\n".encode())


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


@contextmanager
def mail_server() -> Iterator[MailServer]:
    """Run the server on a free port of this machine."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        place = MailServer(port=server.server_address[1])
        cast(Any, server).place = place
        threading.Thread(target=server.serve_forever, args=[0.05], daemon=True).start()
        try:
            yield place
        finally:
            server.shutdown()
