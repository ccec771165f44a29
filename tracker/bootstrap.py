"""Builds `.venv` from the locked requirements and hands the command on to it; standard library only.

`.venv` is ours when it holds our mark, written first; it is complete when it holds our stamp, written last:
the set of requirements, the hash of their locks, and the Python it was built for. Anything else that bears
the name is refused and never touched. An interrupted install has a mark and no stamp, and is built anew.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MARK = ".made-by-accord-tracker"
STAMP = ".complete.json"

# What each kind of command needs. A larger set contains the smaller ones.
SETS: dict[str, tuple[str, ...]] = {
    "runtime": ("runtime",),
    "demo": ("runtime", "embedded"),
    "test": ("runtime", "embedded", "dev"),
}
# Variables that would make pip write somewhere else, build from source, or import from elsewhere.
UNWANTED = (
    "PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_NO_BINARY", "PIP_ONLY_BINARY",
    "PIP_REQUIRE_VIRTUALENV", "PIP_REQUIREMENT", "PIP_CONSTRAINT", "PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV",
    "__PYVENV_LAUNCHER__",
)  # fmt: skip


class Refusal(Exception):
    """Why we stop, in one line that says what to do; the command ends with exit code 1."""


def main(argv: list[str]) -> int:
    """Runs one command line. Returns the exit code; never shows a trace for what a person can put right."""
    command = argv[1] if len(argv) > 1 else "help"
    try:
        hand_over(
            argv, {"demo": "demo", "bench": "test", "faults": "test", "test": "test"}.get(command, "runtime")
        )
        # From here on the packages are there.
        from tracker import front

        return front.run(command, argv)
    except Refusal as refusal:
        print(f"manage.py {command}: {refusal}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def hand_over(argv: list[str], wanted: str) -> None:
    """Makes sure that this process runs on the packages of `wanted`; replaces it by one that does if not.

    `demo` and `test` always run on `.venv`. Other commands take what the running Python has, since in
    production the packages are installed with it. ACCORD_USE_THIS_PYTHON=1 takes it for every command.
    """
    if os.environ.get("ACCORD_USE_THIS_PYTHON") == "1":
        if importlib.util.find_spec("django") is None:
            raise Refusal(
                "ACCORD_USE_THIS_PYTHON=1 is set, but this Python has no Django: "
                "install the files of requirements/, or unset it."
            )
        return
    inside = Path(sys.prefix).resolve() == venv_path().resolve()
    if wanted == "runtime" and not inside and importlib.util.find_spec("django") is not None:
        return
    build(wanted)
    if not inside:
        env = {key: value for key, value in os.environ.items() if key not in UNWANTED}
        sys.stdout.flush()
        os.execve(venv_python(), [str(venv_python()), str(ROOT / "manage.py"), *argv[1:]], env)


def venv_path(root: Path = ROOT) -> Path:
    """Where the packages of this clone live."""
    return root / ".venv"


def venv_python(root: Path = ROOT) -> Path:
    """The Python that has them."""
    return venv_path(root) / "bin" / "python"


def lock_hash(wanted: str, root: Path = ROOT) -> str:
    """SHA-256 over the locked files of a set."""
    digest = hashlib.sha256()
    for name in SETS[wanted]:
        digest.update((root / "requirements" / f"{name}.txt").read_bytes())
    return digest.hexdigest()


def this_python() -> str:
    """What a compiled package depends on: implementation, version, platform."""
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    return f"{sys.implementation.name} {version} {sysconfig.get_platform()}"


def read_stamp(root: Path = ROOT) -> dict[str, str]:
    """What the environment says of itself; empty when it is not complete."""
    try:
        stamp = json.loads((venv_path(root) / STAMP).read_text())
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def is_complete(wanted: str, root: Path = ROOT) -> bool:
    """True when the environment holds at least the wanted set, from these locks, for this Python."""
    stamp = read_stamp(root)
    have = stamp.get("set", "")
    if have not in SETS or not set(SETS[wanted]) <= set(SETS[have]):
        return False
    return (
        stamp.get("lock") == lock_hash(have, root)
        and stamp.get("python") == this_python()
        and os.access(venv_python(root), os.X_OK)
    )


def build(wanted: str, root: Path = ROOT) -> None:
    """Brings `.venv` to the wanted set; does nothing when it is there. Raises Refusal, and then it is as
    before or without a stamp, so that the next start repairs it."""
    venv = venv_path(root)
    refuse_foreign(venv)
    if is_complete(wanted, root):
        return
    refuse_unsupported()
    with only_one(root):
        if is_complete(wanted, root):  # another start has done it while we waited
            return
        have = read_stamp(root)
        # What was installed for the larger set stays wanted: a demo after a test must not undo it.
        if have.get("set") in SETS and len(SETS[have["set"]]) > len(SETS[wanted]):
            wanted = have["set"]
        if have.get("python") != this_python() or not os.access(venv_python(root), os.X_OK):
            make_empty(venv)
        (venv / STAMP).unlink(missing_ok=True)
        install(wanted, root)
        write_stamp(wanted, root)


def refuse_foreign(venv: Path) -> None:
    """Raises Refusal when something that we did not make bears the name."""
    if not venv.exists() and not venv.is_symlink():
        return
    if venv.is_symlink() or not venv.is_dir() or (any(venv.iterdir()) and not (venv / MARK).exists()):
        raise Refusal(
            f"{venv} is not ours, so it is left alone: move it away, "
            "or set ACCORD_USE_THIS_PYTHON=1 to run on the packages of this Python."
        )
    if not os.access(venv, os.W_OK) and not (venv / STAMP).exists():
        raise Refusal(f"{venv} is incomplete and cannot be written by this user.")


def refuse_unsupported() -> None:
    """Raises Refusal where the locked packages have no wheel, or the venv module is missing."""
    machine = platform.machine().lower()
    libc, version = platform.libc_ver()
    old = libc == "glibc" and tuple(int(part) for part in version.split(".")[:2] if part.isdigit()) < (2, 28)
    supported = (
        sys.platform in {"linux", "darwin"}
        and machine in {"x86_64", "aarch64", "arm64"}
        and sys.implementation.name == "cpython"
        and (sys.platform == "darwin" or (libc == "glibc" and not old))
    )
    if not supported:
        raise Refusal(
            f"no built packages for {sysconfig.get_platform()} {libc} {version}".rstrip()
            + ": use docker compose, or install requirements/runtime.in yourself and set "
            "ACCORD_USE_THIS_PYTHON=1, DATABASE_URL and REDIS_URL."
        )
    missing = [name for name in ("venv", "ensurepip") if importlib.util.find_spec(name) is None]
    if missing:
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        raise Refusal(
            f"this Python has no {' and no '.join(missing)} module: "
            f"install the package python{version}-venv (Debian, Ubuntu), or a complete Python."
        )


@contextmanager
def only_one(root: Path) -> Iterator[None]:
    """One build at a time in a clone: a lock on its directory, which the kernel frees when we die."""
    handle = os.open(root, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say("Another command is installing the packages; waiting for it ...")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def make_empty(venv: Path) -> None:
    """A fresh environment in a directory that is ours; raises Refusal with the reason."""
    say(f"Making the environment {venv.name} for {this_python()} ...")
    try:
        venv.mkdir(exist_ok=True)
        (venv / MARK).write_text("manage.py may empty and rebuild this directory.\n")
        # Emptied by hand: `venv --clear` would take the mark along, and whoever is interrupted then
        # would find a directory that is nobody's.
        for entry in venv.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            elif entry.name != MARK:
                entry.unlink()
    except OSError as error:
        raise Refusal(f"{error.filename or venv} cannot be written: {error.strerror}.") from error
    base = getattr(sys, "_base_executable", None) or sys.executable
    run_quietly([base, "-m", "venv", "--without-pip", str(venv)], "the environment", venv)
    run_quietly([str(venv / "bin" / "python"), "-m", "ensurepip", "--default-pip"], "pip", venv)


def install(wanted: str, root: Path) -> None:
    """Installs a set, wheels only, hashes checked; raises Refusal with pip's last words."""
    files = [root / "requirements" / f"{name}.txt" for name in SETS[wanted]]
    pins = {
        line.split("==")[0] for path in files for line in path.read_text().splitlines() if line[:1].isalnum()
    }
    say(f"Installing {len(pins)} packages of the set '{wanted}' (hashes checked, wheels only) ...")
    command = [
        str(venv_python(root)), "-m", "pip", "install", "--no-input", "--disable-pip-version-check",
        "--require-hashes", "--only-binary=:all:", "--no-warn-script-location", "--progress-bar=off",
        "--no-compile", *(part for path in files for part in ("-r", str(path))),
    ]  # fmt: skip
    seen = 0
    tail: list[str] = []
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=clean_environment()
    )
    assert process.stdout is not None
    try:
        for line in process.stdout:
            tail = [*tail[-30:], line.strip()]
            if line.startswith(("Collecting ", "Requirement already satisfied")):
                seen += 1
                show_progress(min(seen, len(pins)), len(pins))
            elif line.startswith("Installing collected"):
                show_progress(len(pins), len(pins), " fetched, unpacking")
    except BaseException:
        process.terminate()
        process.wait()
        raise
    end_progress()
    if process.wait() != 0:
        errors = [line for line in tail if line.startswith("ERROR")] or tail[-1:]
        raise Refusal(f"the packages could not be installed: {' '.join(errors)[:500] or 'pip failed'}")


