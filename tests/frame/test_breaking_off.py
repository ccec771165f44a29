"""A limit for our own work: what never ends is broken off, and nothing of the limit is left afterwards."""

from __future__ import annotations

import contextlib
import signal
import threading
import time

import pytest

from tracker.kit.breaking_off import TookTooLong, a_limit, unlimited


def test_what_never_ends_is_broken_off_also_when_it_catches_everything() -> None:
    before = signal.getsignal(signal.SIGALRM)
    caught = 0
    with a_limit() as limit:
        with pytest.raises(TookTooLong), limit(0.05):
            time.sleep(60)
        with contextlib.suppress(TookTooLong), limit(0.05):
            while caught < 2:
                try:
                    time.sleep(1)
                except TookTooLong:
                    caught += 1
    assert caught == 2
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_what_ends_in_time_is_left_alone() -> None:
    with a_limit() as limit:
        with limit(0.05):
            pass
        time.sleep(0.1)


def test_elsewhere_than_in_the_main_thread_and_under_another_alarm_nothing_is_limited() -> None:
    given: list[object] = []

    def look() -> None:
        with a_limit() as limit:
            given.append(limit)

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    signal.setitimer(signal.ITIMER_REAL, 60)
    try:
        look()
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 50
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    assert given == [unlimited, unlimited]
