"""The examples of docs/api.md that write: run as they stand there, by a shell with curl, against the running product."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from commitments.models import Assessment, Deadline, Event
from tests import world
from tests.commitments.writers import writer
from tests.processes import product
from tests.servers import FreshDatabase
from tests.sinks import SmtpSink

DOCS = Path(__file__).resolve().parent.parent.parent / "docs" / "api.md"


@pytest.mark.processes
def test_the_examples_of_the_docs_write_what_they_say(fresh_db: FreshDatabase, smtp_sink: SmtpSink) -> None:
    assert shutil.which("curl"), "the examples need curl"
    section = DOCS.read_text(encoding="utf-8").split("## Writing\n")[1].split("\n## ")[0]
    (script,) = re.findall(r"```sh\n(.*?)```", section, re.S)
    row = world.a_commitment(world.an_accord())
    world.a_deadline(row, "2999-01")
    before = Event.objects.count()
    program = writer("editor", "author")
    reviewer = writer("reviewer")
    with product(fresh_db, smtp_sink) as running:
        running.start_web()
        environment = {**os.environ, "SITE": running.url, "CODE": row.code, "no_proxy": "*"}

        def run(token: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                ["bash", "-euo", "pipefail", "-c", script], env={**environment, "TOKEN": token},
                capture_output=True, text=True, timeout=120, check=False,
            )  # fmt: skip

        # An editor may not move a date, not even try: the script ends there.
        refused = run(program.token)
        assert refused.returncode != 0 and '"code":"role"' in refused.stdout
        assert Event.objects.count() == before
        done = run(reviewer.token)
        assert done.returncode == 0, done.stdout + done.stderr + running.output()
        assert '"would_say":[{"kind":"deadline_moved"' in done.stdout
        assert reviewer.token not in running.output()
    assert [event.kind for event in Event.objects.filter(seq__gt=before)] == ["evidence_added"]
    assert Deadline.objects.get().edtf == "2999-01"
    assert Assessment.objects.get().review == "submitted"
