"""Accord files: what the Japan-Ukraine Accord must show, and how a file is refused, repeated and kept from judging."""

from __future__ import annotations

from datetime import UTC, date, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from commitments import operations
from commitments.accord_files import BadFile
from commitments.importing import load_accord
from commitments.log import head
from commitments.models import (
    Accord,
    Assessment,
    Citation,
    Commitment,
    Contribution,
    Deadline,
    Event,
    Evidence,
    Source,
)
from commitments.verifying import verify
from commitments.words import Plain, Status, Timeliness, Upkeep
from tests import world

FIXTURES = Path(__file__).resolve().parent.parent.parent / "fixtures"
JUA = FIXTURES / "japan-ukraine-2024.yaml"
EXAMPLE = FIXTURES / "example-accord.yaml"
TODAY = date(2026, 11, 23)
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.mark.django_db
def test_what_had_passed_before_a_load_is_not_news() -> None:
    load_accord(EXAMPLE, today=TODAY, now=NOW)
    passed = Event.objects.filter(crossed_at__isnull=False)
    assert {"became_overdue", "fell_behind_target", "review_became_due"} <= {event.kind for event in passed}
    assert {event.origin for event in passed} == {"backfill"}
    seq = head().seq
    operations.scan(NOW)
    assert head().seq == seq


@pytest.mark.django_db
def test_what_passed_in_the_record_is_news_although_a_load_is_the_first_to_look() -> None:
    load_accord(EXAMPLE, today=TODAY, now=NOW)
    world.a_deadline(Commitment.objects.get(code="EXA-06"), "2026-01")
    load_accord(EXAMPLE, today=TODAY, now=NOW)
    told = Event.objects.filter(crossed_at__isnull=False, commitment__code="EXA-06")
    assert [event.origin for event in told] == ["live"]


def standing(code: str) -> tuple[str, str, str]:
    row: Any = Commitment.objects.standing_at(NOW).get(code=code)
    return row.status, row.timeliness, row.upkeep


@pytest.mark.django_db
def test_the_accord_shows_what_it_must_show() -> None:
    report = load_accord(JUA, today=TODAY)
    assert report.differences == []
    assert Commitment.objects.count() == 90
    assert standing("JUA-B07")[0] == "fulfilled"
    assert Commitment.objects.get(code="JUA-B07").status_on == date(2024, 11, 16)
    # Agreed to be launched, and not launched: under way, our own look is due, nobody is late.
    assert standing("JUA-B10") == ("in_progress", "no_deadline", "verdict_due")
    assert standing("JUA-E06")[0] == "fulfilled"
    assert Commitment.objects.get(code="JUA-E06").status_on == date(2024, 10, 25)
    # The year 2024 of the money awaits our verdict; the text sets no deadline, so nobody is overdue.
    assert standing("JUA-A02") == ("in_progress", "no_deadline", "verdict_due")
    assert standing("JUA-F01") == ("not_assessed", "dormant", "current")
    assert standing("JUA-H01") == ("fulfilled", "met_on_time", "current")
    assert not any(row.timeliness == "overdue" for row in Commitment.objects.standing_at(NOW))  # type: ignore[attr-defined]
    assert Commitment.objects.filter(kind="baseline").exclude(status="not_assessed").count() == 0
    # The instrument is not the Accord: signing it is one duty, its entry into force another.
    assert standing("JUA-B08")[0] == "partly_fulfilled"


@pytest.mark.django_db
def test_every_entry_cites_its_sources_and_history_alerts_nobody() -> None:
    load_accord(JUA, today=TODAY)
    assert set(Citation.objects.values_list("commitment__code", flat=True)) == set(
        Commitment.objects.values_list("code", flat=True)
    )
    assert set(Event.objects.values_list("origin", flat=True)) == {"backfill"}
    assert verify()[1] is None
    for code in ("002", "003", "004"):
        assert Source.objects.get(code=code).address == "", "an address that is not known is not invented"
    for row in Commitment.objects.all():
        assert set(row.title) == set(row.summary) == {"en", "uk", "ja"}, row.code


