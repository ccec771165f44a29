"""`bench mail`: mails claimed, written, sent and settled one by one, in one process, to a server on loopback."""

from __future__ import annotations

import contextlib
import os
import smtplib
import socket
import statistics
import subprocess
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator

from django.conf import settings

from notifications import delivering, fanning
from notifications.models import Attempt, Delivery, State
from tracker.bench import data, readers
from tracker.bench.measuring import Figure, ratio

# A server that says yes to everything, in a process of its own: what it costs is not ours. It answers all that came
# together in one go (RFC 2920, 3.2).
SINK = """
import socket, threading
END = b"\\r\\n.\\r\\n"
SAID = {
    b"EHLO": b"250-sink\\r\\n250-PIPELINING\\r\\n250 8BITMIME\\r\\n",
    b"DATA": b"354 go on\\r\\n",
    b"QUIT": b"221 bye\\r\\n",
}
def talk(peer):
    got, say, in_mail = b"", b"220 sink\\r\\n", False
    while True:
        if in_mail:
            place = got.find(END)
            if place >= 0:
                got, in_mail = got[place + 5:], False
                say += b"250 2.0.0 kept\\r\\n"
                continue
        elif b"\\n" in got:
            line, _, got = got.partition(b"\\n")
            word = line[:4].upper()
            in_mail = word == b"DATA"
            say += SAID.get(word, b"250 ok\\r\\n")
            continue
        if say:
            peer.sendall(say)
            say = b""
        more = peer.recv(65536)
        if not more:
            return peer.close()
        got += more
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    peer, _address = listener.accept()
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    threading.Thread(target=talk, args=(peer,), daemon=True).start()
"""


# A thousand mails a second, where the wire alone managed 2,341 (the goal and its machine).
SHARE = 0.43


def arguments(parser: ArgumentParser) -> None:
    """What may be asked."""
    parser.add_argument("--mails", type=int, default=10_000, help="how many are owed (default: 10,000)")


@contextlib.contextmanager
def sink() -> Iterator[int]:
    """A running server; gives its port."""
    child = subprocess.Popen([sys.executable, "-c", SINK], stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        yield int(child.stdout.readline())
    finally:
        child.terminate()
        child.wait()


def figures(asked: Namespace) -> Iterator[Figure]:
    """The goals of the sender."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    accord = data.an_accord()
    readers.follow(accord, asked.mails)
    readers.an_event()
    with sink() as port:
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
        wire = [_wire(port, asked.mails // 2)]
        fanning.fan_out(600)
        readers.tidy()
        data.run("UPDATE notifications_delivery SET next_attempt_at = created_at")
        readers.tidy()
        began, before = time.perf_counter(), os.times()
        sent = 0
        while done := delivering.deliver(2.0).sent:
            sent += done
        took, after = time.perf_counter() - began, os.times()
        wire.append(_wire(port, asked.mails // 2))
    yield Figure(
        "the wire alone, before and after: one connection, ready bytes",
        " and ".join(f"{it:,.0f}" for it in wire),
    )
    rate = sent / took
    yield Figure(
        "claimed, written, sent and settled one by one", f"{rate:,.0f} a second", ">= 1,000", rate >= 1000
    )
    yield ratio("against the wire alone", rate / statistics.mean(wire), SHARE, at_most=False)
    yield Figure(
        "of the time on a processor of ours",
        f"{(after.user - before.user + after.system - before.system) / took:.0%}",
    )
    whole = (
        sent == asked.mails == Attempt.objects.count() == Delivery.objects.filter(state=State.SENT).count()
    )
    yield Figure("sent and settled", f"{sent:,}", f"{asked.mails:,}", whole)


def _wire(port: int, mails: int) -> float:
    """Mails a second that smtplib gets rid of, when nothing else is to be done."""
    content = b"Subject: x\r\n\r\n" + b"A line of text, as long as many are.\r\n" * 150
    with smtplib.SMTP("127.0.0.1", port) as smtp:
        assert smtp.sock is not None
        smtp.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        smtp.ehlo()
        began = time.perf_counter()
        for n in range(mails):
            smtp.docmd("MAIL FROM:<a@bench.example>")
            smtp.docmd(f"RCPT TO:<r{n}@bench.example>")
            smtp.docmd("DATA")
            smtp.send(content + b".\r\n")
            smtp.getreply()
        return mails / (time.perf_counter() - began)
