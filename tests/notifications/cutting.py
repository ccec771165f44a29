"""A mail server that hangs up in the worst moment."""

from __future__ import annotations

import socket
import threading
from typing import Any


class CutsAfterData:
    """A server that takes the whole mail and hangs up without a word, the first `cuts` times."""

    def __init__(self, cuts: int) -> None:
        self.cuts, self.taken = cuts, list[bytes]()
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.socket.getsockname()[1])
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self) -> None:
        """One connection after the other."""
        while True:
            try:
                peer, _address = self.socket.accept()
            except OSError:
                return
            with peer, peer.makefile("rwb") as stream:
                self.talk(stream)

    def talk(self, stream: Any) -> None:
        """Says yes to everything."""

        def say(text: str) -> None:
            stream.write(text.encode() + b"\r\n")
            stream.flush()

        say("220 here")
        while command := stream.readline():
            if not command.upper().startswith(b"DATA"):
                say("250 ok")
                continue
            say("354 go on")
            mail = b""
            while (read := stream.readline()) not in {b".\r\n", b""}:
                mail += read
            self.taken.append(mail)
            if len(self.taken) <= self.cuts:
                return
            say("250 kept")