@pytest.mark.django_db
def test_a_second_load_adds_nothing_and_changes_nothing_that_staff_judged() -> None:
    load_accord(JUA, today=TODAY)
    world.a_person("editor")
    commitment = Commitment.objects.get(code="JUA-B10")
    world.published(commitment, "stalled", effective_on=date(2025, 5, 1))
    before = (Event.objects.count(), Assessment.objects.count(), Evidence.objects.count())
    with CaptureQueriesContext(connection) as queries:
        report = load_accord(JUA, today=date(2027, 1, 1))
    assert not any(report.added.values())
    assert (Event.objects.count(), Assessment.objects.count(), Evidence.objects.count()) == before
    assert standing("JUA-B10")[0] == "stalled"
    assert not [q for q in queries if q["sql"].startswith("DELETE")]


@pytest.mark.django_db
def test_a_later_file_adds_what_is_missing_and_reports_what_differs(tmp_path: Path) -> None:
    text = JUA.read_text(encoding="utf-8")
    assert text.count("effective_on: '2025-11-06'") + text.count('effective_on: "2025-11-06"') == 1
    load_accord(JUA, today=TODAY)
    Commitment.objects.filter(code="JUA-B07").update(verb_words="something else")
    Deadline.objects.filter(commitment__code="JUA-B08").delete()
    report = load_accord(JUA, today=TODAY)
    assert report.added["deadlines"] == 1
    assert report.differences == ["JUA-B07: verb_words differs from the file"]


@pytest.mark.django_db
def test_the_example_shows_every_state_there_is() -> None:
    load_accord(EXAMPLE, today=TODAY, now=NOW)
    assert Accord.objects.get().is_example
    rows: list[Any] = list(Commitment.objects.standing_at(NOW).order_by("code"))
    assert {row.status for row in rows} == set(Status.values)
    assert {row.timeliness for row in rows} == set(Timeliness.values)
    table = (FIXTURES / "README.md").read_text(encoding="utf-8").partition("## What the example shows")[2]
    assert [line.split(" | ") for line in table.splitlines() if line.startswith("| EXA-")] == [
        [f"| {row.code} ({row.kind})", row.status, row.timeliness, f"{row.upkeep} |"] for row in rows
    ]
    assert {row.upkeep for row in rows} == set(Upkeep.values)
    from commitments.standing import plain

    assert {plain(row.status, row.timeliness, row.kind) for row in rows} == set(Plain.values)
    assert {"overdue", "in_window", "due_soon", "met_late"} <= {row.timeliness for row in rows}


@pytest.mark.django_db
def test_the_example_keeps_the_dates_of_its_first_load() -> None:
    load_accord(EXAMPLE, today=TODAY, now=NOW)
    before = list(Deadline.objects.order_by("pk").values_list("edtf", flat=True))
    report = load_accord(EXAMPLE, today=date(2027, 3, 1))
    assert list(Deadline.objects.order_by("pk").values_list("edtf", flat=True)) == before
    assert report.differences == []


@pytest.mark.django_db
def test_the_example_uses_every_noun_and_its_clock_runs_to_the_second() -> None:
    load_accord(EXAMPLE, today=TODAY, now=NOW)
    clock = Deadline.objects.get(commitment__code="EXA-23", trigger__isnull=False)
    assert clock.due_at == datetime(2026, 11, 24, 9, tzinfo=UTC)
    assert Deadline.objects.filter(set_by__isnull=False, commitment__code="EXA-08").count() == 1
    assert Commitment.objects.get(code="EXA-03").contested == "contested"
    assert Commitment.objects.get(code="EXA-22").contested == "resolved"
    money = Contribution.objects.filter(commitment__code="EXA-05")
    assert {row.currency for row in money} == {"XXX", "EUR"}
    assert {row.stage for row in money} == {"pledged", "allocated", "delivered"}
    assert Assessment.objects.filter(party__isnull=False).count() == 2
    report = load_accord(EXAMPLE, today=date(2027, 3, 1), now=NOW.replace(year=2027))
    assert report.differences == []
    assert {noun: number for noun, number in report.added.items() if number and noun != "deadlines"} == {}


