"""The one way out: where it goes, where it does not, and how long and how much it takes."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.web_sinks import CutAfterRequest, Drip, Flood, Hang, Say, Visit, WebSink, web_sink
from tracker.kit import outbound
from tracker.kit.addresses import BadAddress, is_public, parse
from tracker.kit.outbound import READ_AT_MOST, Failed, Outbound, Refused


@pytest.fixture
def client() -> Iterator[Outbound]:
    it = Outbound()
    yield it
    it.close()


def names(monkeypatch: pytest.MonkeyPatch, **known: list[str]) -> list[str]:
    """A name server that knows these (dots written as _); returns the list of the names it was asked for."""
    asked: list[str] = []
    real = socket.getaddrinfo

    def answer(host: str, port: int, *rest: Any, **more: Any) -> Any:
        found = known.get(str(host).replace(".", "_"))
        if found is None:
            return real(host, port, *rest, **more)
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (number, port)) for number in found]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    return asked


# Addresses.


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("ftp://example.org/", "scheme"),
        ("javascript:alert(1)", "scheme"),
        ("//example.org/", "scheme"),
        ("", "scheme"),
        ("http://user@example.org/", "user"),
        ("http://user:word@example.org/", "user"),
        ("http://@example.org/", "user"),
        ("http://example.org:0/", "port"),
        ("http://example.org:70000/", "port"),
        ("http://example.org:port/", "port"),
        ("http://example.org:/", "port"),
        ("http:///path", "host"),
        ("http://a..example.org/", "host"),
        ("http://example.org./", "host"),
        ("http://[::1/", "host"),
        ("http://[fe80::1%25eth0]/", "host"),
        ("http://2130706433/", "host"),
        ("http://0x7f.1/", "host"),
        ("http://0x7f000001/", "host"),
        ("http://127.1/", "host"),
        ("http://127.0.0.1.5/", "host"),
        ("http://0177.0.0.1/", "host"),
        ("http://017700000001/", "host"),
        ("http://１２７.0.0.1/", "host"),
        ("http://１２７．０．０．１/", "host"),
        ("http://127。0。0。1/", "host"),
        ("http://ⓛocalhost/", "host"),
        ("http://exa mple.org/", "characters"),
        ("http://example.org\\@127.0.0.1/", "characters"),
        ("http://example.org/\r\nX-Injected: 1", "characters"),
        ("http://example.org/\x00", "characters"),
        ("http://example.org/" + "a" * 2048, "length"),
    ],
)
def test_addresses_that_could_be_read_in_two_ways_are_refused(url: str, code: str) -> None:
    with pytest.raises(BadAddress) as refused:
        parse(url)
    assert refused.value.code == code


def test_ordinary_addresses_are_taken_in_one_form() -> None:
    assert parse("https://Example.ORG").authority == "example.org"
    assert parse("https://example.org:8443/a?b=c#d") == parse("HTTPS://example.org:8443/a?b=c")
    assert parse("https://example.org:8443/a?b=c").target == "/a?b=c"
    assert parse("https://приклад.укр/шлях").host == "xn--80aikifvh.xn--j1amh"
    assert parse("https://приклад.укр/ш").target == "/%D1%88"
    assert parse("https://[2606:4700::1111]/").authority == "[2606:4700::1111]"


@pytest.mark.parametrize(
    "number",
    [
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "127.0.0.1",
        "127.255.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.8",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.9",
        "224.0.0.1",
        "239.1.1.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "::ffff:0:8.8.8.8",
        "64:ff9b::8.8.8.8",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:0:4136:e378::1",
        "2001:10::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd12::1",
        "fe80::1",
        "fec0::1",
        "ff02::1",
    ],
)
def test_addresses_that_are_not_public(number: str) -> None:
    assert not is_public(ipaddress.ip_address(number))


@pytest.mark.parametrize("number", ["1.1.1.1", "100.63.0.1", "172.32.0.1", "2606:4700::1111", "2a00:1450::1"])
def test_addresses_that_are_public(number: str) -> None:
    assert is_public(ipaddress.ip_address(number))


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254", "10.0.0.1"])
def test_a_number_inside_is_refused_when_it_is_written_down(host: str) -> None:
    with pytest.raises(Refused, match="inside"):
        outbound.check(f"http://{host}/")


# The road.


def test_a_post_arrives_and_the_answer_comes_back(client: Outbound, sink: WebSink) -> None:
    sink.manner = Say(202, {"X-One": "1"}, b"taken")
    answer = client.request("POST", sink.url + "?a=b", {"Content-Type": "application/json"}, b'{"a":1}')
    assert (answer.status, answer.body, answer.headers["x-one"]) == (202, b"taken", "1")
    assert (answer.is_cut, 0 < answer.seconds < 5) == (False, True)
    visit = sink.visits[0]
    assert (visit.method, visit.path, visit.json) == ("POST", "/hook?a=b", {"a": 1})
    assert visit.headers["host"] == f"127.0.0.1:{sink.port}"
    client.request("POST", sink.url)
    assert sink.visits[1].headers["content-length"] == "0"


def test_names_that_lead_inside_are_refused_and_nothing_is_sent(
    client: Outbound, sink: WebSink, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.OUTBOUND_LOOPBACK_PORTS = frozenset()
    names(monkeypatch, inside_example=["127.0.0.1"], both_example=["1.1.1.1", "10.0.0.1"])
    for host in ("inside.example", "both.example", "localhost"):
        with pytest.raises(Refused, match="inside"):
            client.request("GET", f"http://{host}:{sink.port}/")
    assert sink.visits == []


def test_what_came_before_it_was_asked_for_is_no_answer(client: Outbound, settings: Any) -> None:
    listens = socket.create_server(("127.0.0.1", 0))
    settings.OUTBOUND_LOOPBACK_PORTS = frozenset({listens.getsockname()[1]})
    asked: list[bytes] = []

    def serve() -> None:
        for _n in range(2):
            line, _from = listens.accept()
            asked.append(line.recv(65536))
            said = f"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{len(asked)}".encode()
            line.sendall(said + b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n9")

    threading.Thread(target=serve, daemon=True).start()
    url = f"http://127.0.0.1:{listens.getsockname()[1]}/"
    assert [client.request("POST", url, content=b"x").body for _n in range(2)] == [b"1", b"2"]
    assert len(asked) == 2
    listens.close()


def test_a_name_is_asked_once_and_the_connection_keeps_to_the_answer(
    client: Outbound, sink: WebSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = names(monkeypatch, hooks_example=["127.0.0.1"])
    for _n in range(3):
        client.request("GET", f"http://hooks.example:{sink.port}/")
    assert asked == ["hooks.example"]
    assert {visit.headers["host"] for visit in sink.visits} == {f"hooks.example:{sink.port}"}


def test_the_environment_has_no_say(client: Outbound, sink: WebSink, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert client.request("GET", sink.url).status == 200
    assert "authorization" not in sink.visits[0].headers


def test_a_redirect_is_an_answer_unless_it_is_allowed_and_then_each_hop_is_checked(
    client: Outbound, sink: WebSink, settings: Any
) -> None:
    with web_sink() as inside:
        sink.manner = Say(302, {"Location": inside.url})
        assert client.request("GET", sink.url).status == 302
        for method in ("GET", "POST"):
            with pytest.raises(Refused):
                client.request(method, sink.url, redirects=3)
        assert inside.visits == []
        settings.OUTBOUND_LOOPBACK_PORTS = frozenset({sink.port, inside.port})
        answer = client.request("GET", sink.url, {"Authorization": "secret"}, redirects=3)
        assert (answer.status, answer.url) == (200, inside.url)
        assert "authorization" not in inside.visits[0].headers
        sink.manner = Say(302, {"Location": "/again"})
        with pytest.raises(Refused, match="redirect"):
            client.request("GET", sink.url, redirects=3)
        sink.manner = Say(302, {"Location": "file:///etc/passwd"})
        with pytest.raises(Refused, match="scheme"):
            client.request("GET", sink.url, redirects=3)


@pytest.mark.parametrize("manner", [Hang(), Drip()])
def test_the_time_is_for_all_of_it(client: Outbound, sink: WebSink, manner: Any) -> None:
    sink.manner = manner
    began = time.monotonic()
    with pytest.raises(Failed, match="timeout"):
        client.request("POST", sink.url, content=b"{}", seconds=1.5)
    assert 1.4 < time.monotonic() - began < 3


def test_headers_that_drip_are_cut_off_too(client: Outbound, settings: Any) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    settings.OUTBOUND_LOOPBACK_PORTS = frozenset({port})

    def drip() -> None:
        peer, _address = listener.accept()
        with peer:
            try:
                for _n in range(100):
                    peer.sendall(b"H")
                    time.sleep(0.1)
            except OSError:
                pass

    threading.Thread(target=drip, daemon=True).start()
    began = time.monotonic()
    with pytest.raises(Failed):
        client.request("GET", f"http://127.0.0.1:{port}/", seconds=1)
    assert time.monotonic() - began < 3
    listener.close()


def test_a_name_server_that_is_silent_takes_no_longer(
    client: Outbound, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_a, **_k: over.wait(30) and [])
    began = time.monotonic()
    with pytest.raises(Failed, match="timeout"):
        client.request("GET", "http://slow.example/", seconds=0.5)
    assert time.monotonic() - began < 2
    over.set()


def test_of_a_gigabyte_64_kilobytes_are_read(client: Outbound, sink: WebSink) -> None:
    sink.manner = Flood()
    answer = client.request("POST", sink.url, content=b"{}")
    assert (len(answer.body), answer.is_cut) == (READ_AT_MOST, True)
    assert answer.seconds < 5
    time.sleep(0.2)
    assert sink.sent < 20_000_000, "what the kernels hold, no more"


def test_a_packed_answer_is_not_unpacked(client: Outbound, sink: WebSink) -> None:
    sink.manner = Say(200, {"Content-Encoding": "gzip"}, b"not a gzip file")
    assert client.request("GET", sink.url).body == b"not a gzip file"


def test_a_cut_conversation_and_a_closed_port_are_failures_with_a_word(
    client: Outbound, sink: WebSink, settings: Any
) -> None:
    sink.manner = CutAfterRequest()
    with pytest.raises(Failed, match="broken"):
        client.request("POST", sink.url, content=b"{}")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        settings.OUTBOUND_LOOPBACK_PORTS = frozenset({port})
        with pytest.raises(Failed, match="connect"):
            client.request("GET", f"http://127.0.0.1:{port}/")
    with pytest.raises(Failed, match="name"):
        client.request("GET", "http://nobody.invalid/")


def test_a_kept_connection_that_was_closed_meanwhile_is_not_used(client: Outbound, sink: WebSink) -> None:
    def hang_up_after(visit: Visit) -> Say:
        return Say(200, {"Connection": "close"})

    sink.manner = hang_up_after
    for _n in range(5):
        assert client.request("POST", sink.url, content=b"{}").status == 200
        time.sleep(0.02)
    assert len(sink.visits) == 5


def test_a_few_connections_are_kept_for_some_seconds_and_no_more(
    sink: WebSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[object] = []
    connect = socket.create_connection

    def count(*what: Any) -> socket.socket:
        made.append(what)
        return connect(*what)

    monkeypatch.setattr(socket, "create_connection", count)
    client = Outbound(2)
    for _n in range(5):
        assert client.request("POST", sink.url, content=b"{}").status == 200
    assert len(made) == 1, "one connection, used again"

    def slow(_visit: Visit) -> Say:
        time.sleep(0.3)
        return Say()

    sink.manner = slow
    together = [threading.Thread(target=client.request, args=("GET", sink.url)) for _n in range(6)]
    for thread in together:
        thread.start()
    for thread in together:
        thread.join()
    sink.manner = Say()
    assert (len(made), client._idle.count) == (6, 2)
    later = time.monotonic() + 60
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert client.request("GET", sink.url).status == 200
    assert len(made) == 7, "what was kept for a minute is not used"
    client.close()
    assert client._idle.count == 0


@pytest.mark.parametrize("value", ["a\r\nb", "a\nb", "é", "a\x00"])
def test_a_header_cannot_become_two(client: Outbound, sink: WebSink, value: str) -> None:
    with pytest.raises(Refused, match="characters"):
        client.request("GET", sink.url, {"X-Header": value})
    assert sink.visits == []


def test_a_certificate_of_somebody_else_is_refused(client: Outbound, settings: Any, tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=elsewhere.example",
         "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True,
    )  # fmt: skip
    with web_sink() as sink:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        server = sink._server
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        settings.OUTBOUND_LOOPBACK_PORTS = frozenset({sink.port})
        with pytest.raises(Failed, match="tls"):
            client.request("GET", f"https://127.0.0.1:{sink.port}/")
        assert sink.visits == []