def write_stamp(wanted: str, root: Path) -> None:
    """The last thing of all: from now on the environment is complete."""
    stamp = {"set": wanted, "lock": lock_hash(wanted, root), "python": this_python()}
    waiting = venv_path(root) / f"{STAMP}.new"
    waiting.write_text(json.dumps(stamp, indent=1) + "\n")
    waiting.replace(venv_path(root) / STAMP)


def run_quietly(command: list[str], what: str, venv: Path) -> None:
    """One step whose output matters only when it fails; raises Refusal with its last line."""
    done = subprocess.run(command, capture_output=True, text=True, env=clean_environment(), check=False)
    if done.returncode:
        last = ((done.stderr or done.stdout).strip().splitlines() or ["no reason given"])[-1]
        raise Refusal(f"{what} in {venv} could not be made: {last}")


def clean_environment() -> dict[str, str]:
    """The environment without what would lead pip astray."""
    return {key: value for key, value in os.environ.items() if key not in UNWANTED}


def say(line: str) -> None:
    """One line of progress; on the error stream, so that a command's own output stays clean."""
    print(line, file=sys.stderr, flush=True)


def show_progress(done: int, of: int, what: str = "") -> None:
    """A line that is rewritten on a terminal; one in twenty steps elsewhere."""
    if sys.stderr.isatty():
        print(f"\r  {done} of {of}{what}  ", end="", file=sys.stderr, flush=True)
    elif done % 20 == 0 or what:
        say(f"  {done} of {of}{what}")


def end_progress() -> None:
    """Ends the rewritten line."""
    if sys.stderr.isatty():
        print(file=sys.stderr, flush=True)
