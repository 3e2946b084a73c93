"""What gunicorn is told beside its options: `-c python:config.gunicorn`."""

from __future__ import annotations

import socket
import struct
from typing import Any

SILENCE_SECONDS = 15


def when_ready(server: Any) -> None:
    """Hang up on who sends nothing for a while in the middle of a request: a few such would hold every thread.

    The sockets of visitors inherit this of the one that listens. Gunicorn itself waits for ever.
    """
    for listener in server.LISTENERS:
        listener.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", SILENCE_SECONDS, 0))
