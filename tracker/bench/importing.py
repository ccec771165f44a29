"""`bench import`: a table of many rows, entered by import_commitments in a process of its own."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path

from commitments.models import Commitment, Deadline
from tracker.bench import data
from tracker.bench.measuring import Figure, seconds

HEADERS = ("Code", "Title", "Назва", "件名", "Summary", "Kind", "Responsible party", "Deadline", "Notes")
DEADLINES = ("2025-23", "2027-03", "as soon as possible", "2026-12-31")
_CHILD = """
import resource, sys
import django
django.setup()
from django.core.management import call_command
call_command("import_commitments", sys.argv[1], accord="BENCH", stdout=sys.stderr)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def arguments(parser: ArgumentParser) -> None:
    """What may be asked."""
    parser.add_argument("--rows", type=int, default=10_000, help="rows of the table (default: 10,000)")


def _write(path: Path, rows: int) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(HEADERS)
        for number in range(rows):
            table.writerow(
                (
                    f"T-{number}", f"Deliver item {number}", f"Поставити предмет {number}", f"項目{number}の引渡し",
                    "A sentence of our own that says what this is and who does it. " * 2, "deliverable",
                    "AAA; BBB", DEADLINES[number % len(DEADLINES)], "A caution",
                )
            )  # fmt: skip


def figures(asked: Namespace) -> Iterator[Figure]:
    """Seconds and memory, each against its goal."""
    data.an_accord()
    with tempfile.TemporaryDirectory(prefix="accord-bench-") as home:
        table = Path(home) / "table.csv"
        _write(table, asked.rows)
        told: list[str] = []

        def enter() -> None:
            command = [sys.executable, "-c", _CHILD, str(table)]
            done = subprocess.run(command, capture_output=True, text=True, env=dict(os.environ), check=True)
            told.append(done.stdout)

        taken = seconds(enter)
    entered = Commitment.objects.exclude(code="B-0").count()
    dated = Deadline.objects.exclude(commitment__code="B-0").count()
    is_whole = entered == dated == asked.rows
    yield Figure(
        "rows that stand in the record, each with its deadline", f"{entered:,}", f"{asked.rows:,}", is_whole
    )
    yield Figure(f"{asked.rows:,} rows imported", f"{taken:.1f} s", "<= 60 s", taken <= 60)
    # Linux counts in KiB, macOS in bytes.
    peak = int(told[0].split()[-1]) / (1_000_000 if sys.platform == "darwin" else 1024)
    yield Figure("memory of the process at its peak", f"{peak:.0f} MB", "< 300 MB", peak < 300)
