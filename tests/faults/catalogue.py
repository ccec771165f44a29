"""Every scenario with its broken twins, each with the claims that it must break, and its sizes by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.faults import crashing, hanging, receiving, running, sending, turning, without_redis
from tests.faults.judging import Verdict


@dataclass(frozen=True, slots=True)
class Scenario:
    """`twins` are defects of tests.faults.broken, each with the claims by which it must be found; `long` are the sizes by
    hand."""

    name: str
    title: str
    run: Callable[..., Verdict]
    twins: Mapping[str, tuple[str, ...]]
    long: Mapping[str, Any] = field(default_factory=dict)


SCENARIOS = {
    it.name: it
    for it in (
        Scenario(
            "R1",
            "whole workers killed",
            crashing.r1_workers_killed,
            {
                "marks_before_it_sends": ("lost",),
                "settles_by_the_batch": ("duplicates",),
                "doubles_one_in_fifty": ("duplicates",),
            },
            {"size": 20_000, "kills": 200},
        ),
        Scenario(
            "R2",
            "pool children killed",
            crashing.r2_children_killed,
            {"marks_before_it_sends": ("lost",), "doubles_one_in_fifty": ("duplicates",)},
            {"size": 80_000, "kills": 800},
        ),
        Scenario(
            "R3",
            "Redis emptied, killed, hung, absent",
            without_redis.r3_redis,
            {
                "keeps_its_place_in_redis": ("lost", "manage.py tick without Redis"),
                "publishes_on_save": ("saves while Redis was ill, p99",),
            },
            {"size": 4000, "flushes": 20, "restarts": 10, "hung": 300, "save": 0.3},
        ),
        Scenario(
            "R4",
            "many beats and workers",
            turning.r4_many_beats,
            {"claims_nothing": ("duplicates",)},
            {"size": 1000, "beats": 10},
        ),
        Scenario(
            "R5",
            "a worker sleeps beyond its lease",
            crashing.r5_a_worker_sleeps,
            {"asks_for_no_token": ("duplicates",)},
        ),
        Scenario(
            "R6",
            "poison mails",
            crashing.r6_poison,
            {"counts_no_crashes": ("in quarantine",), "gives_up_at_once": ("claims before it",)},
            {"size": 6000, "delay": 0.02, "held_up": 1.5, "seconds": 900},
        ),
        Scenario(
            "R8",
            "rolling restarts",
            turning.r8_rolling_restarts,
            {"ends_at_once": ("clean ends",), "cuts_requests_off": ("forms cut off",)},
            {"size": 1000, "restarts": 20},
        ),
        Scenario(
            "M1",
            "the mail server is down",
            sending.m1_mail_server_down,
            {"never_doubts_the_line": ("most tries in a second",)},
            {"size": 4000, "down": 60},
        ),
        Scenario(
            "M2",
            "refused and cut",
            sending.m2_refused_and_cut,
            {"gives_each_try_a_new_id": ("copies with another Message-ID",)},
            {"size": 1000},
        ),
        Scenario(
            "M3",
            "leaving while mails wait",
            sending.m3_unsubscribe,
            {"looks_once": ("mails after leaving",), "leaves_by_get": ("lost",)},
            {"size": 10_000, "leaving": 200},
        ),
        Scenario(
            "M4",
            "strangers' addresses",
            sending.m4_strangers,
            {"confirms_by_itself": ("phantom",), "sends_a_copy_to_the_desk": ("phantom",)},
            {"size": 10_000},
        ),
        Scenario(
            "W1",
            "bad receivers",
            receiving.w1_bad_receivers,
            {
                "goes_anywhere": ("requests to the internal listener",),
                "reads_all_of_it": ("kilobytes drawn per flood",),
                "starts_the_clock_anew": ("longest wait for an answer",),
                "hears_no_retry_after": ("called before the time asked",),
                "hears_all_of_retry_after": ("called after a day",),
                "never_gives_up": ("the one that fails is given up",),
                "tells_the_owner_again": ("mails to the owners",),
            },
            {"size": 40},
        ),
        Scenario(
            "W2",
            "many receivers hang",
            hanging.w2_many_that_hang,
            {"believes_what_answered_yesterday": ("the good one's slowest among them",)},
            {"size": 40, "rounds": 10},
        ),
        Scenario(
            "O1",
            "a restored copy",
            running.o1_a_copy,
            {
                "never_asks_where_it_is": ("mails and webhooks that left the copy",),
                "calls_nobody": ("webhooks before, and after resuming",),
            },
            {"size": 400},
        ),
        Scenario(
            "O2",
            "silent deaths",
            running.o2_silent_deaths,
            {
                "says_all_is_well": (
                    "both dead, says /readyz",
                    "the scan dead, says /readyz",
                    "the sender dead, says /readyz",
                )
            },
            {"wait": True},
        ),
    )
}
