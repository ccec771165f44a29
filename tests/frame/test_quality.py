"""Lint, format, types and import contracts are tests, so that one command tells everything."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
BIN = Path(sys.prefix) / "bin"
pytestmark = pytest.mark.processes
CHECKS = {
    "ruff finds nothing": ["ruff", "check", "--output-format", "concise", "."],
    "the code is formatted": ["ruff", "format", "--check", "."],
    "the types hold": ["mypy", "."],
    "the rooms import only downwards": ["lint-imports"],
    "the templates are clean": ["djlint", "--lint", "--quiet", "tracker", "commitments", "notifications"],
}


@pytest.mark.parametrize("fact", CHECKS)
def test_the_code_is_in_order(fact: str) -> None:
    program, *arguments = CHECKS[fact]
    # By module where the script's first line names a Python: a clone that was moved still finds its own.
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1", "COLUMNS": "160"}
    script = BIN / program
    command = [str(script)] if program == "ruff" else [sys.executable, str(script)]
    done = subprocess.run(
        [*command, *arguments], cwd=ROOT, capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, f"{fact}? No:\n{(done.stdout + done.stderr)[-6000:]}"


def test_the_locks_were_made_from_the_lists() -> None:
    """Every direct requirement is pinned in its lock, and every pin has hashes."""
    for name in ("runtime", "embedded", "dev"):
        lock = (ROOT / "requirements" / f"{name}.txt").read_text()
        pins = [line for line in lock.splitlines() if line[:1].isalnum()]
        assert pins
        assert all("==" in line for line in pins)
        blocks = lock.replace("\\\n", " ").splitlines()
        assert all("--hash=sha256:" in line for line in blocks if line[:1].isalnum())
        names = {line.split("==")[0].lower().split("[")[0] for line in pins}
        for line in (ROOT / "requirements" / f"{name}.in").read_text().splitlines():
            if line[:1].isalpha():
                wanted = line.split(";")[0].split("#")[0].split(">")[0].split("<")[0].split("=")[0]
                bare = wanted.split("[")[0].strip().lower().replace("_", "-")
                assert bare in names, f"{bare} stands in {name}.in and not in {name}.txt"


def test_every_direct_dependency_has_its_reason() -> None:
    reasons = (ROOT / "docs" / "decisions" / "dependencies.md").read_text().lower()
    for name in ("runtime", "embedded", "dev"):
        for line in (ROOT / "requirements" / f"{name}.in").read_text().splitlines():
            if found := re.match(r"[A-Za-z][\w-]*", line):
                package = "types-" if found[0].startswith("types-") else found[0].lower()
                assert package in reasons, f"{found[0]} has no reason in docs/decisions/dependencies.md"
