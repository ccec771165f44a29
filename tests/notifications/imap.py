"""A small IMAP server over TLS, in the test process: one account, one folder, and what was ordered of it."""

from __future__ import annotations

import ipaddress
import re
import socket
import ssl
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def certificate(folder: Path) -> Path:
    """A certificate for 127.0.0.1 with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mailbox of the tests")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "imap.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path


@dataclass
class Mailbox:
    """`mails` by their numbers, `seen` those that were marked, `orders` all that was said; `cuts_after` fetches the
    line is cut (0: never)."""

    pem: Path
    user: str = "bounces"
    password: str = "correct horse"  # noqa: S105  (of this server alone)
    mails: dict[int, bytes] = field(default_factory=dict)
    seen: set[int] = field(default_factory=set)
    orders: list[str] = field(default_factory=list)
    cuts_after: int = 0

    def __post_init__(self) -> None:
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(self.pem)
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.socket.getsockname()[1])
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                peer, _address = self.socket.accept()
            except OSError:
                return
            try:
                with self.tls.wrap_socket(peer, server_side=True) as line:
                    self._talk(line)
            except OSError:
                continue

    def _talk(self, line: ssl.SSLSocket) -> None:
        stream = line.makefile("rb")
        line.sendall(b"* OK IMAP4rev1 here\r\n")
        fetched, is_in = 0, False
        for row in stream:
            tag, _space, order = row.decode().strip().partition(" ")
            self.orders.append(re.sub(r"(LOGIN \S+).*", r"\1", order))
            said, answer = b"", "OK done"
            if order.startswith("LOGIN"):
                is_in = order == f'LOGIN {self.user} "{self.password}"'
                answer = "OK in" if is_in else "NO not you"
            elif order == "LOGOUT":
                line.sendall(f"* BYE\r\n{tag} OK bye\r\n".encode())
                return
            elif order == "CAPABILITY":
                said = b"* CAPABILITY IMAP4rev1\r\n"
            elif not is_in:
                answer = "BAD first say who you are"
            elif order == 'SELECT "INBOX"':
                said = f"* {len(self.mails)} EXISTS\r\n".encode()
            elif order == "UID SEARCH UNSEEN":
                left = [str(number) for number in sorted(self.mails) if number not in self.seen]
                said = f"* SEARCH {' '.join(left)}\r\n".encode()
            elif found := re.fullmatch(r"UID FETCH (\d+) \(BODY\.PEEK\[\]<0\.(\d+)>\)", order):
                fetched += 1
                mail = self.mails[int(found[1])][: int(found[2])]
                said = f"* 1 FETCH (UID {found[1]} BODY[]<0> {{{len(mail)}}}\r\n".encode() + mail + b")\r\n"
            elif found := re.fullmatch(r"UID STORE (\d+) \+FLAGS\.SILENT \(\\Seen\)", order):
                if self.cuts_after and fetched > self.cuts_after:
                    return
                self.seen.add(int(found[1]))
            else:
                answer = "BAD what"
            line.sendall(said + f"{tag} {answer}\r\n".encode())
