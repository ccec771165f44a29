"""The demo: the production processes on private servers, for one person on one machine, with known accounts.

Standard library only at the door, so that other commands can ask where a running demo lives.
"""

from __future__ import annotations


def main(arguments: list[str]) -> int:
    """`manage.py demo [--port N] [--reset]`; returns the exit code."""
    from tracker.demo.command import main as run

    return run(arguments)
