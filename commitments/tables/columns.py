"""Which column is what: a mapping file, or a guess from the headers in three languages."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from commitments.accord_files import BadFile, FileError, read
from commitments.accord_text import text_of
from commitments.tables.reading import Table

FORMAT = "accord-tracker-table/1"
LOCALIZED = ("title", "summary")
# A field, and the headers it usually stands under: English, Ukrainian, Japanese.
NAMES: dict[str, str] = {
    "code": "code|id|no|number|ref|reference|код|номер|№|コード|番号|識別子",
    "title.en": "title|name|commitment|obligation|title en|title english|english title|"
    "назва англійською|英語名|件名英語",
    "title.uk": "назва|зобов'язання|заголовок|title uk|title ua|title ukrainian|ukrainian title|"
    "назва українською|ウクライナ語名",
    "title.ja": "件名|約束|義務|名称|題名|タイトル|title ja|title jp|title japanese|japanese title|назва японською|日本語名",
    "summary.en": "summary|description|paraphrase|summary en|summary english|опис англійською|概要英語",
    "summary.uk": "опис|зміст|стислий виклад|summary uk|summary ua|summary ukrainian|опис українською",
    "summary.ja": "概要|要旨|説明|内容|summary ja|summary jp|summary japanese|опис японською",
    "section": "section|part|chapter|розділ|частина|章|部|区分",
    "provisions": "provision|provisions|article|clause|paragraph|положення|стаття|пункт|条項|条|規定",
    "kind": "kind|type|category|вид|тип|категорія|種類|種別",
    "strength": "strength|bindingness|сила|зобов'язальність|拘束力|強さ",
    "verb": "verb|verb words|wording|дієслово|формулювання|動詞|文言",
    "verb_source": "verb source|wording source|джерело формулювання|文言の出典",
    "provenance": "provenance|origin|походження|来歴|由来",
    "bound": "bound|bound parties|obligor|responsible|responsible party|who|зобов'язана сторона|"
    "зобов'язані сторони|"
    "відповідальна сторона|хто|義務者|義務国|責任者|拘束される側",
    "beneficiaries": "beneficiaries|beneficiary|for whom|вигодонабувачі|вигодонабувач|для кого|受益者|受益国",
    "counterparts": "counterparts|counterpart|with whom|partners|з ким|партнери|相手方|協力相手",
    "topics": "topics|topic|subject|тема|теми|分野|主題|トピック",
    "starts_on": "starts on|start|start date|begins|початок|дата початку|開始日|開始",
    "ends": "ends|ends on|end|end date|expires|кінець|дата завершення|діє до|終了日|終了|満了日",
    "deadline": "deadline|due|due date|due by|target date|by when|строк|термін|кінцевий строк|"
    "дедлайн|期限|期日|締切|締め切り",
    "deadline_label": "deadline label|what is due|milestone|що має бути зроблено|期限の内容|到達点",
    "deadline_type": "deadline type|вид строку|期限の種類",
    "deadline_authority": "deadline authority|deadline set by|set by|ким установлено строк|期限の設定者",
    "source": "source|sources|source code|джерело|джерела|出典|情報源",
    "lines": "lines|line|page|pages|locator|рядки|сторінка|行|頁|ページ|箇所",
    "verifiable": "verifiable|перевірне|можна перевірити|検証可能",
    "cautions": "cautions|caution|note|notes|remarks|comment|comments|застереження|примітка|"
    "примітки|коментар|備考|注記|注意",
}
REQUIRED = ("code", "title.en")


def plain(header: str) -> str:
    """A header without case, blanks and signs, so that “Due-date:” is “due date”."""
    return re.sub(r"[\W_]+", "", header.casefold().replace("№", "номер"))


_KNOWN = {plain(name): field for field, names in NAMES.items() for name in names.split("|")}


@dataclass(slots=True)
class Mapping:
    """Which header brings which field, what holds where no column says it, and what a cell's words mean."""

    columns: dict[str, str]
    defaults: dict[str, str] = field(default_factory=dict)
    values: dict[str, dict[str, str]] = field(default_factory=dict)
    unused: list[str] = field(default_factory=list)
    sheet: str = ""
    is_guess: bool = False

    def text(self) -> Iterator[str]:
        """The mapping as a file that `read_mapping` reads."""
        data: dict[str, Any] = {"format": FORMAT}
        if self.sheet:
            data["sheet"] = self.sheet
        data["columns"] = self.columns | dict.fromkeys(self.unused, "-")
        data["defaults"] = self.defaults
        data["values"] = self.values
        heading = (
            "Which column of a table brings which field of a commitment; a column with - is left out.",
            "defaults: what holds where a cell is empty. values: what the words of a cell mean, by field.",
            f"Fields: {', '.join(NAMES)}.",
        )
        return text_of(data, heading=heading)


