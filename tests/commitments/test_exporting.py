"""Export: what an accord's file says, loaded again, is the same record, and exported again the same bytes."""

from __future__ import annotations

from datetime import UTC, date, datetime
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import orjson
import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections
from hypothesis import given, settings
from hypothesis import strategies as st

from commitments import operations, wire
from commitments.accord_files import read
from commitments.accord_text import text_of
from commitments.actors import Actor, loader
from commitments.importing import load_accord
from commitments.models import Accord, Commitment, Event, Instrument, Party, Source, Topic
from commitments.operations import NewPause, NewTrigger, Resolution
from tests import servers, world

FIXTURES = Path(__file__).resolve().parent.parent.parent / "fixtures"
TODAY = date(2026, 11, 23)
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
# What a file cannot bring: when something was entered here, and that it was entered as news.
OF_THE_ENTRY = {
    "version",
    "changed_at",
    "public_at",
    "published_at",
    "withdrawn_at",
    "retracted_at",
    "recorded_at",
    "resolved_at",
    "resumed_at",
    "closed_at",
    "origin",
}


def bare(value: Any) -> Any:
    """A wire form without the instants of entry."""
    if isinstance(value, dict):
        return {name: bare(item) for name, item in value.items() if name not in OF_THE_ENTRY}
    return [bare(item) for item in value] if isinstance(value, list) else value


def the_record() -> Any:
    """Everything that is told of the accords and what surrounds them."""
    commitments = wire.commitments(Commitment.objects.order_by("code"), NOW, history=True)
    for row in commitments:
        row["assessments"].sort(key=lambda one: one["code"])
        row["assessment"] = row["assessment"] and row["assessment"]["code"]
    return bare(
        orjson.loads(
            orjson.dumps(
                {
                    "accords": wire.accords(Accord.objects.order_by("code")),
                    "facts": list(Accord.objects.order_by("code").values_list("facts", flat=True)),
                    "commitments": commitments,
                    "parties": list(Party.objects.order_by("code").values("code", "kind", "name", "time_zone")),
                    "topics": list(Topic.objects.order_by("code").values("code", "label")),
                    "sources": list(
                        Source.objects.order_by("pk").values(
                            "code", "title", "author", "publisher", "published", "address", "nature",
                            "language", "file", "note",
                        )
                    ),
                    "instruments": list(
                        Instrument.objects.order_by("code").values(
                            "code", "name", "short_name", "type", "dates", "parties", "sources", "note"
                        )
                    ),
                    "provisions": list(
                        Accord.objects.order_by("code", "provisions__pk").values_list("provisions__code", flat=True)
                    ),
                }
            )
        )
    )  # fmt: skip


def differences(one: Any, other: Any, where: str = "") -> list[str]:
    """Where two records differ, place by place; an exhibit is a name, the same one or not."""
    if isinstance(one, dict) and isinstance(other, dict):
        return [
            found
            for name in sorted({*one, *other} - {"exhibit"})
            for found in differences(one.get(name), other.get(name), f"{where}.{name}")
        ]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = enumerate(zip(one, other, strict=True))
        return [found for index, pair in pairs for found in differences(*pair, f"{where}[{index}]")]
    return [] if one == other else [f"{where}: {one!r} != {other!r}"]


def exported(code: str) -> str:
    out = StringIO()
    call_command("export_accord", code, stdout=out)
    return out.getvalue()


def loaded_elsewhere(text: str, path: Path) -> tuple[Any, str]:
    """The record that the file gives in an empty database, and what that one exports."""
    path.write_text(text, encoding="utf-8")
    here = connection.settings_dict["NAME"]
    with servers.clone("again") as database:
        connections.close_all()
        connection.settings_dict["NAME"] = database.name
        try:
            report = load_accord(path, today=TODAY, now=NOW)
            assert report.differences == []
            assert not any(load_accord(path, today=TODAY).added.values())
            call_command("verify_log", stdout=StringIO())
            return the_record(), exported(report.accord)
        finally:
            connections.close_all()
            connection.settings_dict["NAME"] = here


@pytest.mark.parametrize(
    ("file", "code"),
    [("japan-ukraine-2024.yaml", "JP-UA-ACCORD-2024"), ("example-accord.yaml", "EX-LUME-ACCORD")],
)
def test_a_loaded_accord_exported_and_loaded_again_is_the_same_record(
    fresh_db: Any, tmp_path: Path, file: str, code: str
) -> None:
    load_accord(FIXTURES / file, today=TODAY, now=NOW)
    text = exported(code)
    record, again = loaded_elsewhere(text, tmp_path / "again.yaml")
    assert differences(record, the_record()) == []
    assert again == text


