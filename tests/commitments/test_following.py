"""The programs of the docs, run as they stand there against the running product: they miss nothing and repeat nothing.

The long form: FOLLOWED_EVENTS=10000.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from django.utils import timezone

from commitments import operations
from commitments.actors import loader
from commitments.importing import load_accord
from commitments.log import chain, head
from commitments.past import Moment, Past, stood
from commitments.replay import fold
from tests import world
from tests.commitments.racing import WRITERS, race
from tests.processes import product, wait_until
from tests.servers import FreshDatabase
from tests.sinks import SmtpSink

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"
FIXTURES = DOCS.parent / "fixtures"
EVENTS = int(os.environ.get("FOLLOWED_EVENTS", "300"))
SECTION = (DOCS / "api.md").read_text(encoding="utf-8").split("## For developers\n")[1].split("\n## ")[0]
(POLLER,) = re.findall(r"```python\n(.*?)```", SECTION, re.S)
(README,) = re.findall(r"```sh\n(.*?)```", (DOCS.parent / "README.md").read_text(encoding="utf-8"), re.S)
SHELL, LOOK = re.findall(r"```sh\n(.*?)```", SECTION, re.S)


@contextmanager
def running(command: list[str], output: Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A program of the docs; its own lines go on in the file."""
    with output.open("ab") as lines:
        child = subprocess.Popen(
            command, stdout=lines, stderr=subprocess.STDOUT, env={**os.environ, "no_proxy": "*", **environment},
            start_new_session=True,
        )  # fmt: skip
    try:
        yield child
    finally:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def followed(place: Path) -> list[dict[str, Any]]:
    """What the poller has stored, in order."""
    with closing(sqlite3.connect(place)) as store:
        try:
            return [json.loads(whole) for (whole,) in store.execute("SELECT whole FROM event ORDER BY seq")]
        except sqlite3.OperationalError:
            return []


def test_the_poller_has_thirty_lines() -> None:
    assert len([line for line in POLLER.splitlines() if line.strip()]) <= 34


