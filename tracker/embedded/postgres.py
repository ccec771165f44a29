"""A private PostgreSQL: initialised once in its home, started by our own launcher, reached by a Unix socket.

PostgreSQL refuses to run as root. There it runs as an ordinary user inside a user namespace, where the files
stay ours; where there are no namespaces it runs as `nobody`, in a home of its own that `nobody` can reach.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tracker.embedded import programs, sockets
from tracker.embedded.family import INTERPRETER, Child, Family
from tracker.embedded.programs import NoProgram, PostgresPrograms

USER = "accord"


class Postgres:
    """One cluster in `home`. `durable=False` is for tests: fast, and lost with the machine's power."""

    def __init__(self, home: Path, family: Family, *, durable: bool = True, connections: int = 60) -> None:
        self.family = family
        self.durable = durable
        self.connections = connections
        self.child: Child | None = None
        self.programs: PostgresPrograms = programs.postgres()
        self.identity, self.owner = "same", None
        home.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:
            self.identity, self.owner, home = _as_root(home)
        elif (home / "data").exists() and (home / "data").stat().st_uid != os.geteuid():
            owner = (home / "data").stat().st_uid
            raise NoProgram(
                f"the data in {home} belongs to user {owner}: start as that user, or move the directory away."
            )
        self.home = home
        self.data = home / "data"
        self.sockets = sockets.directory_for(home, self.owner)

    def url(self, database: str = "accord") -> str:
        """The address of one database, as libpq and the settings read it."""
        return f"postgresql://{USER}@/{database}?host={self.sockets}"

    def start(self, timeout: float = 60.0) -> None:
        """Initialises the cluster when it is new, starts it and waits until it takes connections.

        Raises NoProgram with the server's last words when it does not start.
        """
        if not self.data.exists():
            self._initialise()
        self._forget_dead_owner()
        self.child = self.family.start(
            "postgres",
            [str(self._program("postgres")), "-D", str(self.data), *self._settings()],
            self.home / "postgres.log" if self.owner is None else self._outer_log(),
            stop_signal=signal.SIGINT,  # a fast shutdown: sessions end, nothing is lost
            identity=self.identity,
            directory=self.home,
        )
        give_up = time.monotonic() + timeout
        while not self._is_ready():
            if not self.child.is_running() or time.monotonic() > give_up:
                raise NoProgram(f"PostgreSQL did not start: {self.child.last_words()}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Ends it with everything written."""
        if self.child is not None:
            self.family.stop(self.child, patience=20)
            self.child = None

    def remove_sockets(self) -> None:
        """Removes what a server that has ended leaves outside of its home."""
        sockets.remove(self.sockets, self.home)

    def create(self, database: str, template: str = "template0") -> None:
        """Makes a database, empty or a copy of `template` (which nobody may be connected to)."""
        import psycopg
        from psycopg import sql

        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(
                    sql.Identifier(database), sql.Identifier(template)
                )
            )

    def drop(self, database: str) -> None:
        """Removes a database and ends the sessions in it; nothing happens when there is none."""
        import psycopg
        from psycopg import sql

        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database))
            )

    def has(self, database: str) -> bool:
        """True when there is a database of that name."""
        import psycopg

        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            row = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone()
        return row is not None

    def _settings(self) -> list[str]:
        """The server's settings; small, since it shares the machine with everything else."""
        settings = {
            "listen_addresses": "",
            "port": "5432",
            "unix_socket_directories": str(self.sockets),
            "unix_socket_permissions": "0700",
            "max_connections": str(self.connections),
            "shared_buffers": "48MB",
            "huge_pages": "off",
            "jit": "off",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "lc_messages": "C",
            "log_min_messages": "warning",
        }
        if self.programs.major >= 18:
            settings["io_method"] = "sync"  # no worker processes for a database of a few megabytes
        if not self.durable:
            settings |= {
                "fsync": "off",
                "synchronous_commit": "off",
                "full_page_writes": "off",
                "wal_level": "minimal",
                "max_wal_senders": "0",
                "autovacuum": "off",
                "max_wal_size": "2GB",
                "checkpoint_timeout": "1h",
            }
        return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]

    def _initialise(self) -> None:
        """Runs initdb into a neighbour and renames it: an interrupted one is never taken for a cluster."""
        unfinished = self.home / "data.new"
        if unfinished.exists():
            shutil.rmtree(unfinished)
        locale = ["--locale=C.UTF-8"]  # what 15 and 16 have of it
        if self.programs.major >= 17:
            locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        command = [
            str(self._program("initdb")), "-D", str(unfinished), "-U", USER, "-E", "UTF8", *locale,
            "--auth=trust", *([] if self.durable else ["--no-sync"]),
        ]  # fmt: skip
        log = self._outer_log("initdb.log")
        child = self.family.start("initdb", command, log, identity=self.identity, directory=self.home)
        code = child.process.wait()
        self.family.forget(child)
        if code:
            raise NoProgram(f"PostgreSQL's data directory could not be made: {child.last_words()}")
        unfinished.rename(self.data)

    def _program(self, name: str) -> Path:
        """One of the binaries, where the user that will run it can reach it."""
        found = self.programs.bin / name
        if self.owner is None or programs.is_reachable_by_all(self.programs.bin):
            return found
        package = self.programs.bin.parent.parent
        copy = self.home / f"postgresql-{self.programs.major}"
        if not copy.exists():
            unfinished = self.home / "postgresql.new"
            shutil.rmtree(unfinished, ignore_errors=True)
            # Both side by side, since the binaries look for their libraries relative to themselves.
            shutil.copytree(package, unfinished / package.name, symlinks=True)
            libraries = package.with_name(f"{package.name}.libs")
            if libraries.exists():
                shutil.copytree(libraries, unfinished / libraries.name, symlinks=True)
            for path in [unfinished, *unfinished.rglob("*")]:
                if not path.is_symlink():
                    path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
            unfinished.rename(copy)
        return copy / package.name / "pginstall" / "bin" / name

    def _outer_log(self, name: str = "postgres.log") -> Path:
        """A log that we open ourselves, before the program becomes another user."""
        return self.home / name

    def _is_ready(self) -> bool:
        """True when the server has written that it takes connections into its pid file."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return bool(
            self.child and len(lines) > 7 and lines[0] == str(self.child.pid) and lines[7].strip() == "ready"
        )

    def _forget_dead_owner(self) -> None:
        """Removes a pid file left by a crash when its number now belongs to something else (as after a
        restart of a container): PostgreSQL would take that for itself and refuse to start."""
        path = self.data / "postmaster.pid"
        try:
            pid = int(path.read_text().split()[0])
        except (OSError, ValueError, IndexError):
            return
        done = (
            subprocess.run(["ps", "-p", str(pid), "-o", "comm="], capture_output=True, text=True, check=False)
            if sys.platform != "linux"
            else None
        )
        if done is not None:
            name = done.stdout.strip()
        else:
            try:
                name = Path(f"/proc/{pid}/comm").read_text().strip()
            except OSError:
                name = ""
        if "postgres" not in name:
            path.unlink(missing_ok=True)


def _as_root(home: Path) -> tuple[str, tuple[int, int] | None, Path]:
    """How root runs PostgreSQL: identity, owner of the files (None: ours), and the home to use.

    Data that exists decides: what `nobody` owns goes on as `nobody`.
    """
    nobody_home = _home_for_nobody(home)
    can_enter = sys.platform == "linux" and (
        subprocess.run([*INTERPRETER, "probe"], capture_output=True, check=False).returncode == 0
    )
    if can_enter and not (nobody_home / "data").exists():
        return "namespace", None, home
    try:
        user = pwd.getpwnam("nobody")
    except KeyError:
        raise NoProgram(
            "PostgreSQL refuses to run as root, and there is no user nobody: start as an ordinary user, "
            "or set DATABASE_URL."
        ) from None
    owner = (user.pw_uid, user.pw_gid)
    try:
        nobody_home.mkdir(mode=0o700, exist_ok=True)
        if nobody_home.is_symlink() or nobody_home.stat().st_uid not in {0, owner[0]}:
            raise NoProgram(f"{nobody_home} belongs to somebody else: move it away, or set DATABASE_URL.")
        os.chown(nobody_home, *owner)
    except OSError as error:
        raise NoProgram(
            f"PostgreSQL refuses to run as root, and {nobody_home} cannot be given to nobody "
            f"({error.strerror}): "
            "start as an ordinary user, or set DATABASE_URL."
        ) from error
    if (home / "data").exists() and not (nobody_home / "data").exists():
        # Made where namespaces worked; here they do not.
        shutil.move(home / "data", nobody_home / "data.moving")
        for path in [nobody_home / "data.moving", *(nobody_home / "data.moving").rglob("*")]:
            os.chown(path, *owner, follow_symlinks=False)
        (nobody_home / "data.moving").rename(nobody_home / "data")
    return f"{owner[0]}:{owner[1]}", owner, nobody_home


def _home_for_nobody(home: Path) -> Path:
    """A directory that `nobody` can reach, the same one for the same home; not one that a restart empties."""
    digest = hashlib.sha256(os.fsencode(home.resolve())).hexdigest()[:12]
    kept = Path("/var/tmp")
    return (kept if kept.is_dir() else Path(tempfile.gettempdir())) / f"accord-postgres-{digest}"
