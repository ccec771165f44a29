"""When jobs look: often, or once an hour, whatever beat remembers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from commitments import jobs, tasks
from commitments.models import Heartbeat

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.mark.django_db
def test_an_hourly_chore_is_done_once_an_hour_however_often_it_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done: list[datetime] = []

    def forget(now: datetime) -> int:
        done.append(now)
        return 3

    monkeypatch.setattr("commitments.tokens.forget_answers", forget)
    for minutes, gives in ((0, 3), (1, 0), (59, 0), (60, 3), (61, 0), (121, 3)):
        with time_machine.travel(NOW + timedelta(minutes=minutes), tick=False):
            assert tasks.prune_answers() == gives, minutes
    assert done == [NOW, NOW + timedelta(minutes=60), NOW + timedelta(minutes=121)]
    assert Heartbeat.objects.get(name=jobs.FORGET).found == {"done": 3}


@pytest.mark.django_db
def test_a_chore_that_fails_has_not_looked_and_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_now: datetime) -> int:
        raise RuntimeError

    monkeypatch.setattr("commitments.tokens.forget_answers", fail)
    with pytest.raises(RuntimeError):
        tasks.prune_answers()
    assert jobs.is_due(jobs.FORGET, NOW)
    assert not Heartbeat.objects.filter(name=jobs.FORGET).exists()


@pytest.mark.django_db
def test_a_look_from_the_future_does_not_stop_a_chore() -> None:
    jobs.looked(jobs.DRAW, NOW + timedelta(days=400))
    assert jobs.is_due(jobs.DRAW, NOW)


def test_every_job_is_late_until_it_looks_and_after_its_patience() -> None:
    assert jobs.late({}, NOW) == list(jobs.ALL.values())
    known = {name: NOW - timedelta(seconds=59) for name in jobs.ALL}
    assert jobs.late(known, NOW) == []
    hours = {job.name for job in jobs.late(known, NOW + timedelta(hours=2))}
    assert hours == {name for name, job in jobs.ALL.items() if job.patience < 2 * jobs.HOUR}
    assert {"scan", "deliver", "publish_planned", "collect_bounces"} <= hours
