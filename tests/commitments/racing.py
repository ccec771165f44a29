"""Writers that race for the same commitments: each turn holds several of them, and one in five is rolled back."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Sequence
from datetime import date

from django.db import connections

from commitments import operations
from commitments.actors import loader
from commitments.log import operation
from commitments.operations import NewDeadline, NewEvidence

WRITERS = 4


class _Abandoned(Exception):
    """A writer changed its mind: everything it did is rolled back."""


@operation
def _touch(codes: list[str], dice: random.Random) -> None:
    """One writer's turn over several commitments; one in five is rolled back, some hold their locks for a while."""
    operations.attach_evidence(
        [
            NewEvidence(commitment=code, act="action", bearing="context", nature="press", source="press")
            for code in codes
        ],
        actor=loader(),
    )
    operations.set_deadlines(
        [
            NewDeadline(
                commitment=code,
                label={"en": "x"},
                type="target",
                authority="text",
                clock="party",
                edtf=date(2024, 7, dice.randint(1, 30)).isoformat(),
            )
            for code in sorted(codes)
        ],
        actor=loader(),
    )
    time.sleep(dice.random() * 0.004)
    if dice.random() < 0.2:
        raise _Abandoned


def race(codes: Sequence[str], turns: int) -> tuple[list[threading.Thread], list[BaseException]]:
    """Four writers of so many turns each, still to be started, and what goes wrong in them."""
    failures: list[BaseException] = []

    def write(seed: int) -> None:
        dice = random.Random(seed)
        try:
            for _turn in range(turns):
                chosen = dice.sample(list(codes), k=dice.randint(1, 3))
                dice.shuffle(chosen)
                try:
                    _touch(chosen, dice)
                except _Abandoned:
                    continue
        except BaseException as error:
            failures.append(error)
        finally:
            connections.close_all()

    return [threading.Thread(target=write, args=(seed,)) for seed in range(WRITERS)], failures
