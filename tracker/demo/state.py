"""What a demo keeps between starts, in one private directory: the lock, the secrets, the running environment."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import secrets
import shutil
import time
from pathlib import Path

from tracker.bootstrap import ROOT, Refusal

# Accounts of the demo, and the role of each.
ACCOUNTS = {"editor": "editor", "reviewer": "reviewer", "administrator": "administrator"}
# What the record calls each of them, and where the staff's reminders go: to the catcher, like every mail of a demo.
OFFICES = {
    "editor": "Editors' desk (demo)",
    "reviewer": "Reviewers' desk (demo)",
    "administrator": "Secretariat (demo)",
}
MAILBOXES = {name: f"{name}@demo.example" for name in ACCOUNTS}
# Letters that are not mistaken for one another when typed from a screen.
LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"
# How long (seconds) a start waits for the rest of a demo that was killed a moment ago.
PATIENCE = 20.0


def home() -> Path:
    """The demo's directory: `.demo` in the clone, or what ACCORD_DEMO_HOME names."""
    return Path(os.environ.get("ACCORD_DEMO_HOME") or ROOT / ".demo").absolute()


def open_home() -> Path:
    """Makes the directory (mode 0700); raises Refusal when it is somebody else's or cannot be written."""
    place = home()
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        owner = place.stat().st_uid
        if owner != os.geteuid():
            raise Refusal(f"{place} belongs to user {owner}: start the demo as that user, or move it away.")
        place.chmod(0o700)
    except OSError as error:
        raise Refusal(f"{place} cannot be used: {error.strerror}.") from error
    return place


def take_lock(place: Path) -> int:
    """Takes the clone's lock and returns its descriptor; raises Refusal that names the demo that holds it.

    The watchdog holds the same lock until every process of the demo has ended, so a start right after a
    `kill -9` waits for the rest of it.
    """
    handle = os.open(place / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    give_up = time.monotonic() + PATIENCE
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = _read_lock(place)
            if _is_alive(holder.get("pid")) or time.monotonic() > give_up:
                os.close(handle)
                raise Refusal(
                    f"a demo of this clone is already running at {holder.get('url', 'an unknown address')} "
                    f"(process {holder.get('pid', 'unknown')}): end it first."
                ) from None
            time.sleep(0.1)
        else:
            return handle


def write_lock(handle: int, url: str) -> None:
    """Names the running demo in the lock file."""
    os.ftruncate(handle, 0)
    os.pwrite(handle, json.dumps({"pid": os.getpid(), "url": url}).encode(), 0)


def _read_lock(place: Path) -> dict[str, object]:
    """What the lock file says of its holder; empty when it says nothing."""
    try:
        found = json.loads((place / "lock").read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _is_alive(pid: object) -> bool:
    """True when there is such a process."""
    if not isinstance(pid, int):
        return True  # it holds the lock and has not written its name yet
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def empty(place: Path) -> None:
    """Removes everything but the lock; the lock is ours by now."""
    for entry in place.iterdir():
        if entry.name == "lock":
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def read_secrets(place: Path) -> dict[str, str]:
    """The key and the accounts' passwords: random, made at the first start, the same at every later one."""
    path = place / "secrets.json"
    try:
        found: dict[str, str] = json.loads(path.read_text())
        if "CHECKPOINT_KEY" in found:
            return found
    except (OSError, ValueError):
        found = {}
    made = {
        "SECRET_KEY": secrets.token_urlsafe(64),
        "CHECKPOINT_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
    }
    made |= {name: "-".join(_word() for _ in range(4)) for name in ACCOUNTS}
    made |= found
    _write_private(path, made)
    return made


def _word() -> str:
    """Four random letters; four words have 80 bits."""
    return "".join(secrets.choice(LETTERS) for _ in range(4))


def write_environment(place: Path, environment: dict[str, str]) -> None:
    """Lets other commands of this clone find the servers."""
    _write_private(place / "environment.json", environment)


def forget_environment(place: Path) -> None:
    """Takes that back."""
    (place / "environment.json").unlink(missing_ok=True)


def running_environment() -> dict[str, str] | None:
    """The settings of this clone's running demo; None when none runs."""
    place = home()
    try:
        handle = os.open(place / "lock", os.O_RDWR)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        try:
            found: dict[str, str] = json.loads((place / "environment.json").read_text())
        except (OSError, ValueError):
            return None
        return found if _is_alive(_read_lock(place).get("pid")) else None
    finally:
        os.close(handle)
    return None


def _write_private(path: Path, content: dict[str, str]) -> None:
    """Writes JSON that only its owner can read, whole or not at all."""
    waiting = path.with_suffix(".new")
    waiting.unlink(missing_ok=True)
    with os.fdopen(os.open(waiting, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
        json.dump(content, handle, indent=1)
    waiting.replace(path)
