"""Every scenario with its broken twins and its sizes: short for the suite, long by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.faults import crashing, receiving, running, sending, turning
from tests.faults.ground import Verdict


@dataclass(frozen=True, slots=True)
class Scenario:
    """`twins` are defects of tests.faults.broken, each of which must be found; `long` are the sizes by hand."""

    name: str
    title: str
    run: Callable[..., Verdict]
    twins: tuple[str, ...]
    long: Mapping[str, Any] = field(default_factory=dict)


SCENARIOS = {
    it.name: it
    for it in (
        Scenario(
            "R1",
            "whole workers killed",
            crashing.r1_workers_killed,
            ("marks_before_it_sends", "settles_by_the_batch"),
            {"size": 20_000, "kills": 200},
        ),
        Scenario(
            "R2",
            "pool children killed",
            crashing.r2_children_killed,
            ("marks_before_it_sends",),
            {"size": 80_000, "kills": 800},
        ),
        Scenario(
            "R3",
            "Redis emptied, killed, hung, absent",
            crashing.r3_redis,
            ("keeps_its_place_in_redis",),
            {"size": 4000, "flushes": 20, "restarts": 10, "hung": 300, "save": 0.3},
        ),
        Scenario(
            "R4",
            "many beats and workers",
            turning.r4_many_beats,
            ("claims_nothing",),
            {"size": 1000, "beats": 10},
        ),
        Scenario(
            "R5", "a worker sleeps beyond its lease", crashing.r5_a_worker_sleeps, ("asks_for_no_token",)
        ),
        Scenario(
            "R6",
            "poison mails",
            crashing.r6_poison,
            ("counts_no_crashes",),
            {"size": 6000, "delay": 0.02, "held_up": 1.5, "seconds": 900},
        ),
        Scenario(
            "R8",
            "rolling restarts",
            turning.r8_rolling_restarts,
            ("ends_at_once", "cuts_requests_off"),
            {"size": 1000, "restarts": 20},
        ),
        Scenario(
            "M1",
            "the mail server is down",
            sending.m1_mail_server_down,
            ("never_doubts_the_line",),
            {"size": 4000, "down": 60},
        ),
        Scenario(
            "M2", "refused and cut", sending.m2_refused_and_cut, ("gives_each_try_a_new_id",), {"size": 1000}
        ),
        Scenario(
            "M3",
            "leaving while mails wait",
            sending.m3_unsubscribe,
            ("looks_once",),
            {"size": 10_000, "leaving": 200},
        ),
        Scenario(
            "M4", "strangers' addresses", sending.m4_strangers, ("confirms_by_itself",), {"size": 10_000}
        ),
        Scenario("W1", "bad receivers", receiving.w1_bad_receivers, ("goes_anywhere",), {"size": 40}),
        Scenario("O1", "a restored copy", running.o1_a_copy, ("never_asks_where_it_is",), {"size": 400}),
        Scenario("O2", "silent deaths", running.o2_silent_deaths, ("says_all_is_well",), {"wait": True}),
    )
}
