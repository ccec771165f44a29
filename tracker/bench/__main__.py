"""`python -m tracker.bench NAME [options]`: builds its data in a private server, prints one line per figure."""

from __future__ import annotations

import argparse
import sys

from tracker.bench.ground import ground
from tracker.bench.names import MODULES, QUICK, SHORT
from tracker.embedded.programs import NoProgram


def main(arguments: list[str]) -> int:
    """Runs one benchmark, or all; exit code 1 when a goal is missed, 2 when one could not be run."""
    parser = argparse.ArgumentParser(
        prog="manage.py bench",
        description="Measures the product beside a reference, in one run.",
        epilog="NAME --help shows the sizes that a benchmark takes.",
        add_help=not set(MODULES) & set(arguments),
    )
    parser.add_argument("name", nargs="?", choices=[*MODULES, "all"], default="all")
    parser.add_argument("--quick", action="store_true", help="small sizes: whether it runs, not how fast")
    asked, rest = parser.parse_known_args(arguments)
    if asked.name == "all" and rest:
        parser.error(f"{' '.join(rest)}: sizes belong to one benchmark, so name it")
    worst = 0
    try:
        with ground() as server:
            for name in MODULES if asked.name == "all" else (asked.name,):
                print(f"{name}: building the data ...", flush=True)
                code = server.measure(name, QUICK[name] if asked.quick else rest)
                worst = max(worst, {0: 0, SHORT: 1}.get(code, 2))
    except (NoProgram, RuntimeError) as error:
        print(f"manage.py bench: {error}", file=sys.stderr)
        return 2
    return worst


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
