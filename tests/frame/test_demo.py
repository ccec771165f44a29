"""One command runs the product; nothing of it is left, whatever ends it; it never bites other data."""

from __future__ import annotations

import os
import re
import signal
import smtplib
import socket
import stat
import sys
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import httpx
import psycopg
import pytest
import redis

from tests import servers
from tests.frame.demos import Demo
from tests.servers import FreshDatabase

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(sys.platform != "linux", reason="looks at processes through /proc"),
]


# Who is behind each office, as a command of the demo reads it.
OFFICES = (
    "from commitments.models import Membership\n"
    "for row in Membership.objects.select_related('user'): print(row.office, row.user.email)"
)


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    """A demo that has not been started; whatever happens, it is ended."""
    made = Demo(tmp_path / "demo")
    yield made
    if made.process is not None and made.process.poll() is None:
        made.end(signal.SIGTERM)
    assert made.is_gone()


def sign_in(demo: Demo, name: str, password: str) -> httpx.Client:
    """A browser's session in the admin; fails when the password is not taken."""
    client = httpx.Client(base_url=demo.url, timeout=30, trust_env=False, follow_redirects=True)
    page = client.get("/admin/login/")
    token = re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)[0]
    answer = client.post(
        "/admin/login/",
        data={"csrfmiddlewaretoken": token, "username": name, "password": password, "next": "/admin/"},
        headers={"Referer": f"{demo.url}/admin/login/"},
    )
    assert answer.status_code == 200
    assert "sessionid" in client.cookies
    return client


def test_the_demo_from_its_first_start_to_its_end(demo: Demo) -> None:
    first = demo.start()
    assert first <= 60 * busy()
    assert all(title in demo.output for title in ("PostgreSQL", "Redis", "Loading", "accounts"))

    # Every address that it prints answers, and every account can sign in.
    addresses = demo.addresses()
    assert len(addresses) >= 6
    for address in addresses:
        assert httpx.get(address, timeout=30, trust_env=False, follow_redirects=True).status_code == 200, (
            address
        )
    passwords = demo.passwords()
    assert set(passwords) == {"editor", "reviewer", "administrator"}
    for name, password in passwords.items():
        sign_in(demo, name, password).close()

    # Each of them has an office and an address: reminders to staff reach somebody. This machine may read the gauges.
    code, said = demo.run("shell", "-c", OFFICES)
    assert code == 0, said
    assert all(f"{name}@demo.example" in said for name in passwords), said
    assert "desk (demo)" in said
    gauges = httpx.get(f"{demo.url}/metrics", timeout=30, trust_env=False)
    assert gauges.status_code == 200

    # It listens on this machine only, and its directory is private.
    assert stat.S_IMODE(demo.home.stat().st_mode) == 0o700
    assert (demo.home / "secrets.json").stat().st_mode & 0o077 == 0
    own = {address for pid in demo.processes() for address in listening(pid)}
    assert own
    assert all(address.startswith("0100007F:") for address in own)

    # A mail that is sent to its catcher can be read on its page, safely.
    send_mail(int((demo.home / "mails" / "port").read_text()))
    listed = httpx.get(f"{demo.url}/demo/mails/", timeout=30, trust_env=False)
    assert "Ratified &lt;today&gt;" in listed.text
    mail = re.findall(r'href="(/demo/mails/[^"]+\.eml/)"', listed.text)[0]
    shown = httpx.get(demo.url + mail, timeout=30, trust_env=False)
    assert "https://example.org/x" in shown.text
    assert "<script>" not in shown.text
    framed = httpx.get(f"{demo.url}{mail}html/", timeout=30, trust_env=False)
    assert "sandbox" in framed.headers["Content-Security-Policy"]
    assert "default-src 'none'" in framed.headers["Content-Security-Policy"]
    assert httpx.get(f"{demo.url}/demo/mails/..%2Fport/", timeout=30, trust_env=False).status_code == 404

    # Other commands use its servers and say so; a second demo of the same clone is told of the first.
    code, said = demo.run("verify_log")
    assert code == 0, said
    assert f"Using the database of the running demo at {demo.url}" in said
    code, said = demo.run("demo", "--port", "1")
    assert code == 1
    assert "already running" in said
    assert demo.url in said

    # A process that dies is started again.
    (worker,) = [pid for pid in demo.processes() if is_worker_main(pid)]
    os.killpg(worker, signal.SIGKILL)
    demo.wait_to_hear("worker ended (code -9); starting it again")

    assert sum(demo.processes().values()) / 1024 < 800
    assert demo.end(signal.SIGTERM) == 0
    assert demo.is_gone(1)

    # A second start is quick, finds the data and shows the same passwords; `kill -9` leaves nothing either.
    second = demo.start()
    assert second <= 10 * busy()
    assert demo.passwords() == passwords
    demo.end(signal.SIGKILL)
    assert demo.is_gone()

    # Once more, right after that: `--reset` begins anew, and Ctrl-C in the middle of a step is a quiet end.
    demo.launch("--reset")
    demo.wait_to_hear("Bringing the tables up to date", 90)
    assert demo.end(signal.SIGINT) == 0
    assert passwords["editor"] not in (demo.home / "secrets.json").read_text()
    assert demo.is_gone(1)


