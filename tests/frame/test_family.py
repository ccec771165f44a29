"""Processes of a family never outlive the one that started them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.servers import ROOT
from tracker.embedded.family import Family

# Starts two children, one of which has waived the kernel's signal and has a child of its own, and waits.
PARENT = """
import sys, time
from pathlib import Path
from tracker.embedded.family import Family
family = Family()
log = Path(sys.argv[1]) / "log"
family.start("plain", [sys.executable, "-c", "import time; time.sleep(600)"], log)
family.start("stubborn", [sys.executable, "-c", '''
import ctypes, signal, subprocess, sys, time
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, 0, 0, 0, 0)
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print("ready", flush=True)
time.sleep(600)
'''], log)
print(*(child.pid for child in family.children), flush=True)
time.sleep(600)
"""


def is_alive(pid: int) -> bool:
    """True while a process runs; one that is dead and not collected does not."""
    done = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return done.returncode == 0 and not done.stdout.strip().startswith("Z")


def members(group: int) -> list[int]:
    """The living processes of a process group."""
    done = subprocess.run(["ps", "-eo", "pid=,pgid=,stat="], capture_output=True, text=True, check=True)
    rows = [line.split() for line in done.stdout.splitlines()]
    return [int(pid) for pid, pgid, stat in rows if int(pgid) == group and not stat.startswith("Z")]


def wait_until(condition: Callable[[], bool], seconds: float = 15) -> bool:
    """True as soon as the condition holds; False after so many seconds."""
    give_up = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > give_up:
            return False
        time.sleep(0.05)
    return True


@pytest.mark.processes
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_parent_leaves_no_child_and_no_grandchild(tmp_path: Path, how: int) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert parent.stdout is not None
    groups = [int(pid) for pid in parent.stdout.readline().split()]
    assert len(groups) == 2
    assert wait_until(lambda: len(members(groups[1])) == 2)
    parent.send_signal(how)
    parent.wait()
    assert wait_until(lambda: not any(members(group) for group in groups))


def test_stopping_ends_the_whole_group_even_one_that_will_not_listen(tmp_path: Path) -> None:
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
    with Family() as family:
        child = family.start("deaf", [sys.executable, "-c", deaf], tmp_path / "log")
        assert wait_until(lambda: "deaf" in (tmp_path / "log").read_text())
        family.stop(child, patience=0.3)
        assert not is_alive(child.pid)
        assert family.children == []


def test_what_a_failed_child_said_last_can_be_told(tmp_path: Path) -> None:
    with Family() as family:
        child = family.start("sad", [sys.executable, "-c", "raise SystemExit('no luck')"], tmp_path / "log")
        child.process.wait()
        assert "no luck" in child.last_words()
        assert not child.is_running()