def guess(table: Table) -> Mapping:
    """The mapping that the headers suggest; raises BadFile when two of them suggest the same field."""
    columns: dict[str, str] = {}
    unused, errors = [], []
    by_field: dict[str, str] = {}
    for index, header in enumerate(table.headers):
        if not header:
            continue
        name = header if header in NAMES else _KNOWN.get(plain(header), "")
        if not name:
            unused.append(header)
        elif name in by_field:
            errors.append(
                FileError(
                    0,
                    table.column(index),
                    _(
                        "“%(one)s” and “%(two)s” both look like “%(field)s”: say which in a mapping file (--write-mapping)"
                    )
                    % {"one": by_field[name], "two": header, "field": name},
                )
            )
        else:
            by_field[name] = header
            columns[header] = name
    if errors:
        raise BadFile(*errors)
    return Mapping(columns, unused=unused, is_guess=True)


def read_mapping(path: Path) -> Mapping:
    """The mapping of a file; raises BadFile naming the line of a field that there is not."""
    file = read(path)
    data = file.data
    errors = []
    if data.get("format") != FORMAT:
        errors.append(file.error(("format",), _("A mapping file begins with “format: %s”.") % FORMAT))
    for name in data:
        if name not in {"format", "sheet", "columns", "defaults", "values"}:
            errors.append(file.error((name,), _("A mapping has no such part.")))
    parts: dict[str, dict[str, Any]] = {}
    for name in ("columns", "defaults", "values"):
        parts[name] = data.get(name) or {}
        if not isinstance(parts[name], dict):
            raise BadFile(file.error((name,), _("This part is a mapping.")))
    known = ", ".join(NAMES)
    for header, name in parts["columns"].items():
        if name not in NAMES and name != "-":
            message = _("“%(name)s” is not one of %(known)s.") % {"name": name, "known": known}
            errors.append(file.error(("columns", header), message))
    for part in ("defaults", "values"):
        for name, value in parts[part].items():
            if name not in NAMES:
                message = _("“%(name)s” is not one of %(known)s.") % {"name": name, "known": known}
                errors.append(file.error((part, name), message))
            elif part == "values" and not isinstance(value, dict):
                errors.append(file.error((part, name), _("This part is a mapping.")))
    named = [name for name in parts["columns"].values() if name != "-"]
    for name in sorted({name for name in named if named.count(name) > 1}):
        errors.append(file.error(("columns",), _("“%(name)s” stands for two columns.") % {"name": name}))
    if errors:
        raise BadFile(*errors)
    return Mapping(
        columns={header: name for header, name in parts["columns"].items() if name != "-"},
        defaults={name: str(value) for name, value in parts["defaults"].items()},
        values={
            name: {str(word): str(code) for word, code in words.items()}
            for name, words in parts["values"].items()
        },
        unused=[header for header, name in parts["columns"].items() if name == "-"],
        sheet=str(data.get("sheet") or ""),
    )


def placed(table: Table, mapping: Mapping) -> dict[str, int]:
    """The column of each field; raises BadFile when a mapped header is missing, or a needed field has no column."""
    by_header: dict[str, int] = {header: index for index, header in enumerate(table.headers)}
    missing = [header for header in mapping.columns if header not in by_header]
    found = {name: by_header[header] for header, name in mapping.columns.items() if header in by_header}
    errors = [
        FileError(0, f"“{header}”", _("the table has no column with this header")) for header in missing
    ]
    errors += [
        FileError(
            0,
            name,
            _("no column brings this field; the headers are: %(headers)s")
            % {"headers": ", ".join(header for header in table.headers if header)},
        )
        for name in REQUIRED
        if name not in found and name not in mapping.defaults
    ]
    if errors:
        raise BadFile(*errors)
    return found


def preview(table: Table, mapping: Mapping) -> list[str]:
    """What the mapping makes of the columns, a line each, with the first value that stands in it."""
    lines = []
    for index, header in enumerate(table.headers):
        if not header:
            continue
        sample = next((row.values[index] for row in table.rows if _has(row.values, index)), "")
        name = mapping.columns.get(header)
        shown = " ".join(str(sample).split())[:40]
        lines.append(f"{table.column(index)} → {name or _('not used')}" + (f"   {shown}" if shown else ""))
    return lines


def _has(values: Sequence[object], index: int) -> bool:
    return index < len(values) and values[index] is not None