def busy() -> float:
    """How many times as long everything takes at present: the promised figures are those of two idle cores."""
    return max(1.0, 2 * os.getloadavg()[0] / (os.cpu_count() or 1))


def listening(pid: int) -> set[str]:
    """The addresses (as the kernel writes them) on which a process listens."""
    inodes = set()
    try:
        handles = [*Path(f"/proc/{pid}/fd").iterdir()]
    except FileNotFoundError:  # It has ended since it was found.
        return set()
    for handle in handles:
        try:
            found = re.fullmatch(r"socket:\[(\d+)\]", os.readlink(handle))
        except OSError:
            continue
        if found:
            inodes.add(found[1])
    result = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            parts = line.split()
            if parts[3] == "0A" and parts[9] in inodes:
                result.add(parts[1])
    return result


def is_worker_main(pid: int) -> bool:
    """True for the Celery worker's first process."""
    command = Path(f"/proc/{pid}/cmdline").read_bytes()
    return b"celery" in command and b"\0worker\0" in command and os.getpgid(pid) == pid


def send_mail(port: int) -> None:
    """A mail with text and HTML, and with what a hostile one would try."""
    message = EmailMessage()
    message["Subject"] = "Ratified <today>"
    message["From"], message["To"] = "alerts@example.org", "reader@example.org"
    message.set_content("See https://example.org/x <script>alert(1)</script>")
    message.add_alternative(
        '<p>See <a href="https://example.org/x">it</a><script>x</script></p>', subtype="html"
    )
    with smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
        client.send_message(message)


def test_a_database_that_is_in_use_is_refused(demo: Demo, fresh_db: FreshDatabase) -> None:
    code, said = demo.run("demo", "--port", str(demo.port), DATABASE_URL=fresh_db.url)
    assert code == 1
    assert "not marked as a demo's" in said
    code, said = demo.run("demo", "--port", str(demo.port), "--reset", DATABASE_URL=fresh_db.url)
    assert code == 1
    with psycopg.connect(fresh_db.url) as connection:
        assert connection.execute("SELECT count(*) FROM django_migrations").fetchone() != (0,)
    assert demo.is_gone()


def test_a_redis_that_is_in_use_is_refused(demo: Demo, redis_url: str) -> None:
    path, _, number = redis_url.removeprefix("redis+socket://").partition("?virtual_host=")
    with redis.Redis(unix_socket_path=path, db=int(number)) as client:
        client.set("somebody", "lives here")
        code, said = demo.run("demo", "--port", str(demo.port), REDIS_URL=redis_url)
        assert code == 1
        assert "REDIS_URL holds keys" in said
        assert client.get("somebody") == b"lives here"


def test_given_servers_that_are_empty_are_used_and_marked(demo: Demo, redis_url: str) -> None:
    with servers.clone("given", template="template0") as given:
        demo.launch(DATABASE_URL=given.url, REDIS_URL=redis_url)
        demo.wait_to_hear("Bringing the tables up to date", 90)
        names = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in demo.processes()]
        assert not any(b"valkey-server" in name or b"bin/postgres" in name for name in names)
        demo.end(signal.SIGTERM)
        with psycopg.connect(given.url) as connection:
            assert connection.execute("SELECT count(*) FROM django_migrations").fetchone() != (0,)
            assert connection.execute("SELECT count(*) FROM accord_demo_mark").fetchone() == (0,)


@pytest.mark.parametrize("address", ["sqlite:///x", "postgres://u@127.0.0.1:1/none"])
def test_a_database_that_cannot_be_used_is_told_in_one_line(demo: Demo, address: str) -> None:
    code, said = demo.run("demo", "--port", str(demo.port), DATABASE_URL=address)
    assert code == 1
    (line,) = [line for line in said.splitlines() if line.startswith("manage.py demo:")]
    assert "DATABASE_URL" in line
    assert "Traceback" not in said


def test_a_port_that_is_taken_is_told_before_anything_starts(demo: Demo) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", demo.port))
        other.listen()
        code, said = demo.run("demo", "--port", str(demo.port))
    assert (code, len(said.splitlines())) == (1, 1)
    assert "--port N" in said
    assert demo.run("demo", "--port", "0")[0] == 2
    assert demo.run("demo", "--port", "seven")[0] == 2


def test_a_broken_step_leaves_nothing_running(demo: Demo) -> None:
    demo.home.mkdir(mode=0o700)
    (demo.home / "secrets.json").write_text('{"SECRET_KEY": "short"}')
    code, said = demo.run("demo", "--port", str(demo.port))
    assert code == 1
    assert "SECRET_KEY is weak" in said
    assert demo.is_gone(1)