def test_what_staff_have_done_survives_as_history_with_its_reasons(fresh_db: Any, tmp_path: Path) -> None:
    accord = world.an_accord(facts={"on": "today", "a list": [1, {"b": None}], "empty": []})
    one = world.a_commitment(accord, steps=[{"label": {"en": "A step"}}])
    first, second = world.a_deadline(one, "2024-12"), world.a_deadline(one, "2025-23")
    reviewer = world.actor("reviewer")
    proof = world.some_evidence(one, quote='a "quoted": phrase # of words')
    spare = world.some_evidence(one, bearing="context")
    editor = world.actor("editor")
    world.a_draft(one, "in_progress", editor, evidence=[proof.number])
    begun = world.published(one, "in_progress", [proof])
    done = world.published(
        one, "fulfilled", [proof], effective_on=date(2024, 8, 2), reason="Line.\n\nAnd: two."
    )
    operations.withdraw_evidence([spare.code], actor=reviewer, why="A copy.")
    operations.retract_assessments([done.code], actor=reviewer, why="Too early.")
    late = world.a_deadline(one, "2026")
    operations.move_deadlines({first.code: "2025-03"}, actor=reviewer, why="Agreed.", authority="agreed")
    operations.move_deadlines({first.code: "2025-06"}, actor=reviewer, why="Agreed again.")
    operations.meet_deadlines({second.code: date(2025, 12, 24)}, actor=reviewer, why="Seen.")
    operations.retract_assessments([begun.code], actor=reviewer, why="Not shown.")
    world.published(one, "in_progress", [proof], effective_on=date(2024, 8, 3))
    world.a_commitment(accord, "TST-2", dependencies=[{"on": "TST-1", "type": "hard"}], kind="continuing")
    operations.correct_commitments(
        {one.code: {"title": {"en": "Do it well: now"}}}, actor=reviewer, why="A typing error."
    )
    text = exported(world.ACCORD)
    record, again = loaded_elsewhere(text, tmp_path / "again.yaml")
    assert differences(record, the_record()) == []
    assert again == text
    for reason in ("Too early.", "Not shown.", "A copy.", "Agreed again.", "Seen.", "Line.\\n\\nAnd: two."):
        assert reason in text
    assert late.code == "TST-1-D3"
    assert "number: 2" in text, "the draft keeps its number, so that public codes stay what they were"
    # The record it came from knows every row of it: nothing is added a second time.
    path = tmp_path / "home.yaml"
    path.write_text(text, encoding="utf-8")
    operations.scan(datetime.now(UTC))
    before = Event.objects.count()
    report = load_accord(path, today=TODAY)
    assert not any(report.added.values())
    assert (report.differences, Event.objects.count()) == ([], before)


def test_clocks_pauses_money_and_positions_survive_in_the_order_in_which_they_happened(
    fresh_db: Any, tmp_path: Path
) -> None:
    accord = world.an_accord()
    reviewer, machine = world.actor("reviewer"), loader()
    waits = world.a_commitment(
        accord,
        "TST-1",
        kind="conditional",
        details={"trigger": {"facts": [{"code": "attack", "text": "An attack"}], "all_needed": True}},
    )
    world.a_deadline(waits, "", duration="PT24H", type="clock", words="within 24 hours")
    first, second = operations.record_triggers(
        [
            NewTrigger(
                "TST-1", "attack", datetime(2025, 1, 2, hour, tzinfo=UTC), source="ministry", note="Seen."
            )
            for hour in (3, 4)
        ],
        actor=machine,
    )
    # Set after the clocks had started: it must get its number after theirs.
    world.a_deadline(waits, "2025-05")
    operations.meet_deadlines(
        {"TST-1-D2": datetime(2025, 1, 2, 20, 30, 5, 250000, tzinfo=UTC)}, actor=reviewer, why="They met."
    )
    operations.withdraw_triggers([second.code], actor=reviewer, why="It was the same attack.")
    assert first.code == "TST-1-T1"

    lasts = world.a_commitment(
        accord, "TST-2", kind="continuing", review_every="P6M", starts_on=date(2024, 7, 1)
    )
    done = world.some_evidence(lasts)
    world.published(lasts, "upheld", [done])
    operations.move_deadlines({"TST-2-D1": "2025-06"}, actor=reviewer, why="We look later.")
    shares = world.published(lasts, "upheld", [done], party="JPN", effective_on=date(2024, 9, 1))
    stated = operations.state_positions(
        [
            world.a_position(lasts, assessment=shares.number),
            world.a_position(lasts, stance="explains", text="So be it.", language="uk"),
        ],
        actor=reviewer,
    )
    operations.resolve_positions({stated[0].code: Resolution("kept", "It stands.")}, actor=reviewer)
    operations.verify_evidence([done.code], actor=Actor(office="second-desk", is_machine=True))

    paused = world.a_commitment(
        accord,
        "TST-3",
        kind="financial",
        details={"amount": {"value": "5000000", "currency": "USD", "bound": "minimum"}},
        unverifiable_why={"en": "Nobody counts."},
        is_verifiable=False,
    )
    world.a_deadline(paused, "2030-01-01", authority="agreed", source="ministry")
    world.a_deadline(paused, "2031")
    one, _other = (
        operations.pause_commitments(
            [NewPause("TST-3", day, "A flood.", until_on=until, source="press")], actor=reviewer
        )[0]
        for day, until in ((date(2025, 1, 1), None), (date(2024, 7, 1), date(2024, 8, 1)))
    )
    operations.resume_commitments(
        {one.code: date(2025, 2, 1)}, actor=reviewer, why="It ebbed.", shifts_dates=True
    )
    operations.waive_deadlines(["TST-3-D2"], actor=reviewer, why="Not needed.", source="press")
    world.some_evidence(paused, act="announcement")
    sums = operations.record_contributions(
        [
            world.money(paused, day="2025-03"),
            world.money(
                paused, amount="", amount_low="10", amount_high="12.5", bound="minimum", note="About."
            ),
            world.money(paused, stage="pledged", source=None, evidence=1, language="uk", note="Слово."),
        ],
        actor=reviewer,
    )
    operations.withdraw_contributions([sums[1].code], actor=reviewer, why="Counted twice.")
    waits_for_end = world.a_commitment(accord, "TST-4", ends={"on": None, "condition": "the flood is over"})
    operations.record_triggers(
        [NewTrigger("TST-4", "over", datetime(2025, 2, 2, 2, tzinfo=UTC), effect="ends")], actor=machine
    )
    exhibit = uuid4()
    for row in (paused, waits_for_end):
        world.some_evidence(row, exhibit=exhibit, act="announcement")

    text = exported(world.ACCORD)
    record, again = loaded_elsewhere(text, tmp_path / "again.yaml")
    assert differences(record, the_record()) == []
    assert again == text
    assert text.count(str(exhibit)) == 2
    assert "turn: " in text
    path = tmp_path / "home.yaml"
    path.write_text(text, encoding="utf-8")
    operations.scan(datetime.now(UTC))
    before = Event.objects.count()
    report = load_accord(path, today=TODAY)
    assert (report.differences, Event.objects.count()) == ([], before)


