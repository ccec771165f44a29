"""`manage.py faults [NAME...] [--seed N] [--long] [--no-twins]`: runs scenarios on servers of its own, says what held."""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.faults.judging import Verdict


def main(arguments: Sequence[str]) -> int:
    """0 when every scenario is green and every twin breaks the claims that it must; else 1."""
    parser = argparse.ArgumentParser(prog="manage.py faults", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="R1, W1 ... (default: all)")
    parser.add_argument(
        "--seed", type=int, default=0, help="the dice (default: a new one each time, printed)"
    )
    parser.add_argument("--long", action="store_true", help="the sizes of docs/reliability.md")
    parser.add_argument("--no-twins", action="store_true", help="leave out the broken twins")
    options = parser.parse_args(arguments)
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    from tests.servers import Servers

    for name in ("DATABASE_URL", "REDIS_URL"):
        os.environ.pop(name, None)
    own = Servers()
    try:
        own.start()
        import django

        django.setup()
        return _run(options)
    finally:
        own.stop()


def _run(options: argparse.Namespace) -> int:
    from tests.faults.catalogue import SCENARIOS

    unknown = [name for name in options.names if name not in SCENARIOS]
    if unknown:
        print(f"There is no {', '.join(unknown)}; there are {', '.join(SCENARIOS)}.", file=sys.stderr)
        return 2
    seed = options.seed or random.SystemRandom().randrange(1, 10**6)
    print(f"seed {seed}", flush=True)
    bad = 0
    for name in options.names or SCENARIOS:
        it = SCENARIOS[name]
        began = time.monotonic()
        verdict = _tried(it.run, seed, **(it.long if options.long else {}))
        bad += not verdict.is_green
        colour = "green" if verdict.is_green else "RED"
        print(f"{name} {it.title}: {colour} in {time.monotonic() - began:.0f} s: {verdict}", flush=True)
        for twin, breaks in () if options.no_twins else it.twins.items():
            began = time.monotonic()
            found = _tried(it.run, seed, twin=twin)
            missed = found.missed(breaks)
            bad += bool(missed)
            broken = "; ".join(str(claim) for claim in found.broken)
            said = f"NOT FOUND: {missed}" if missed else f"red, as it must be ({broken})"
            took = time.monotonic() - began
            print(f"   twin that {twin.replace('_', ' ')}: {said} in {took:.0f} s", flush=True)
    return 1 if bad else 0


def _tried(run: Callable[..., Verdict], seed: int, **sizes: Any) -> Verdict:
    """The verdict; a scenario that breaks off is red, a twin that does is not found, and the others go on."""
    from tests.faults.judging import Verdict

    try:
        return run(seed, **sizes)
    except Exception as error:
        verdict = Verdict()
        verdict.tried("broke off", f"{type(error).__name__}: {error}"[:300], False)
        return verdict


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
