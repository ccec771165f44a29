"""Where a command goes once the packages are there: the demo, the tests, the fault bench, or Django."""

from __future__ import annotations

import os
import secrets
import sys
from typing import NoReturn

from tracker.bootstrap import ROOT, Refusal, say

# Commands that never look at the data: they get along without any server.
WITHOUT_SERVERS = {
    "help",
    "--help",
    "-h",
    "version",
    "--version",
    "makemigrations",
    "makemessages",
    "compilemessages",
}


def run(command: str, argv: list[str]) -> int:
    """Runs one command; returns its exit code. Raises Refusal for what a person can put right."""
    if command == "demo":
        from tracker import demo

        return demo.main(argv[2:])
    if command == "faults":
        run_faults(argv[2:])
    if command == "test":
        run_tests(argv[2:])
    if command == "bench":
        # A process of its own: it configures Django for its private server.
        os.chdir(ROOT)
        os.execve(sys.executable, [sys.executable, "-m", "tracker.bench", *argv[2:]], dict(os.environ))
    return run_django(command, argv)


def run_tests(arguments: list[str]) -> NoReturn:
    """The whole suite, or what the arguments for pytest choose; a few processes unless `-n` says otherwise."""
    few = str(max(2, min(4, os.cpu_count() or 2)))
    has_own = any(part.startswith(("-n", "--numprocesses", "--dist")) for part in arguments)
    # A file at a time, in the order that conftest gives: what a file prepares is prepared once.
    workers = [] if has_own else ["-n", few, "--dist", "loadscope", "--no-loadscope-reorder"]
    # What the caller's environment says of servers and settings is nothing to the tests.
    hidden = ("DJANGO_SETTINGS_MODULE", "DATABASE_URL", "REDIS_URL", "PYTEST_ADDOPTS")
    environment = {key: value for key, value in os.environ.items() if key not in hidden}
    # In our place, so that whoever ends this command ends the tests, and with them their servers.
    os.chdir(ROOT)
    os.execve(sys.executable, [sys.executable, "-m", "pytest", *workers, *arguments], environment)


def run_faults(arguments: list[str]) -> NoReturn:
    """The fault bench, on servers of its own; it lives with the tests and needs their packages."""
    hidden = ("DJANGO_SETTINGS_MODULE", "DATABASE_URL", "REDIS_URL")
    environment = {key: value for key, value in os.environ.items() if key not in hidden}
    os.chdir(ROOT)
    os.execve(sys.executable, [sys.executable, "-m", "tests.faults.command", *arguments], environment)


def run_django(command: str, argv: list[str]) -> int:
    """A Django command, on the servers of the environment or else of this clone's running demo."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tracker.settings")
    if "DATABASE_URL" not in os.environ:
        find_servers(command)
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line
    from django.db.utils import OperationalError

    try:
        execute_from_command_line(argv)
    except ImproperlyConfigured as error:
        raise Refusal(" ".join(str(error).split())) from error
    except OperationalError as error:
        raise Refusal(f"the database does not answer: {' '.join(str(error).split())[:300]}") from error
    return 0


def find_servers(command: str) -> None:
    """Takes the running demo's addresses into the environment; raises Refusal when there is none."""
    from tracker.demo import state

    environment = state.running_environment()
    if environment is not None:
        say(f"Using the database of the running demo at {environment['SITE_URL']}.")
        os.environ.update(environment)
    elif command in WITHOUT_SERVERS:
        os.environ.update(
            ACCORD_ENV="test",
            DATABASE_URL="postgres://nobody@127.0.0.1:1/none",
            REDIS_URL="redis://127.0.0.1:1/0",
            SECRET_KEY=os.environ.get("SECRET_KEY") or secrets.token_urlsafe(64),
            SITE_URL="http://localhost",
        )
    else:
        raise Refusal(
            "set DATABASE_URL, REDIS_URL, SECRET_KEY and SITE_URL (docs/operate.md says what each means), "
            "or start `python3 manage.py demo` in another window to use its servers."
        )
