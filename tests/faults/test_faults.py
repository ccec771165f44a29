"""The short forms of the fault bench: each scenario once, small, and some of the defects that it must find."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pytest_django import DjangoDbBlocker

from tests.faults.catalogue import SCENARIOS

pytestmark = pytest.mark.processes
SHORT: dict[str, dict[str, Any]] = {
    "R1": {"size": 40, "kills": 2},
    "R3": {"size": 60, "flushes": 1, "restarts": 1, "hung": 2},
    "M2": {"size": 20},
    "M3": {"size": 40, "leaving": 10},
    "M4": {"size": 15},
    "W1": {"size": 5},
    "O1": {"size": 10},
    "O2": {},
}
TWINS = [("M2", "gives_each_try_a_new_id"), ("O1", "never_asks_where_it_is"), ("W1", "goes_anywhere")]


@pytest.fixture(autouse=True)
def _may_speak_to_its_database(
    django_test_environment: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[None]:
    """Each scenario makes a database of its own and drops it."""
    with django_db_blocker.unblock():
        yield


@pytest.mark.parametrize("name", sorted(SHORT))
def test_the_product_survives(name: str) -> None:
    verdict = SCENARIOS[name].run(7, **SHORT[name])
    assert verdict.is_green, str(verdict)


@pytest.mark.parametrize(("name", "twin"), TWINS)
def test_the_bench_finds_a_defect_that_was_put_in(name: str, twin: str) -> None:
    verdict = SCENARIOS[name].run(7, twin=twin, **SHORT[name])
    assert not verdict.is_green, str(verdict)


def test_every_scenario_has_a_defect_that_it_must_find() -> None:
    from tests.faults.broken import DEFECTS

    named = {twin for it in SCENARIOS.values() for twin in it.twins}
    assert all(it.twins for it in SCENARIOS.values())
    assert named == set(DEFECTS)
