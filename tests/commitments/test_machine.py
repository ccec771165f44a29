"""A machine that gives orders at random: after every one the guards, the log and the rows still hold together.

The suite runs a short form; `MACHINE_EXAMPLES=500 MACHINE_STEPS=60` in the environment makes it a long one.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from commitments import operations
from commitments.agreement import differences
from commitments.counting import entries_of, statistics
from commitments.log import head
from commitments.models import (
    Accord,
    Assessment,
    Commitment,
    Contribution,
    Deadline,
    Event,
    Evidence,
    Pause,
    Position,
    Trigger,
)
from commitments.operations import NewPause, NewTrigger
from commitments.past import Moment, standing_of_accord
from commitments.refusals import Refused
from commitments.verifying import verify
from commitments.words import ALLOWED, MOVES, NEEDS_PROOF, Kind, Review, Settlement, Status
from tests import world

EXAMPLES = int(os.environ.get("MACHINE_EXAMPLES", "6"))
# The short form is the same every time; a long one explores.
IS_SHORT = "MACHINE_EXAMPLES" not in os.environ
DONE: Counter[str] = Counter()
REFUSED: Counter[str] = Counter()
STEPS = int(os.environ.get("MACHINE_STEPS", "20"))
BEGINNING = datetime(2025, 1, 1, 12, tzinfo=UTC)
REQUEST = {"trigger": {"facts": [{"code": "request", "text": "A request"}]}}

days_back = st.integers(0, 250)
windows = st.sampled_from(
    ["2024-09", "2024-23", "2025", "2025-01-15", "2025-02/2025-04", "2025-34", "2026", "../2025-06"]
)
kinds = st.sampled_from([kind for kind in Kind.values if kind != Kind.RECURRING])
places = st.integers(0, 50)


class Register(RuleBasedStateMachine):
    """Orders to a register of one accord. What it expects of each is said by the vocabulary, not by the verbs."""

    def __init__(self) -> None:
        super().__init__()
        self.point = transaction.savepoint()
        self.clock = time_machine.travel(BEGINNING, tick=False)
        self.time = self.clock.start()
        self.accord = Accord.objects.get(code=world.ACCORD)
        self.editor, self.reviewer = world.actor("editor"), world.actor("reviewer")
        self.seen: list[tuple[datetime, dict[str, tuple[str, str, str]]]] = []

    def teardown(self) -> None:
        """Nothing of one run is there for the next."""
        held, fault = verify()
        late = [str(found) for found in differences(timezone.now() + timedelta(days=400))]
        self.clock.stop()
        transaction.savepoint_rollback(self.point)
        assert fault is None, fault
        assert late == []
        assert held

    def order(self, name: str, verb: Callable[[], Any]) -> Any:
        """Gives an order; one that is refused leaves no trace at all."""
        before, versions = head(), dict(Commitment.objects.values_list("code", "version"))
        try:
            done = verb()
        except Refused as refusal:
            assert refusal.problems, "a refusal says what it refuses"
            assert head() == before
            assert dict(Commitment.objects.values_list("code", "version")) == versions
            event(f"{name}: refused, {refusal.problems[0].code}")
            REFUSED[name] += 1
            return None
        event(f"{name}: done")
        DONE[name] += 1
        return done

    def one_of(self, model: Any, place: int, **wanted: Any) -> Any:
        """A row of the accord, by a number that is taken round; None when there is none."""
        rows = list(model.objects.filter(commitment__accord=self.accord, **wanted).order_by("pk"))
        return rows[place % len(rows)] if rows else None

    def commitment(self, place: int) -> Commitment:
        """A commitment, by a number that is taken round."""
        rows = list(Commitment.objects.order_by("pk"))
        return rows[place % len(rows)]

    def day(self, back: int) -> date:
        """A day of the past."""
        return (timezone.now() - timedelta(days=back)).date()

    @rule(days=st.integers(1, 120))
    def time_passes(self, days: int) -> None:
        self.time.shift(timedelta(days=days))
        operations.scan(timezone.now())
        late = Deadline.objects.open().unmarked().past_due(timezone.now())
        assert not late.exists(), "a scan leaves nothing unmarked"

    @precondition(lambda self: Commitment.objects.count() < 5)
    @rule(kind=kinds, strength=st.sampled_from(["firm", "intent", "declaratory"]))
    def register(self, kind: str, strength: str) -> None:
        code = f"TST-{Commitment.objects.count() + 1}"
        terms: dict[str, Any] = {"kind": kind, "strength": strength}
        if kind == Kind.CONDITIONAL:
            terms["details"] = REQUEST
        if kind == Kind.CONTINUING:
            terms["ends"] = {"condition": "until it is paid"}
        self.order("register", lambda: world.a_commitment(self.accord, code, **terms))

    @rule(place=places, strength=st.sampled_from(["firm", "exploratory"]))
    def correct(self, place: int, strength: str) -> None:
        one = self.commitment(place)
        change = {one.code: {"strength": strength}}
        self.order(
            "correct", lambda: operations.correct_commitments(change, actor=self.reviewer, why="Misread.")
        )

    @rule(
        place=places,
        edtf=windows,
        authority=st.sampled_from(["text", "agreed", "press", "editorial"]),
        sort=st.sampled_from(["target", "milestone", "review", "clock"]),
    )
    def set_a_date(self, place: int, edtf: str, authority: str, sort: str) -> None:
        changes: dict[str, Any] = {"authority": authority, "type": sort}
        if sort == "review":
            changes |= {"clock": "tracker", "anchor_on": self.day(30)}
        if sort == "clock":
            changes["duration"] = "PT24H"
        self.order(
            "set",
            lambda: world.a_deadline(self.commitment(place), "" if sort == "clock" else edtf, **changes),
        )

    @rule(place=places, edtf=windows)
    def move_a_date(self, place: int, edtf: str) -> None:
        if row := self.one_of(Deadline, place):
            self.order(
                "move",
                lambda: operations.move_deadlines({row.code: edtf}, actor=self.reviewer, why="Agreed."),
            )

    @rule(place=places, back=st.integers(-3, 100))
    def meet_a_date(self, place: int, back: int) -> None:
        if row := self.one_of(Deadline, place):
            when: Any = timezone.now() - timedelta(days=back) if row.trigger_id else self.day(back)
            self.order("meet", lambda: operations.meet_deadlines({row.code: when}, actor=self.reviewer))

    @rule(place=places)
    def waive_a_date(self, place: int) -> None:
        if row := self.one_of(Deadline, place):
            self.order(
                "waive", lambda: operations.waive_deadlines([row.code], actor=self.reviewer, why="Given up.")
            )

    @rule(
        place=places,
        back=days_back,
        act=st.sampled_from(["announcement", "action", "outcome"]),
        bearing=st.sampled_from(["supports", "contradicts", "context"]),
    )
    def attach(self, place: int, back: int, act: str, bearing: str) -> None:
        said: dict[str, Any] = {"act": act, "bearing": bearing, "happened": self.day(back).isoformat()}
        self.order("attach", lambda: world.some_evidence(self.commitment(place), **said))

    @rule(place=places)
    def withdraw_evidence(self, place: int) -> None:
        if row := self.one_of(Evidence, place):
            verb = operations.withdraw_evidence
            self.order("withdraw", lambda: verb([row.code], actor=self.reviewer, why="Wrong."))

    @rule(place=places, back=st.integers(-2, 200), status=st.sampled_from(Status.values), share=st.booleans())
    def judge(self, place: int, back: int, status: str, share: bool) -> None:
        one, on = self.commitment(place), self.day(back)
        party = "JPN" if share else None
        evidence = [
            item.number for item in Evidence.objects.standing().filter(commitment=one).order_by("number")
        ]
        judgement = world.a_judgement(one, status, evidence=evidence, effective_on=on, party=party)

        def verb() -> Assessment:
            (draft,) = operations.draft_assessments([judgement], actor=self.editor)
            operations.submit_assessments([draft.code], actor=self.editor)
            return operations.publish_assessments([draft.code], actor=self.reviewer)[0]

        before = self.in_force(one, party, on)
        drafts = set(Assessment.objects.filter(commitment=one).values_list("pk", flat=True))
        done = self.order("judge", verb)
        if done is None:
            # A draft that was kept and refused later on its way waits for nobody here.
            left = Assessment.objects.filter(commitment=one).exclude(pk__in=drafts)
            assert not left.filter(review=Review.PUBLISHED).exists()
            return
        assert one.kind in ALLOWED[status], "a status of another kind was published"
        assert before == status or status in MOVES[before], f"{before} became {status}"
        assert on <= (timezone.now() + timedelta(hours=14)).date(), "a judgement of the future was published"
        if status in NEEDS_PROOF:
            proofs = done.evidence.filter(
                bearing="supports", act__in=["action", "outcome"], happened_on__lte=on
            )
            assert proofs.exists(), f"{status} without proof"

    def in_force(self, one: Commitment, party: str | None, on: date) -> str:
        """The status in force on a day, found by looking at all of them."""
        rows = Assessment.objects.published().filter(commitment=one, effective_on__lte=on).order_by("pk")
        found = [
            (row.effective_on, row.published_at, row.number, row.status)
            for row in rows.select_related("party")
            if (row.party.code if row.party else None) == party
        ]
        return max(found, key=lambda row: row[:3])[3] if found else Status.NOT_ASSESSED.value

    @rule(place=places)
    def retract(self, place: int) -> None:
        if row := self.one_of(Assessment, place, review=Review.PUBLISHED):
            verb = operations.retract_assessments
            self.order("retract", lambda: verb([row.code], actor=self.reviewer, why="Too early."))

    @rule(place=places, back=st.integers(-60, 100), length=st.one_of(st.none(), st.integers(0, 90)))
    def pause(self, place: int, back: int, length: int | None) -> None:
        begins = self.day(back)
        until = begins + timedelta(days=length) if length is not None else None
        new = NewPause(self.commitment(place).code, begins, "Both agreed.", until_on=until)
        self.order("pause", lambda: operations.pause_commitments([new], actor=self.reviewer))

    @rule(place=places, length=st.integers(0, 90), shifts=st.booleans())
    def resume(self, place: int, length: int, shifts: bool) -> None:
        if row := self.one_of(Pause, place):
            until = row.from_on + timedelta(days=length)
            self.order(
                "resume",
                lambda: operations.resume_commitments(
                    {row.code: until}, actor=self.reviewer, why="Agreed.", shifts_dates=shifts
                ),
            )

    @rule(
        place=places,
        hours=st.integers(-5, 3000),
        effect=st.sampled_from(["starts", "starts", "ends"]),
        secret=st.booleans(),
    )
    def record_a_fact(self, place: int, hours: int, effect: str, secret: bool) -> None:
        new = NewTrigger(
            self.commitment(place).code,
            "request",
            timezone.now() - timedelta(hours=hours),
            effect=effect,
            is_confidential=secret,
        )
        self.order("trigger", lambda: operations.record_triggers([new], actor=self.reviewer))

    @rule(place=places, away=st.booleans())
    def publish_or_withdraw_a_fact(self, place: int, away: bool) -> None:
        if row := self.one_of(Trigger, place):
            if away:
                verb = operations.withdraw_triggers
                self.order("withdraw fact", lambda: verb([row.code], actor=self.reviewer, why="It was none."))
            else:
                self.order(
                    "publish fact", lambda: operations.publish_triggers([row.code], actor=self.reviewer)
                )

    @rule(place=places, away=st.booleans(), amount=st.sampled_from(["1", "0.5", "-1"]))
    def money_comes_and_goes(self, place: int, away: bool, amount: str) -> None:
        if away and (row := self.one_of(Contribution, place)):
            verb = operations.withdraw_contributions
            self.order("withdraw money", lambda: verb([row.code], actor=self.reviewer, why="Twice."))
        else:
            told = world.money(self.commitment(place), amount=amount)
            self.order("money", lambda: operations.record_contributions([told], actor=self.reviewer))

    @rule(place=places, away=st.booleans(), stance=st.sampled_from(["disputes", "accepts"]))
    def parties_speak(self, place: int, away: bool, stance: str) -> None:
        if away and (row := self.one_of(Position, place)):
            how = {row.code: operations.Resolution(Settlement.KEPT, "Confirmed.")}
            self.order("resolve", lambda: operations.resolve_positions(how, actor=self.reviewer))
        else:
            told = world.a_position(self.commitment(place), stance=stance)
            self.order("position", lambda: operations.state_positions([told], actor=self.reviewer))

    @invariant()
    def the_rows_say_what_the_log_says(self) -> None:
        assert [str(found) for found in differences(timezone.now())] == []

    @invariant()
    def the_past_stays_as_it_was_seen(self) -> None:
        """What was shown at an instant is what is read of it later, whatever was recorded since."""
        now = timezone.now()
        rows: Any = Commitment.objects.standing_at(now)
        shown = {row.code: (row.status, row.timeliness, row.upkeep) for row in rows}
        # The next order falls into the next second, so that an instant has one answer.
        self.time.shift(timedelta(seconds=1))
        for at, seen in [*self.seen[:1], *self.seen[-1:]]:
            past = standing_of_accord(self.accord, Moment(at, known_at=at))
            found = {
                code: (one.standing.status, one.standing.timeliness, one.standing.upkeep)
                for code, one in past.items()
            }
            assert found == seen, at
        self.seen.append((now, shown))

    @invariant()
    def the_numbers_come_out_the_same_from_rows_and_log(self) -> None:
        now = timezone.now()
        assert entries_of(self.accord.pk) == entries_of(self.accord.pk, now)
        whole = statistics(self.accord, now.date()).whole
        assert whole.counted + sum(whole.excluded.values()) == whole.total == Commitment.objects.count()

    @invariant()
    def events_are_in_order(self) -> None:
        seqs = list(Event.objects.order_by("seq").values_list("seq", flat=True))
        assert seqs == list(range(1, len(seqs) + 1))


def some_beginnings() -> None:
    """Three entries with dates and evidence, so that every order has something to speak of."""
    accord = world.an_accord()
    world.a_person("editor")
    world.a_person("reviewer")
    for code, kind in (("TST-1", Kind.DELIVERABLE), ("TST-2", Kind.CONTINUING), ("TST-3", Kind.CONDITIONAL)):
        terms: dict[str, Any] = {"details": REQUEST} if kind == Kind.CONDITIONAL else {}
        if kind == Kind.CONTINUING:
            terms["ends"] = {"condition": "until it is paid"}
        one = world.a_commitment(accord, code, kind=kind, **terms)
        world.some_evidence(one)
        world.some_evidence(one, bearing="contradicts", happened="2024-09-01")
        if kind == Kind.CONDITIONAL:
            world.a_deadline(one, "", type="clock", duration="PT24H")
        else:
            world.a_deadline(one, "2025-02")


@pytest.mark.django_db
def test_orders_at_random_leave_guards_log_and_rows_in_one_piece() -> None:
    with time_machine.travel(BEGINNING - timedelta(days=1), tick=False):
        some_beginnings()
    run_state_machine_as_test(
        Register,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=IS_SHORT,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    told = f"done {dict(DONE)}, refused {dict(REFUSED)}"
    assert len(DONE) >= 10 and sum(DONE.values()) > sum(REFUSED.values()) / 3, told
    assert len(REFUSED) >= 4, told