@pytest.mark.processes
def test_the_pollers_miss_nothing_and_repeat_nothing_while_writers_race(
    fresh_db: FreshDatabase, smtp_sink: SmtpSink, tmp_path: Path
) -> None:
    assert shutil.which("curl"), "the poller for a shell needs curl"
    accord = world.an_accord()
    codes = [world.a_commitment(accord, f"TST-{number}").code for number in range(8 + EVENTS // 50)]
    script, store = tmp_path / "follow.py", tmp_path / "events.sqlite"
    script.write_text(POLLER)
    # Two commitments a turn and two events each, of which a fifth is rolled back.
    writing, failures = race(codes, EVENTS // (WRITERS * 3) + 1)
    with product(fresh_db, smtp_sink) as server:
        server.environment["API_HEAD_MS"] = "20"
        server.environment["API_PER_MINUTE"] = "1000000"
        server.start_web()
        poll = [sys.executable, str(script), server.url, str(store), "0.05"]
        shell = {"SITE": server.url, "PLACE": str(tmp_path / "place"), "PAUSE": "0.1"}
        with running(["bash", "-c", SHELL], tmp_path / "shell", **shell):
            for thread in writing:
                thread.start()
            # The poller is killed again and again, wherever it is.
            while any(thread.is_alive() for thread in writing):
                with running(poll, tmp_path / "poll"):
                    time.sleep(0.7)
            with running(poll, tmp_path / "poll"):
                wait_until(lambda: len(followed(store)) >= head().seq, 60, "the poller has come to the end")
            wait_until(
                lambda: (tmp_path / "shell").read_bytes().count(b"\n") >= head().seq, 60, "the shell too"
            )
            time.sleep(0.5)
        assert not failures, failures
        assert "Traceback" not in (tmp_path / "poll").read_text()
    end = head().seq
    assert end >= EVENTS
    events = followed(store)
    assert [event["seq"] for event in events] == list(range(1, end + 1))
    by_shell = [json.loads(line)["seq"] for line in (tmp_path / "shell").read_text().splitlines()]
    assert by_shell == list(range(1, end + 1))
    before = "0" * 64
    for event in events:
        before = chain(before, event["body"])
        assert before == event["hash"]
    assert before.startswith(head().cursor.partition("-")[2])


def test_a_place_of_another_log_ends_the_poller_with_what_to_do(
    fresh_db: FreshDatabase, smtp_sink: SmtpSink, tmp_path: Path
) -> None:
    world.a_commitment(world.an_accord())
    script, store = tmp_path / "follow.py", tmp_path / "events.sqlite"
    script.write_text(POLLER)
    with product(fresh_db, smtp_sink) as server:
        server.start_web()
        command = [sys.executable, str(script), server.url, str(store), "0.05"]
        with running(command, tmp_path / "poll"):
            wait_until(lambda: len(followed(store)) == head().seq, 30, "it has come to the end")
        with closing(sqlite3.connect(store)) as rows, rows:
            rows.execute("UPDATE place SET cursor = '1-ffffffff'")
        ended = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={**os.environ, "no_proxy": "*"},
        )
        assert ended.returncode == 1
        assert "after=0" in ended.stderr
        # And what the docs and the README show to look around.
        said = [
            subprocess.run(
                ["bash", "-euo", "pipefail", "-c", script.replace("curl ", "curl --fail ")], capture_output=True,
                text=True, timeout=60, check=True, env={**os.environ, "no_proxy": "*", "SITE": server.url},
            ).stdout
            for script in (LOOK, README)
        ]  # fmt: skip
        assert [told.count('"results"') for told in said] == [3, 2]
        assert "code,status,due_at,about.log_head" in said[0]
        assert "\ncode,accord," in said[1] or "}code,accord," in said[1]


def picture(told: dict[str, Any]) -> str:
    """A digest of what is known of commitments, however it was come by."""
    return hashlib.sha256(orjson.dumps(told, option=orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z)).hexdigest()


def _by_log(past: Past) -> dict[str, Any]:
    told = past.told
    return {
        "kind": told.kind,
        "strength": told.strength,
        "provenance": told.provenance,
        "starts_on": told.starts_on.isoformat(),
        "status": past.standing.status,
        "status_on": past.status_on.isoformat() if past.status_on else None,
        "timeliness": past.standing.timeliness,
        "upkeep": past.standing.upkeep,
        "plain": past.plain,
        "contested": past.contested,
        "due_at": past.speaks.due_at if past.speaks else None,
        "assessment": past.judgement.code if past.judgement else None,
        "evidence": sorted(code for code, row in told.evidence.items() if row.withdrawn_at is None),
        "deadlines": {code: [row.setting.edtf, row.setting.due_at] for code, row in past.dates.items()},
        "contributions": sorted(code for code, row in told.money.items() if row.withdrawn_at is None),
        "positions": sorted(code for code, row in told.positions.items() if row.resolved_at is None),
    }


def _by_server(row: dict[str, Any]) -> dict[str, Any]:
    def instant(text: str | None) -> datetime | None:
        return datetime.fromisoformat(text) if text else None

    names = (
        "kind",
        "strength",
        "provenance",
        "starts_on",
        "status",
        "status_on",
        "timeliness",
        "upkeep",
        "plain",
    )
    return {
        **{name: row[name] for name in (*names, "contested")},
        "due_at": instant(row["due_at"]),
        "assessment": row["assessment"] and row["assessment"]["code"],
        "evidence": sorted(one["code"] for one in row["evidence"] if not one["withdrawn_at"]),
        "deadlines": {one["code"]: [one["edtf"] or "", instant(one["due_at"])] for one in row["deadlines"]},
        "contributions": sorted(one["code"] for one in row["contributions"] if not one["withdrawn_at"]),
        "positions": sorted(one["code"] for one in row["positions"] if not one["resolved_at"]),
    }


@pytest.mark.processes
def test_a_replica_made_of_the_feed_alone_equals_the_server(
    fresh_db: FreshDatabase, smtp_sink: SmtpSink, tmp_path: Path
) -> None:
    for name in ("japan-ukraine-2024", "example-accord"):
        load_accord(FIXTURES / f"{name}.yaml", today=date(2026, 1, 15))
    accord = world.an_accord()
    for number in range(4):
        one = world.a_commitment(accord, f"TST-{number}")
        world.a_deadline(one, "2024-07")
        world.published(one, "fulfilled", [world.some_evidence(one)])
    # Something is taken back, and the clock has its say.
    operations.retract_assessments(
        ["TST-1-A1"], actor=world.actor("reviewer", "other"), why="It was mistaken."
    )
    operations.withdraw_evidence(["TST-1-E1"], actor=loader(), why="Nobody said so.")
    operations.scan(timezone.now())
    script, store = tmp_path / "follow.py", tmp_path / "events.sqlite"
    script.write_text(POLLER)
    with product(fresh_db, smtp_sink) as server:
        server.start_web()
        with running([sys.executable, str(script), server.url, str(store), "0.05"], tmp_path / "poll"):
            wait_until(lambda: len(followed(store)) == head().seq, 60, "the poller has come to the end")
        answer = httpx.get(
            f"{server.url}/api/v1/commitments/?format=ndjson&include=all", trust_env=False, timeout=60
        )
    *rows, last = (json.loads(line) for line in answer.text.splitlines())
    assert last["about"]["log_head"] == followed(store)[-1]["cursor"]
    record = fold(orjson.loads(event["body"]) for event in followed(store))
    replica = {}
    for code, told in record.commitments.items():
        past = stood(
            told, record.accords[told.accord].ends_on, Moment(datetime.fromisoformat(last["about"]["at"]))
        )
        assert past is not None
        replica[code] = _by_log(past)
    server_says = {row["code"]: _by_server(row) for row in rows}
    for code, told_there in server_says.items():
        assert replica[code] == told_there, code
    assert picture(replica) == picture(server_says)
