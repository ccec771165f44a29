"""`python -m tracker.bench.one NAME [options]`: one benchmark on the (empty) database of the environment."""

from __future__ import annotations

import argparse
import importlib
import sys

from tracker.bench.names import MODULES, SHORT


def main(arguments: list[str]) -> int:
    """Prints one line per figure; exit code SHORT when a goal is missed."""
    import django

    django.setup()
    name, *rest = arguments
    # Only now: the rooms read the settings when they are imported.
    bench = importlib.import_module(f"tracker.bench.{MODULES[name]}")
    parser = argparse.ArgumentParser(prog=f"manage.py bench {name}")
    bench.arguments(parser)
    is_short = False
    for figure in bench.figures(parser.parse_args(rest)):
        print(figure, flush=True)
        is_short = is_short or figure.is_met is False
    return SHORT if is_short else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
