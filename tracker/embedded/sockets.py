"""Short private directories for Unix sockets, whose paths the kernel limits to 107 bytes (103 on macOS)."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tempfile
from pathlib import Path

# The longest path that both kernels take, and the longest name that PostgreSQL puts into the directory.
LIMIT = 103
LONGEST_NAME = len("/.s.PGSQL.5432.lock")


def directory_for(home: Path, owner: tuple[int, int] | None = None) -> Path:
    """A directory (mode 0700) for the sockets of what lives in `home`: inside it, or short and in the
    system's temporary directory when that would be too long. `owner` (uid, gid) is given it when we are root."""
    place = home / "run"
    uid = os.geteuid() if owner is None else owner[0]
    if len(os.fsencode(place)) + LONGEST_NAME > LIMIT:
        digest = hashlib.sha256(os.fsencode(home.resolve())).hexdigest()[:10]
        place = Path(_short_temporary()) / f"accord-{uid}-{digest}"
    try:
        place.mkdir(mode=0o700, parents=False)
        if owner is not None:
            os.chown(place, *owner)
    except FileExistsError:
        found = place.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != uid or found.st_mode & 0o077:
            # Somebody else's directory under our name: take one that nobody can have foreseen.
            place = Path(tempfile.mkdtemp(prefix="accord-", dir=_short_temporary()))
            if owner is not None:
                os.chown(place, *owner)
    return place


def remove(place: Path, home: Path) -> None:
    """Removes a directory that had to live outside of its home; only for servers that have ended."""
    if place.parent != home:
        shutil.rmtree(place, ignore_errors=True)


def _short_temporary() -> str:
    """The system's temporary directory, or /tmp when that is too long for a socket."""
    found = tempfile.gettempdir()
    return (
        found
        if len(os.fsencode(found)) + len("/accord-4294967294-0123456789") + LONGEST_NAME <= LIMIT
        else "/tmp"
    )
