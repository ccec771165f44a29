"""No code goes out to the web but through the guarded client."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


OTHERS = {
    "requests",
    "urllib3",
    "aiohttp",
    "httpx",
    "httpcore",
    "pycurl",
    "httplib2",
    "websockets",
    "tornado",
}
STANDARD = {"urllib.request", "http.client", "ftplib", "xmlrpc.client"}
# Who may: the client itself, and those that ask nobody but the machine they run on or the package index.
MAY = {
    "tracker/kit/outbound.py",
    "tracker/probe.py",
    "tracker/demo/running.py",
    "tracker/bootstrap.py",
    # Ask the server, or the receiver, that they have started themselves.
    "tracker/bench/stream.py",
    "tracker/bench/webhooks.py",
    # What a watcher downloads and runs on a machine of their own: it is never imported here.
    "tracker/static/tracker/verify_feed.py",
}


def http_clients(source: str) -> set[str]:
    """The HTTP clients that a piece of code imports."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            modules = [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        found |= {name for name in modules if name.split(".")[0] in OTHERS or name in STANDARD}
    return found


def test_nobody_goes_out_another_way() -> None:
    assert http_clients("import requests") == {"requests"}
    assert http_clients("from urllib import request") == {"urllib.request"}
    assert http_clients("from httpx import get") == {"httpx", "httpx.get"}
    others = {}
    for room in ("tracker", "commitments", "notifications"):
        for path in sorted((ROOT / room).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            if name not in MAY and (found := http_clients(path.read_text(encoding="utf-8"))):
                others[name] = found
    assert others == {}
