"""The demo's SMTP catcher, a program of its own: keeps every mail as a file, sends nothing anywhere.

`python -m tracker.demo.catcher DIRECTORY PORT`: listens on 127.0.0.1; port 0 lets the kernel choose, and
the chosen one stands in the file `port` of the directory.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

# The oldest go when there are more; a mail that is larger is refused.
KEPT = 1000
LARGEST = 5_000_000


class Keeper:
    """Writes each accepted mail into the directory, whole or not at all."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.count = 0

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Keeps one mail, with its envelope in front, and answers as a mail server does."""
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        people = ", ".join(envelope.rcpt_tos)
        head = f"X-Envelope-From: {envelope.mail_from}\r\nX-Envelope-To: {people}\r\n"
        self.count += 1
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}-{self.count % 10000:04}.eml"
        waiting = self.directory / f"{name}.new"
        try:
            waiting.write_bytes(head.encode("ascii", "replace") + content)
            waiting.replace(self.directory / name)
        except OSError:
            return "452 4.3.1 the disk is full"
        self._prune()
        return "250 2.0.0 kept"

    def _prune(self) -> None:
        """Forgets the oldest; looks at the directory only now and then."""
        if self.count % 50 == 1:
            for path in sorted(self.directory.glob("*.eml"))[:-KEPT]:
                path.unlink(missing_ok=True)


async def serve(directory: Path, port: int) -> None:
    """Runs until SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    keeper = Keeper(directory)
    server = await loop.create_server(
        lambda: SMTP(keeper, data_size_limit=LARGEST, enable_SMTPUTF8=True, hostname="localhost", loop=loop),
        "127.0.0.1",
        port,
    )
    waiting = directory / "port.new"
    waiting.write_text(str(server.sockets[0].getsockname()[1]))
    waiting.replace(directory / "port")
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    await stopped.wait()
    server.close()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), int(sys.argv[2])))
