"""The receiver of the docs, run as it stands there: it takes what we sign, once, and nothing else."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook

from commitments.models import Event
from notifications import calling, endpoints
from notifications.models import Call
from tests import world
from tests.processes import free_port, wait_until

DOCS = Path(__file__).resolve().parent.parent.parent / "docs" / "webhooks.md"
PROGRAMS = re.findall(r"```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.S)


@pytest.mark.processes
def test_the_receiver_of_the_docs(db: None, settings: Any, tmp_path: Path) -> None:
    commitment = world.a_commitment(world.an_accord())
    port = free_port()
    settings.OUTBOUND_LOOPBACK_PORTS = frozenset({port})
    endpoint, secret = endpoints.register({"name": "Desk", "url": f"http://127.0.0.1:{port}/"})
    (tmp_path / "receive.py").write_text(next(program for program in PROGRAMS if "HTTPServer" in program))
    lines, errors = tmp_path / "lines", tmp_path / "errors"
    with lines.open("wb") as output, errors.open("wb") as log:
        child = subprocess.Popen(
            [sys.executable, str(tmp_path / "receive.py"), str(port)], stdout=output, stderr=log,
            env={**os.environ, "SECRET": secret},
        )  # fmt: skip
    try:

        def post(body: bytes, **headers: str) -> int:
            given = {name.replace("_", "-"): value for name, value in headers.items()}
            return httpx.post(
                f"http://127.0.0.1:{port}/", content=body, headers=given, trust_env=False
            ).status_code

        def listens() -> bool:
            try:
                return post(b"") == 413
            except httpx.HTTPError:
                return False

        wait_until(listens, 30, "the receiver listens")
        world.some_evidence(commitment)
        calling.fan_out()
        assert calling.deliver(20).sent == 1
        event = Event.objects.get(kind="evidence_added")
        wait_until(lambda: lines.read_text().startswith(f"{event.seq} "), 30, "it has said so")
        # The same again, which is answered and not told; what is forged, old or without a signature is refused.
        now, body = datetime.now(UTC), json.dumps({"type": "x", "data": {"seq": 7, "sentence": "Not ours."}})
        number = str(Call.objects.get().pk)

        def signed(told: str, at: datetime, key: str = secret) -> dict[str, str]:
            return {
                "webhook_id": told,
                "webhook_timestamp": str(int(at.timestamp())),
                "webhook_signature": f"v1,AAAA {Webhook(key).sign(told, at, body)}",
            }

        assert post(body.encode(), **signed(number, now)) == 204
        assert post(body.encode(), **signed("other", now, endpoints.new_secret())) == 401
        assert post(body.encode(), **signed("other", now - timedelta(minutes=6))) == 401
        assert post(body.encode() + b" ", **signed("other", now)) == 401
        assert post(body.encode()) == 401
        assert len(lines.read_text().splitlines()) == 1
        assert post(body.encode(), **signed("other", now)) == 204
        wait_until(lambda: lines.read_text().endswith("7 Not ours.\n"), 30, "a new one is told")
        endpoints.ping(endpoint)
        assert calling.deliver(20).sent == 1
        wait_until(lambda: lines.read_text().endswith("ping\n"), 30, "a test is taken, too")
        assert "Traceback" not in errors.read_text()
    finally:
        child.kill()
        child.wait()
