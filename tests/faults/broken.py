"""The broken twins: the product with one defect put in, to show that the bench would see it; and the loads.

`python -m tests.faults.broken NAME[,NAME] MODULE [ARGUMENT...]` starts a process of the product with them. A defect
whose target is gone ends the process at once, and the run counts as failed, not as red.
"""

from __future__ import annotations

import os
import runpy
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from tests.faults import mail_defects, other_defects
from tests.faults.putting_in import DEFECTS, room, swap

__all__ = ["DEFECTS", "LOADS", "mail_defects", "main", "other_defects"]


def poison(address: str) -> None:
    """Mails to `poison-raise`, `poison-crash` and `poison-hang` addresses do just that."""
    if address.startswith("poison-raise"):
        raise RuntimeError("poison")
    if address.startswith("poison-crash"):
        os._exit(9)
    if address.startswith("poison-hang"):
        time.sleep(3600)


def poisoned() -> None:
    """Puts the poison in."""
    delivering = room("notifications.delivering")

    assemble = delivering.assemble

    def write(letter: Any, reader: Any, *rest: Any) -> bytes:
        poison(reader.email)
        written: bytes = assemble(letter, reader, *rest)
        return written

    swap(delivering, "assemble", write)


def _without(task: str) -> Callable[[], None]:
    """A beat that never asks for this task: it is as if its job had died alone."""

    def forget() -> None:
        del room("tracker.celery").app.conf.beat_schedule[task]

    return forget


# Not defects but what is laid upon the product.
LOADS: dict[str, Callable[[], None]] = {
    "poisoned": poisoned,
    "without_scan": _without("commitments.scan"),
    "without_sender": _without("notifications.deliver"),
}


def main(arguments: Sequence[str]) -> None:
    """Puts everything in (with commas between) and becomes the module."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tracker.settings")
    import django

    django.setup()
    for name in arguments[0].split(","):
        {**DEFECTS, **LOADS}[name]()
    sys.argv = list(arguments[1:])
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])
