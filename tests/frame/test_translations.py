"""Every string that people read is there in three languages, and the compiled catalogues say what the sources say."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

ROOT = Path(__file__).resolve().parent.parent.parent
LOCALE = ROOT / "tracker" / "locale"
LANGUAGES = ("uk", "ja")
PLACEHOLDER = re.compile(r"%\((\w+)\)[sd]|%[sd]|{(\w+)}")


def catalogue(language: str, text: str | None = None) -> object:
    path = LOCALE / language / "LC_MESSAGES" / "django.po"
    return read_po(io.StringIO(text or path.read_text(encoding="utf-8")), locale=language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_string_is_translated_with_its_placeholders(language: str) -> None:
    left: list[str] = []
    for message in catalogue(language):  # type: ignore[attr-defined]
        if not message.id:
            continue
        ids = message.id if isinstance(message.id, tuple) else (message.id,)
        strings = message.string if isinstance(message.string, tuple) else (message.string,)
        if message.fuzzy or not all(strings):
            left.append(str(ids[0]))
            continue
        wanted = {name for text in ids for name in PLACEHOLDER.findall(text)}
        for text in strings:
            if not set(PLACEHOLDER.findall(text)) <= wanted or (
                len(strings) == 1 and set(PLACEHOLDER.findall(text)) != wanted
            ):
                left.append(f"placeholders: {ids[0]}")
    assert not left, f"{len(left)} in {language}: {left[:10]}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_compiled_catalogue_is_the_one_of_its_source(language: str) -> None:
    folder = LOCALE / language / "LC_MESSAGES"
    compiled = io.BytesIO()
    write_mo(compiled, catalogue(language))  # type: ignore[arg-type]
    assert compiled.getvalue() == (folder / "django.mo").read_bytes(), (
        "run: python3 manage.py compile_translations"
    )


def test_no_string_of_the_code_is_missing_from_the_catalogues(tmp_path: Path) -> None:
    if shutil.which("xgettext") is None:
        assert os.environ.get("CI", "").lower() != "true", "CI installs gettext"
        pytest.skip("no xgettext: install the package gettext")
    copy = tmp_path / "copy"
    shutil.copytree(
        ROOT,
        copy,
        ignore=shutil.ignore_patterns(".*", "staticfiles", "mutants", "node_modules", "tests", "__pycache__"),
    )
    known = {language: keys(language) for language in LANGUAGES}
    subprocess.run(
        [sys.executable, "-m", "django", "makemessages", "-l", "uk", "-l", "ja", "--no-location", "-v", "0"],
        cwd=copy,
        check=True,
        env={**os.environ, "PYTHONPATH": str(copy)},
        capture_output=True,
    )
    for language in LANGUAGES:
        text = (copy / "tracker" / "locale" / language / "LC_MESSAGES" / "django.po").read_text(
            encoding="utf-8"
        )
        missing = keys(language, text) - known[language]
        assert not missing, f"not in the {language} catalogue: {sorted(missing)[:10]}"


def keys(language: str, text: str | None = None) -> set[tuple[str, str]]:
    """Context and first form of every message that is in use."""
    return {
        (message.context or "", message.id[0] if isinstance(message.id, tuple) else message.id)
        for message in catalogue(language, text)  # type: ignore[attr-defined]
        if message.id
    }