def test_a_fact_with_a_confidential_instant_is_not_exported(fresh_db: Any) -> None:
    accord = world.an_accord()
    terms = {"trigger": {"facts": [{"code": "attack", "text": "An attack"}], "all_needed": True}}
    world.a_commitment(accord, "TST-1", kind="conditional", details=terms)
    at = datetime(2025, 1, 2, 3, tzinfo=UTC)
    hidden = NewTrigger("TST-1", "attack", at, sent_at=at, hidden=["sent_at"])
    secret = NewTrigger("TST-1", "attack", at, is_confidential=True, note="Of the service.")
    operations.record_triggers([secret], actor=loader())
    assert "facts:\n" not in exported(world.ACCORD).replace("facts:\n        - code", "")
    assert "Of the service." not in exported(world.ACCORD)
    operations.record_triggers([hidden], actor=loader())
    with pytest.raises(CommandError, match="TST-1-T2 keeps instants confidential"):
        exported(world.ACCORD)


@pytest.mark.django_db
def test_the_file_is_made_for_reading(tmp_path: Path) -> None:
    load_accord(FIXTURES / "japan-ukraine-2024.yaml", today=TODAY)
    path = tmp_path / "out.yaml"
    out = StringIO()
    call_command("export_accord", "JP-UA-ACCORD-2024", output=path, stdout=out)
    assert "90 commitments" in out.getvalue()
    lines = path.read_text(encoding="utf-8").splitlines()
    long = [line for line in lines if len(line) > 110 and " " in line.strip()[20:]]
    assert [line for line in long if line.isascii() and "http" not in line] == []
    assert '  signed_on: "2024-06-13"' in lines
    assert list(tmp_path.iterdir()) == [path], "nothing else is left behind"
    assert world_loader_reads(path)


def world_loader_reads(path: Path) -> bool:
    """Whether the file passes its own schema."""
    from commitments.accord_files import check, read

    check(read(path))
    return True


_TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=40),
    st.text(alphabet="ab :#-'\"\\[]{},&*!?|>%@`~=\t\n日є ", max_size=300),
    st.sampled_from(
        ["on", "2024-06-13", "1e3", "null", "Yes", "a: b", "- a", "12:30:00", "0x1f", "a - b - " * 30]
    ),
)


@settings(max_examples=300, deadline=None)
@given(
    st.recursive(
        _TEXTS | st.none() | st.booleans() | st.integers(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXTS, inner, max_size=4),
        max_leaves=12,
    )
)
def test_whatever_a_file_holds_is_read_back_as_it_was(data: Any) -> None:
    with TemporaryDirectory() as home:
        path = Path(home) / "any.yaml"
        path.write_text("".join(text_of({"format": data})), encoding="utf-8", newline="")
        assert read(path).data == {"format": data}


@pytest.mark.django_db
def test_what_cannot_be_exported_says_so(tmp_path: Path) -> None:
    world.an_accord()
    with pytest.raises(CommandError, match=f"no accord “NONE”.*{world.ACCORD}"):
        call_command("export_accord", "NONE")
    with pytest.raises(CommandError, match="cannot be written"):
        call_command("export_accord", world.ACCORD, output=tmp_path / "missing" / "out.yaml")
    assert loader().office
