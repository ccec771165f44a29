"""`manage.py demo`: takes the lock, finds or starts the servers, prepares the data, runs the processes."""

from __future__ import annotations

import argparse
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from tracker.bootstrap import ROOT, Refusal
from tracker.demo import state
from tracker.demo.running import Processes
from tracker.demo.steps import Steps
from tracker.embedded.family import Family
from tracker.embedded.programs import NoProgram

HOST = "127.0.0.1"


class Ended(BaseException):
    """Somebody wants the demo to end: Ctrl-C, SIGTERM, or the terminal was closed."""


def main(arguments: list[str]) -> int:
    """Runs the demo until it is ended; raises Refusal with one line when it cannot run."""
    options = read_arguments(arguments)
    place = state.open_home()
    lock = state.take_lock(place)
    try:
        with signals_end_it():
            run(options, lock)
    except Ended:
        print("\nThe demo has ended; its data is kept. `--reset` begins anew.", flush=True)
    except NoProgram as error:
        raise Refusal(str(error)) from error
    finally:
        state.forget_environment(place)
        os.close(lock)
    return 0


def read_arguments(arguments: list[str]) -> argparse.Namespace:
    """The command's options; ends with exit code 2 and the usage when they make no sense."""
    parser = argparse.ArgumentParser(
        prog="manage.py demo",
        description="Runs the whole product on this machine, with demo data and accounts.",
    )
    parser.add_argument(
        "--port", type=port_number, default=8000, help="where the site listens (default: 8000)"
    )
    parser.add_argument(
        "--reset", action="store_true", help="begin anew: delete what an earlier demo has kept"
    )
    return parser.parse_args(arguments)


def port_number(text: str) -> int:
    """A port that an ordinary user may take."""
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: give a number from 1 to 65535")
    return int(text)


def run(options: argparse.Namespace, lock: int) -> None:
    """Starts everything, says where it is, and keeps it running until Ended is raised."""
    place = state.home()
    url = f"http://{HOST}:{options.port}"
    refuse_taken_port(options.port)
    state.write_lock(lock, url)
    steps = Steps()
    began = time.monotonic()
    family = Family(keep_open=[lock])
    processes = Processes(place, family, url, options.port)
    with processes.cleaned_up(), family:
        try:
            if options.reset:
                with steps.step("Deleting what the last demo has kept"):
                    processes.reset()
            processes.make_directories()
            with steps.step("Starting PostgreSQL") as notes:
                notes.append(processes.start_database(reset=options.reset))
            with steps.step("Starting the Redis-protocol server") as notes:
                notes.append(processes.start_redis(reset=options.reset))
            with steps.step("Starting the mail catcher") as notes:
                notes.append(processes.start_catcher())
            state.write_environment(place, processes.environment())
            processes.prepare(steps, accord_files())
            with steps.step("Starting web server, worker and beat"):
                processes.start_product()
                processes.wait_until_it_answers()
        except KeyboardInterrupt as error:
            raise Ended from error
        print(welcome(url, state.read_secrets(place), time.monotonic() - began), flush=True)
        processes.keep_running()


def accord_files() -> list[Path]:
    """The accords that the demo shows: every file in `fixtures/`, examples last."""
    return sorted(
        (ROOT / "fixtures").glob("*.yaml"), key=lambda file: (file.name.startswith("example"), file.name)
    )


@contextmanager
def signals_end_it() -> Iterator[None]:
    """SIGINT, SIGTERM and SIGHUP raise Ended, once; while we clean up they are ignored."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def end(number: int, frame: FrameType | None) -> None:
        for each in numbers:
            signal.signal(each, signal.SIG_IGN)
        raise Ended

    before = [signal.signal(number, end) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def refuse_taken_port(port: int) -> None:
    """Raises Refusal when the web server could not listen there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise Refusal(
                f"port {port} cannot be used ({error.strerror}): choose another with --port N."
            ) from None


def welcome(url: str, secrets: dict[str, str], seconds: float) -> str:
    """What the demo says when it runs."""
    rows = [
        ("The accords", "/"),
        ("Staff (admin)", "/admin/"),
        ("API", "/api/v1/commitments/"),
        ("Event feed", "/api/v1/events/?after=0"),
        ("API schema", "/api/v1/schema/"),
        ("Caught mails", "/demo/mails/"),
    ]
    may = {
        "editor": "drafts assessments",
        "reviewer": "publishes them",
        "administrator": "registers commitments, manages people",
    }
    lines = ["", f"Accord Tracker is running, after {seconds:.1f} s. Ctrl-C ends it; the data is kept.", ""]
    lines += [f"  {name:<16}{url}{path}" for name, path in rows]
    lines += ["", f"  {'Account':<16}{'Password':<22}What it may do"]
    lines += [f"  {name:<16}{secrets[name]:<22}{may[name]}" for name in state.ACCOUNTS]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
