"""Tables of commitments: what is guessed, shown, entered and refused; dates in words are kept, and formulas never run."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from datetime import date, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.core.management import CommandError, call_command

from commitments.models import Commitment, Deadline, Event
from commitments.tables import reading
from commitments.verifying import verify
from tests import world

HEADERS = "Code;Title;Назва;件名;Part;Responsible party;Deadline;Remarks"
ROWS = [
    "TST-1;Clear the fields;Розмінувати поля;畑の地雷除去;A;Japan;2025-23;",
    "TST-2;Open a school;;;Part two;JPN, Україна;as soon as peace allows;Two, or three",
    "TST-3;Pay;;;B;Government of Nowhere;31.12.2026;",
]


@pytest.fixture
def accord(db: None) -> Any:
    from commitments.models import Party

    made = world.an_accord()
    Party.objects.filter(code="UKR").update(name={"en": "Ukraine", "uk": "Україна", "ja": "ウクライナ"})
    return made


@pytest.fixture
def table(tmp_path: Path) -> Callable[..., Path]:
    def write(*rows: str, headers: str = HEADERS, name: str = "table.csv") -> Path:
        path = tmp_path / name
        path.write_text("\n".join([headers, *rows]) + "\n", encoding="utf-8")
        return path

    return write


def entered(path: Path, **options: Any) -> str:
    out = StringIO()
    call_command("import_commitments", str(path), accord=world.ACCORD, stdout=out, **options)
    return out.getvalue()


def refused(path: Path, **options: Any) -> str:
    before = (Commitment.objects.count(), Deadline.objects.count(), Event.objects.count())
    with pytest.raises(CommandError) as refusal:
        entered(path, **options)
    assert (Commitment.objects.count(), Deadline.objects.count(), Event.objects.count()) == before
    return str(refusal.value)


def test_headers_of_three_languages_are_guessed_and_shown(accord: Any, table: Any) -> None:
    said = entered(table(ROWS[0], ROWS[1], headers=HEADERS + ";Colour"), dry_run=True)
    for line in (
        "“Title” (B) → title.en   Clear the fields",
        "“Назва” (C) → title.uk   Розмінувати поля",
        "“件名” (D) → title.ja   畑の地雷除去",
        "“Part” (E) → section   A",
        "“Responsible party” (F) → bound   Japan",
        "“Colour” (I) → not used",
    ):
        assert line in said
    assert "line 2: TST-1: new" in said
    assert "line 3: TST-2: deadline kept as words: “as soon as peace allows”" in said
    assert not Commitment.objects.exists()


def test_a_table_enters_as_history_and_a_date_in_words_is_kept_and_never_passes(
    accord: Any, table: Any
) -> None:
    said = entered(table(ROWS[0], ROWS[1]))
    assert "2 commitments and 2 deadlines entered" in said
    one, two = Commitment.objects.order_by("code")
    assert one.title == {"en": "Clear the fields", "uk": "Розмінувати поля", "ja": "畑の地雷除去"}
    assert [part.party.code for part in two.participations.order_by("pk")] == ["JPN", "UKR"]
    assert two.cautions == ["Two, or three"]
    dated, in_words = one.deadlines.get(), two.deadlines.get()
    assert (dated.edtf, dated.authority, dated.last_on) == ("2025-23", "editorial", date(2025, 11, 30))
    assert (in_words.edtf, in_words.words, in_words.due_at) == ("", "as soon as peace allows", None)
    assert set(Event.objects.values_list("origin", flat=True)) == {"backfill"}
    assert verify()[1] is None
    now = datetime.fromisoformat("9998-01-01T00:00:00+00:00")
    assert Commitment.objects.standing_at(now).get(code="TST-2").timeliness != "overdue"  # type: ignore[attr-defined]


def test_every_error_of_every_row_is_named_by_line_and_column(accord: Any, table: Any) -> None:
    said = refused(
        table(
            *ROWS,
            ";No code;;;A;Japan;;",
            "TST-1;A second time;;;A;Japan;45610;",
            f"TST-6;{'x' * 10_000};;;Q;Japan;;",
        )
    )
    for line in (
        "line 4: “Responsible party” (F): “Government of Nowhere” is not one of JPN, UKR.",
        "line 5: “Code” (A): a code is needed",
        "line 6: “Code” (A): “TST-1” stands on line 2 already",
        "line 6: “Deadline” (G): 45610 looks like the serial number of a date (2024-11-14)",
        "line 7: “Title” (B): the cell holds 10,000 characters; 500 at most",
        "line 7: “Part” (E): “Q” is not one of A, B.",
    ):
        assert line in said


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"Code,Title,code\nA,B,C\n", "“code” (C): the same header stands above column A"),
        (b"Code,Title\nA,B,C\n", "line 2: C: a value stands in a column without a header"),
        (b"Code,Title\nA,=1+1\n", "line 2: B: the cell holds a formula"),
        (b"Code,Title\nA,x\x00y\n", "line 2"),
        (b"Code,Title\nA,\xff\n", "byte 13 is not UTF-8: save the table as UTF-8"),
        (b'Code,Title\nA,"x\n', "line 2: the quotes of this row cannot be read"),
        (b"Code,Title\n\nA," + b"y" * 30_000 + b"\n", "line 3: B: the cell holds 30,000 characters"),
        (b"Code,Title\n\nA," + b"y" * 90_000 + b"\n", "cannot be read"),
        (b"Code,Title\n", "headers and no rows"),
        (b"", "The table is empty"),
        (b"Code,Titel\nA,B\n", "title.en: no column brings this field; the headers are: Code, Titel"),
        (b"Code,Title,Name\nA,B,C\n", "“Title” and “Name” both look like “title.en”"),
    ],
)
def test_a_table_that_cannot_be_read_says_where(
    accord: Any, tmp_path: Path, content: bytes, says: str
) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    assert says in refused(path)


def test_an_encoding_can_be_named(accord: Any, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    for number, encoding in enumerate(("utf-16", "utf-8-sig")):
        path.write_text(f"Code\tTitle\tSection\nE-{number}\tЗерно\tA\n", encoding=encoding)
        entered(path)
    path.write_text("Code,Title,Section\nE-9,Зерно,A\n", encoding="cp1251")
    assert "--encoding" in refused(path)
    entered(path, encoding="cp1251")
    assert {row.title["en"] for row in Commitment.objects.all()} == {"Зерно"}
    assert "is no encoding" in refused(path, encoding="klingon")


def a_workbook(path: Path, *rows: list[Any], sheets: tuple[str, ...] = ()) -> Path:
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    for row in rows:
        page.append(row)
    for name in sheets:
        book.create_sheet(name)
    book.save(path)
    return path


def test_a_workbook_brings_real_dates_and_no_formula(accord: Any, tmp_path: Path) -> None:
    path = a_workbook(
        tmp_path / "t.xlsx",
        ["ID", "Obligation", "Section", "Due date", "Start date"],
        ["W-1", "Meet", "A", date(2026, 5, 1), date(2024, 7, 1)],
        [2, "Write", "A", 2026, None],
    )
    entered(path)
    assert Deadline.objects.get(commitment__code="W-1").edtf == "2026-05-01"
    assert Commitment.objects.get(code="W-1").starts_on == date(2024, 7, 1)
    assert Deadline.objects.get(commitment__code="2").edtf == "2026"
    book = a_workbook(tmp_path / "f.xlsx", ["ID", "Title", "Section"], ["W-3", '=HYPERLINK("x")', "A"])
    assert "line 2: B: the cell holds a formula" in refused(book)
    serial = a_workbook(
        tmp_path / "s.xlsx",
        ["ID", "Title", "Section", "Due"],
        ["W-4", "x", "A", 45610],
        ["W-5", "x", "A", 1.5],
    )
    said = refused(serial)
    assert "line 2: “Due” (D): 45610 looks like the serial number" in said
    assert "line 3: “Due” (D): 1.5 is a number and no date." in said
    two = a_workbook(tmp_path / "two.xlsx", ["ID", "Title"], ["W-6", "x"], sheets=("Other",))
    assert "There is no sheet “Third”; there are: Sheet, Other." in refused(two, sheet="Third")


def test_a_workbook_that_would_fill_the_memory_is_refused_before_it_is_unpacked(
    accord: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = a_workbook(tmp_path / "good.xlsx", ["ID", "Title", "Section"], ["W-1", "x", "A"])

    def with_part(name: str, content: bytes) -> Path:
        path = tmp_path / "bad.xlsx"
        with zipfile.ZipFile(good) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
            for part in old.namelist():
                new.writestr(part, content if part == name else old.read(part))
        return path

    bomb = with_part("xl/worksheets/sheet1.xml", b"0" * (reading.MAX_UNPACKED + 1))
    assert bomb.stat().st_size < 200_000
    assert "would unpack to more than" in refused(bomb)
    assert "would unpack to more than" in refused(with_part("xl/styles.xml", b" " * 5_000_000))
    # A sheet that says it has seventeen billion cells, and has three.
    head = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
    cells = b"".join(
        b'<c r="%s1" t="inlineStr"><is><t>%s</t></is></c>' % pair
        for pair in ((b"A", b"Code"), (b"B", b"Title"), (b"C", b"Section"))
    )
    far = b'<row r="1048576"><c r="A1048576" t="inlineStr"><is><t>W-9</t></is></c></row>'
    sheet = head + b'<dimension ref="A1:XFD1048576"/><sheetData><row r="1">' + cells + b"</row>" + far
    said = refused(with_part("xl/worksheets/sheet1.xml", sheet + b"</sheetData></worksheet>"))
    assert "line 1048576: “Title” (B): a title in English is needed" in said
    wide = b'<row r="2"><c r="XFD2"><v>1</v></c></row></sheetData></worksheet>'
    said = refused(with_part("xl/worksheets/sheet1.xml", head + b"<sheetData>" + wide))
    assert "more than 200 columns" in said
    monkeypatch.setattr(reading, "MAX_ROWS", 1)
    tall = a_workbook(tmp_path / "tall.xlsx", ["ID", "Title"], *([[f"W-{n}", "x"] for n in range(3)]))
    assert "more than 1 rows" in refused(tall)


@pytest.mark.parametrize("cut", [4, 100, 2000, -30])
def test_a_damaged_workbook_is_refused_in_a_line(accord: Any, tmp_path: Path, cut: int) -> None:
    whole = a_workbook(tmp_path / "t.xlsx", ["ID", "Title"], ["W-1", "x"]).read_bytes()
    path = tmp_path / "cut.xlsx"
    path.write_bytes(whole[:cut])
    assert "cannot be read" in refused(path)
    path.write_bytes(b"ID,Title\n")
    assert "not an XLSX workbook" in refused(path)
    empty = io.BytesIO()
    zipfile.ZipFile(empty, "w").close()
    path.write_bytes(b"PK\x03\x04" + empty.getvalue())
    assert "cannot be read" in refused(path)


def test_a_mapping_can_be_written_corrected_and_given(accord: Any, table: Any, tmp_path: Path) -> None:
    path = table("Z-1;Do it;once;yes", headers="Key;Wording of the duty;How often;Done")
    mapping = tmp_path / "map.yaml"
    said = entered(path, write_mapping=mapping)
    assert "“Key” (A) → not used" in said
    assert not Commitment.objects.exists()
    text = mapping.read_text(encoding="utf-8")
    for old, new in (
        ('Key: "-"', "Key: code"),
        ('Wording of the duty: "-"', "Wording of the duty: title.en"),
        ('How often: "-"', "How often: kind"),
        ("defaults: {}", "defaults: {section: B, strength: best efforts, bound: JPN}"),
        ("values: {}", "values: {kind: {Once: deliverable}}"),
    ):
        assert old in text
        text = text.replace(old, new)
    mapping.write_text(text, encoding="utf-8")
    entered(path, mapping=mapping)
    row = Commitment.objects.get(code="Z-1")
    assert (row.kind, row.strength, row.section.code) == ("deliverable", "best_efforts", "B")
    mapping.write_text(text.replace("How often: kind", "How often: kinds"), encoding="utf-8")
    assert "line 9: columns.How often: “kinds” is not one of code," in refused(path, mapping=mapping)
    mapping.write_text(text.replace("Key: code", "Keys: code"), encoding="utf-8")
    assert "“Keys”: the table has no column with this header" in refused(path, mapping=mapping)


def test_a_row_that_differs_is_shown_and_changed_only_for_a_reason(accord: Any, table: Any) -> None:
    entered(table(ROWS[0], ROWS[1]))
    seq = Event.objects.count()
    assert "0 new, 2 the same, 0 different" in entered(table(ROWS[0], ROWS[1]))
    changed = table(ROWS[0].replace("Clear the", "Clear all").replace("2025-23", "2027"), ROWS[1])
    for options in ({}, {"dry_run": True}):
        said = entered(changed, **options)
        assert "line 2: TST-1: differs" in said
        assert "  title.en: “Clear the fields” -> “Clear all fields”" in said
        assert "  deadline: “2025-23” -> “2027”" in said
        assert Event.objects.count() == seq
    assert "1 corrected" in entered(changed, correct="As the annex says.")
    row = Commitment.objects.get(code="TST-1")
    assert (row.title["en"], row.title["uk"]) == ("Clear all fields", "Розмінувати поля")
    deadline = row.deadlines.get()
    assert (deadline.edtf, deadline.original_edtf, deadline.revision) == ("2027", "2025-23", 1)
    assert set(Event.objects.filter(seq__gt=seq).values_list("kind", flat=True)) == {
        "commitment_corrected",
        "deadline_moved",
    }
    assert "0 new, 2 the same" in entered(changed)


def test_one_row_that_a_verb_refuses_keeps_all_out_and_is_named(accord: Any, table: Any) -> None:
    headers = "Code;Title;Section;Kind;Deadline;End"
    good = "B-1;Fine;A;deliverable;2026;"
    said = refused(table(good, "B-2;Recital;A;baseline;2026;", headers=headers))
    assert "line 3: commitment: A baseline is context" in said
    said = refused(table(good, "B-3;Backwards;A;deliverable;;2020", headers=headers))
    assert "line 3: ends: B-3 ends before it begins." in said
    with pytest.raises(CommandError, match="There is no accord NONE"):
        call_command("import_commitments", str(table(good)), accord="NONE", stdout=StringIO())
