"""`python -m tracker.bench NAME [options]`: builds its data in a private server, prints one line per figure."""

from __future__ import annotations

import argparse
import importlib
import sys

from tracker.bench.ground import ground

# The module behind each name: one of them is a word of the language.
MODULES = {
    "scan": "scan",
    "log": "log",
    "import": "importing",
    "fanout": "fanout",
    "mail": "mail",
    "webhooks": "webhooks",
}
NAMES = tuple(MODULES)


def main(arguments: list[str]) -> int:
    """Runs one benchmark, or all; exit code 1 when a goal is missed."""
    parser = argparse.ArgumentParser(
        prog="manage.py bench", description="Measures the product beside a reference, in one run."
    )
    parser.add_argument("name", nargs="?", choices=[*NAMES, "all"], default="all")
    asked, rest = parser.parse_known_args(arguments)
    is_short = False
    for name in NAMES if asked.name == "all" else (asked.name,):
        print(f"{name}: building the data ...", flush=True)
        with ground():
            # Only now: the rooms read the settings when they are imported.
            bench = importlib.import_module(f"tracker.bench.{MODULES[name]}")
            own = argparse.ArgumentParser(prog=f"manage.py bench {name}")
            bench.arguments(own)
            for figure in bench.figures(own.parse_args(rest if asked.name != "all" else [])):
                print(figure, flush=True)
                is_short = is_short or figure.is_met is False
    return 1 if is_short else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