@pytest.mark.django_db
def test_the_example_is_refused_in_production(settings: Any) -> None:
    settings.IS_PRODUCTION = True
    with pytest.raises(BadFile, match="never loaded in production"):
        load_accord(EXAMPLE, today=TODAY, now=NOW)


def broken(tmp_path: Path, old: str, new: str) -> Path:
    """The Accord with one place changed."""
    text = JUA.read_text(encoding="utf-8")
    assert old in text, old
    path = tmp_path / "broken.yaml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return path


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("kind: deliverable", "kind: promise", "kind"),
        ("strength: firm", "strength: steely", "strength"),
        ("status: fulfilled", "status: done", "status"),
        ("edtf: 2025-23", "edtf: sometime", "edtf"),
        ("slug: japan-ukraine-2024", "slug: Japan & Ukraine", "slug"),
    ],
)
def test_a_bad_file_names_line_and_field_and_changes_nothing(
    tmp_path: Path, old: str, new: str, says: str
) -> None:
    text = JUA.read_text(encoding="utf-8")
    if old not in text:
        key, value = old.split(": ")
        quoted = [f"{key}: '{value}'", f'{key}: "{value}"']
        old = next(candidate for candidate in quoted if candidate in text)
    path = broken(tmp_path, old, new)
    with pytest.raises(BadFile) as refusal:
        load_accord(path, today=TODAY)
    line = next(number for number, row in enumerate(path.read_text().splitlines(), 1) if new in row)
    assert any(error.line == line and says in error.field for error in refusal.value.errors), str(
        refusal.value
    )
    assert not Accord.objects.exists()
    assert not Event.objects.exists()


@pytest.mark.django_db
def test_the_message_tells_the_form_and_not_its_pattern(tmp_path: Path) -> None:
    for old, new, says in (
        ("edtf: 2025-23", "edtf: sometime", "'sometime' is not of this form: Days as an EDTF value"),
        ('signed_on: "2024-06-13"', 'signed_on: "today-3d"', "'today-3d' is not of this form: One day"),
        ("code: JUA-A01", "code: XYZ-A01", "does not begin with the accord's prefix: JUA-"),
    ):
        text = JUA.read_text(encoding="utf-8")
        if old not in text:
            old = old.replace("2025-23", '"2025-23"')
        with pytest.raises(BadFile) as refusal:
            load_accord(broken(tmp_path, old, new), today=TODAY)
        assert says in str(refusal.value)
        assert "^" not in str(refusal.value)


@pytest.mark.django_db
def test_a_file_that_breaks_a_rule_of_the_record_is_refused_whole(tmp_path: Path) -> None:
    # The schema cannot see it, the guard does: nothing fulfilled from the future.
    text = JUA.read_text(encoding="utf-8")
    old = next(q for q in ("effective_on: '2025-10-23'", 'effective_on: "2025-10-23"') if q in text)
    with pytest.raises(BadFile, match=r"JUA-H01.*effective_on.*future") as refusal:
        load_accord(broken(tmp_path, old, 'effective_on: "2999-10-23"'), today=TODAY)
    assert refusal.value.errors[0].line > 0
    assert not Commitment.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "mapping"),
        (b"- 1\n- 2\n", "mapping"),
        (b"a: 1\na: 2\n", "twice"),
        (b"a: &x [1]\nb: *x\n", "aliases"),
        (b"a: [1, 2\n", "YAML"),
        (b"\xff\xfe\x00", "UTF-8"),
        (b"a: " + b"[" * 60 + b"]" * 60, "deep"),
        (b"!!python/object/apply:os.system ['true']\n", "mapping"),
    ],
)
def test_what_is_no_accord_file_says_so_in_a_line(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(content)
    with pytest.raises(CommandError, match=says):
        call_command("load_accord", str(path))
    with pytest.raises(CommandError, match="No such file"):
        call_command("load_accord", str(tmp_path / "missing.yaml"))


@pytest.mark.django_db
def test_the_command_reports_and_the_log_verifies() -> None:
    out = StringIO()
    call_command("load_accord", str(EXAMPLE), stdout=out)
    assert "added 1 accords" in out.getvalue()
    call_command("verify_log", stdout=out)
    assert "The log holds" in out.getvalue()
