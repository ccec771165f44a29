"""A private Valkey on a Unix socket: nothing on disk, since nothing in it may be missed."""

from __future__ import annotations

import socket
import time
from pathlib import Path

from tracker.embedded import programs, sockets
from tracker.embedded.family import Child, Family
from tracker.embedded.programs import NoProgram


class Valkey:
    """One server whose log lives in `home`."""

    def __init__(self, home: Path, family: Family, *, megabytes: int = 64) -> None:
        self.home = home
        self.family = family
        self.megabytes = megabytes
        self.child: Child | None = None
        home.mkdir(parents=True, exist_ok=True)
        self.socket = sockets.directory_for(home) / "valkey.sock"

    @property
    def url(self) -> str:
        """The address as Celery reads it: `redis+socket:///path`, number 0."""
        return self.numbered(0)

    def numbered(self, number: int) -> str:
        """The address of one of its sixteen numbered databases."""
        return f"redis+socket://{self.socket}?virtual_host={number}"

    def start(self, timeout: float = 15.0) -> None:
        """Starts it and waits until it answers; raises NoProgram with its last words when it does not."""
        program = programs.valkey()
        self.socket.unlink(missing_ok=True)
        self.child = self.family.start(
            "valkey",
            [
                str(program), "--port", "0", "--unixsocket", str(self.socket), "--unixsocketperm", "700",
                "--save", "", "--appendonly", "no", "--daemonize", "no", "--dir", str(self.home),
                "--maxmemory", f"{self.megabytes}mb", "--maxmemory-policy", "noeviction", "--databases", "16",
            ],
            self.home / "valkey.log",
            directory=self.home,
        )  # fmt: skip
        give_up = time.monotonic() + timeout
        while not self.answers():
            if not self.child.is_running() or time.monotonic() > give_up:
                raise NoProgram(f"Valkey did not start: {self.child.last_words()}")
            time.sleep(0.02)

    def answers(self) -> bool:
        """True when it answers PING."""
        try:
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(2)
                client.connect(str(self.socket))
                client.sendall(b"PING\r\n")
                return client.recv(16).startswith(b"+PONG")
        except OSError:
            return False

    def remove_sockets(self) -> None:
        """Removes what a server that has ended leaves outside of its home."""
        sockets.remove(self.socket.parent, self.home)

    def stop(self) -> None:
        """Ends it; nothing is kept."""
        if self.child is not None:
            self.family.stop(self.child)
            self.child = None
