"""The environment is built from the locks, repairs itself, and touches nothing that is not ours."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.servers import ROOT
from tracker import bootstrap
from tracker.bootstrap import STAMP, Refusal

pytestmark = pytest.mark.processes
# One start in a process of its own.
PROGRAM = (
    "import sys; from pathlib import Path; from tracker import bootstrap; "
    "bootstrap.build('runtime', Path(sys.argv[1]))"
)


def make_wheel(directory: Path, name: str) -> str:
    """A tiny package as a wheel; returns its line in a lock."""
    info = f"{name}-1.0.dist-info"
    files = {
        f"{name}.py": "ANSWER = 42\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = ""
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        record += f"{path},sha256={digest},{len(text)}\n"
    files[f"{info}/RECORD"] = record + f"{info}/RECORD,,\n"
    directory.mkdir(exist_ok=True)
    wheel = directory / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return f"{name}==1.0 --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Locks that name three tiny packages, and their wheels."""
    place = tmp_path_factory.mktemp("source")
    (place / "requirements").mkdir()
    for name, package in (("runtime", "tinyrun"), ("embedded", "tinyserver"), ("dev", "tinycheck")):
        (place / "requirements" / f"{name}.txt").write_text(make_wheel(place / "wheels", package))
    return place


@pytest.fixture
def clone(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone with those locks, whose packages pip finds without a network."""
    lead_pip_to(source, tmp_path, monkeypatch)
    root = tmp_path / "clone"
    shutil.copytree(source / "requirements", root / "requirements")
    return root


@pytest.fixture(scope="module")
def first_build(source: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A clone that two starts have built at once, and what they said. Built once: copying is quicker."""
    root = tmp_path_factory.mktemp("built")
    shutil.copytree(source / "requirements", root / "requirements")
    with pytest.MonkeyPatch.context() as monkeypatch:
        lead_pip_to(source, root, monkeypatch)
        starts = [
            subprocess.Popen(
                [sys.executable, "-c", PROGRAM, str(root)], cwd=ROOT, stderr=subprocess.PIPE, text=True
            )
            for _ in range(2)
        ]
        said = "".join(start.communicate()[1] for start in starts)
    assert [start.returncode for start in starts] == [0, 0], said
    return root, said


@pytest.fixture
def built(first_build: tuple[Path, str], clone: Path) -> Path:
    """A clone with its environment, set `runtime`."""
    shutil.copytree(first_build[0] / ".venv", clone / ".venv", symlinks=True)
    assert bootstrap.is_complete("runtime", clone)
    return clone


def lead_pip_to(source: Path, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """pip sees the tiny wheels and nothing else, and what would lead it astray must not."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(source / "wheels"))
    monkeypatch.setenv("PIP_TARGET", str(place / "astray"))


def answers(root: Path, package: str) -> bool:
    """True when the environment's Python can use the package."""
    program = f"import {package}; raise SystemExit({package}.ANSWER != 42)"
    python = str(bootstrap.venv_python(root))
    return subprocess.run([python, "-c", program], capture_output=True, check=False).returncode == 0


def test_sets_grow_and_never_shrink_and_a_complete_one_is_left_alone(built: Path, tmp_path: Path) -> None:
    assert (answers(built, "tinyrun"), answers(built, "tinycheck")) == (True, False)
    bootstrap.build("test", built)
    assert answers(built, "tinycheck")
    before = (built / ".venv" / STAMP).stat().st_mtime_ns
    bootstrap.build("demo", built)
    assert (built / ".venv" / STAMP).stat().st_mtime_ns == before
    assert json.loads((built / ".venv" / STAMP).read_text())["set"] == "test"
    assert not (tmp_path / "astray").exists()


def test_a_changed_lock_is_installed(built: Path) -> None:
    lock = built / "requirements" / "runtime.txt"
    lock.write_text(lock.read_text() + (built / "requirements" / "dev.txt").read_text())
    assert not bootstrap.is_complete("runtime", built)
    bootstrap.build("runtime", built)
    assert bootstrap.is_complete("runtime", built)
    assert answers(built, "tinycheck")


def test_another_python_means_a_new_one_and_an_install_interrupted_anywhere_repairs_itself(
    built: Path,
) -> None:
    venv = built / ".venv"
    stamp = venv / STAMP
    stamp.write_text(json.dumps({**json.loads(stamp.read_text()), "python": "cpython 3.4 elsewhere"}))
    (venv / "left-over").write_text("of the other Python")
    moments: list[Callable[[], bool]] = [
        lambda: not (venv / "left-over").exists(),
        (venv / "pyvenv.cfg").exists,
        (venv / "bin" / "pip").exists,
    ]
    for moment in moments:
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(built)],
            cwd=ROOT,
            start_new_session=True,
            stderr=subprocess.DEVNULL,
        )
        wait_for(moment)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert not bootstrap.is_complete("runtime", built)
    bootstrap.build("runtime", built)
    assert bootstrap.is_complete("runtime", built)
    assert answers(built, "tinyrun")
    assert not (venv / "left-over").exists()


def wait_for(condition: Callable[[], bool]) -> None:
    """Returns when the condition holds; fails after a minute."""
    give_up = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.005)


def test_an_environment_of_somebody_else_is_refused_and_left_alone(clone: Path, tmp_path: Path) -> None:
    venv = clone / ".venv"
    venv.mkdir()
    (venv / "pyvenv.cfg").write_text("home = /elsewhere\n")
    with pytest.raises(Refusal, match="is not ours"):
        bootstrap.build("runtime", clone)
    assert [path.name for path in venv.iterdir()] == ["pyvenv.cfg"]
    (venv / "pyvenv.cfg").unlink()
    venv.rmdir()
    (tmp_path / "elsewhere").mkdir()
    venv.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Refusal, match="is not ours"):
        bootstrap.build("runtime", clone)
    venv.unlink()
    venv.write_text("a file")
    with pytest.raises(Refusal, match="is not ours"):
        bootstrap.build("runtime", clone)
    assert venv.read_text() == "a file"


def test_a_package_that_is_not_the_locked_one_is_refused(built: Path, source: Path) -> None:
    lock = built / "requirements" / "dev.txt"
    good = lock.read_text()
    lock.write_text(
        re.sub(r"sha256:..", "sha256:00", good) if "sha256:00" not in good else good[:-3] + "11\n"
    )
    with pytest.raises(Refusal, match=r"(?i)hash"):
        bootstrap.build("test", built)
    assert not bootstrap.is_complete("test", built)
    lock.write_text(good)
    bootstrap.build("test", built)
    assert answers(built, "tinycheck")


def test_two_starts_at_once_build_it_once(first_build: tuple[Path, str]) -> None:
    root, said = first_build
    assert bootstrap.is_complete("runtime", root)
    assert said.count("Installing 1 packages") == 1


def test_a_missing_module_is_named_with_its_package(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec

    def without(name: str, package: str | None = None) -> object:
        return None if name == "ensurepip" else real(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", without)
    with pytest.raises(Refusal, match=r"python3\.\d+-venv"):
        bootstrap.build("runtime", clone)
    assert not (clone / ".venv").exists()


def test_a_platform_without_wheels_is_told_what_to_set(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    with pytest.raises(Refusal, match=r"ACCORD_USE_THIS_PYTHON=1, DATABASE_URL and REDIS_URL"):
        bootstrap.build("runtime", clone)
    assert not (clone / ".venv").exists()
