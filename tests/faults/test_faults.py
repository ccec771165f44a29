"""The short forms of the fault bench: each scenario once, as small as it proves something, and defects that it must find."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from pytest_django import DjangoDbBlocker

from tests.faults.catalogue import SCENARIOS
from tests.faults.judging import Verdict
from tests.servers import ROOT, FreshDatabase

# In the suite the tests share the machine's cores: a save may take longer there, but not as long as a wait for the
# broker, whose shortest time-out is two seconds.
SHORT: dict[str, dict[str, Any]] = {
    "R1": {"size": 40, "kills": 2},
    "R2": {"size": 60, "kills": 2},
    "R3": {"size": 60, "flushes": 1, "restarts": 1, "hung": 3, "save": 1.5},
    "R4": {"size": 40, "beats": 3},
    "R5": {"size": 60},
    "R6": {"size": 30},
    "R8": {"size": 40, "restarts": 1},
    "M1": {"size": 40, "down": 3, "flaps": 1},
    "M2": {"size": 20},
    "M3": {"size": 40, "leaving": 10},
    "M4": {"size": 15},
    "W1": {"size": 5},
    "W2": {"size": 5, "rounds": 2},
    "O1": {"size": 10},
    "O2": {},
}
TWINS = [
    ("M2", "gives_each_try_a_new_id"),
    ("M3", "leaves_by_get"),
    ("M3", "looks_once"),
    ("M4", "sends_a_copy_to_the_desk"),
    ("O1", "calls_nobody"),
    ("O1", "never_asks_where_it_is"),
    ("R1", "doubles_one_in_fifty"),
    ("R5", "asks_for_no_token"),
]


@pytest.fixture
def _may_speak_to_its_database(
    django_test_environment: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[None]:
    """Each scenario makes a database of its own and drops it."""
    with django_db_blocker.unblock():
        yield


@pytest.mark.processes
@pytest.mark.usefixtures("_may_speak_to_its_database")
@pytest.mark.parametrize("name", sorted(SHORT))
def test_the_product_survives(name: str) -> None:
    verdict = SCENARIOS[name].run(7, **SHORT[name])
    assert verdict.is_green, str(verdict)


@pytest.mark.processes
@pytest.mark.usefixtures("_may_speak_to_its_database")
@pytest.mark.parametrize(("name", "twin"), TWINS)
def test_the_bench_finds_a_defect_that_was_put_in(name: str, twin: str) -> None:
    verdict = SCENARIOS[name].run(7, twin=twin, **SHORT[name])
    assert verdict.missed(SCENARIOS[name].twins[twin]) == ""


def test_every_scenario_has_a_short_form_and_defects_that_break_claims_of_their_own() -> None:
    from tests.faults.broken import DEFECTS

    named = {twin for it in SCENARIOS.values() for twin in it.twins}
    assert set(SHORT) == set(SCENARIOS)
    assert all(it.twins and all(it.twins.values()) for it in SCENARIOS.values())
    assert named == set(DEFECTS)


# Those that change the words of one statement stand in different lines, since each must find its own.
@pytest.mark.parametrize("left_out", [{"gives_up_at_once"}, {"counts_no_crashes"}])
def test_every_defect_and_load_finds_what_it_changes(fresh_db: FreshDatabase, left_out: set[str]) -> None:
    from tests.faults.broken import DEFECTS, LOADS

    names = ",".join(name for name in (*DEFECTS, *LOADS) if name not in left_out)
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.broken", names, "django", "version"],
        cwd=ROOT,
        env=fresh_db.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_a_defect_whose_target_is_gone_or_is_called_otherwise_does_not_start() -> None:
    from tests.faults.putting_in import reword, swap

    class Place:
        SAID = "one two"

        @staticmethod
        def work(first: int, second: int) -> int:
            return first + second

    with pytest.raises(AttributeError):
        swap(Place, "play", lambda: None)
    with pytest.raises(TypeError):
        swap(Place, "work", lambda only: only)
    with pytest.raises(ValueError, match="three"):
        reword(Place, "SAID", "three", "four")


def test_a_defect_is_found_by_its_own_claims_alone() -> None:
    verdict = Verdict()
    verdict.tried("kills", "2 of 2", True)
    verdict.claim("lost", 0, True)
    verdict.claim("duplicates", 7, False)
    assert verdict.missed(("duplicates",)) == ""
    assert "still holds: lost" in verdict.missed(("lost",))
    assert "never asked: phantom" in verdict.missed(("phantom",))
    verdict.tried("processes that broke", "beat-1: 1", False)
    assert "the run itself failed" in verdict.missed(("duplicates",))
