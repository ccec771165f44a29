"""`manage.py tick`: one whole round of everything by hand or by cron, also where a part of it fails."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError

from notifications import fanning
from tests import world
from tests.notifications.readers import a_reader
from tests.sinks import SmtpSink


@pytest.mark.parametrize("times", [2])
def test_tick_does_a_whole_round_without_redis_and_twice_does_no_harm(
    db: None, smtp_sink: SmtpSink, capsys: Any, times: int
) -> None:
    accord = world.an_accord()
    commitment = world.a_commitment(accord)
    a_reader("reader@example.org", accord)
    world.a_deadline(commitment, "2025-01")
    for _time in range(times):
        call_command("tick", seconds=10)
    assert "marked 1, owed 1, sent 1" in capsys.readouterr().out
    assert len(smtp_sink.mails) == 1


def test_a_step_that_fails_is_named_at_the_end_and_the_others_are_done(
    db: None, smtp_sink: SmtpSink, monkeypatch: Any, capsys: Any
) -> None:
    accord = world.an_accord()
    a_reader("reader@example.org", accord)
    world.some_evidence(world.a_commitment(accord))
    fanning.fan_out()

    def fails(*_given: Any) -> int:
        raise OperationalError("deadlock detected")

    monkeypatch.setattr(fanning, "fan_out", fails)
    monkeypatch.setattr("commitments.chores.draw_occurrences", fails)
    with pytest.raises(CommandError, match="draw occurrences, fan out") as failed:
        call_command("tick", seconds=5)
    assert failed.value.returncode == 1
    assert "sent 1" in capsys.readouterr().out
    assert len(smtp_sink.mails) == 1
