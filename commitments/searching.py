"""Pure: the words by which texts in English, Ukrainian and Japanese are found, the same when stored and when asked.

PostgreSQL keeps and matches them (tsvector, GIN) and knows the forms of English words; it knows none of Ukrainian, and
cannot cut Japanese. So Ukrainian words are reduced to a stem that their forms share, and Japanese is cut into pairs of
letters. Nothing here needs an extension of the server.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

_APOSTROPHES = re.compile("['’ʼ`´]")
# Runs of one script: Japanese letters, Cyrillic, and whatever else letters and digits are.
_RUNS = re.compile(
    r"(?P<japanese>[\u3005\u3041-\u309f\u30a1-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+)"
    r"|(?P<cyrillic>[\u0400-\u04ff]+)|(?P<latin>[^\W_\u0400-\u04ff\u3005-\u30ff\u3400-\u9fff\uf900-\ufaff]+)"
)
_SHORTEST = 3
# The longest first: endings of nouns and adjectives; those of verbs leave more of the word, since a short noun may end
# the same (звіти).
_OF_NOUNS = (
    "ого ому ими има ій ої ою ий ія ям ами ями ах ях ові еві єві ею єю ів їв ом ем єм а е и і о у ю я є ї й ь"
)
_OF_VERBS = "ти тися тись ться ть ся сь ли ла ло ють уть ять ать ити ати яти ують увати ював ував"
_LEAST = {
    **dict.fromkeys(_OF_NOUNS.split(), _SHORTEST - 1),
    **dict.fromkeys(_OF_VERBS.split(), _SHORTEST + 1),
}
_ENDINGS = sorted(_LEAST, key=lambda one: (-len(one), one))
_LONG = re.compile(r"(.)\1+$")
# Consonants that take each other's place before an ending (допомога, допомозі), and vowels in a closed syllable (рік, року).
_LAST = str.maketrans("зжцчсш", "ггккхх")
_VOWELS = {"і": "о", "е": "о", "є": "о"}
LONGEST = 40


def runs(text: str) -> Iterator[tuple[str, str]]:
    """The pieces of a text as (script, piece): small letters, compatible forms made one (NFKC)."""
    plain = _APOSTROPHES.sub("", unicodedata.normalize("NFKC", text).casefold()).replace("ґ", "г")
    for found in _RUNS.finditer(plain):
        script = found.lastgroup
        assert script is not None
        yield script, found[0]


def ukrainian_stem(word: str) -> str:
    """What the forms of a Ukrainian word share; short words stay as they are."""
    stem = word
    for ending in _ENDINGS:
        if stem.endswith(ending) and len(stem) - len(ending) >= _LEAST[ending]:
            stem = stem[: -len(ending)]
            break
    stem = stem.rstrip("аеиіоуюяєїйь") or stem
    if len(stem) < 2:
        return word
    stem = _LONG.sub(r"\1", stem)
    stem = stem[:-1] + stem[-1].translate(_LAST)
    for at in range(len(stem) - 1, 0, -1):
        if stem[at] in "аеиіоуюяєї":
            return stem[:at] + _VOWELS.get(stem[at], stem[at]) + stem[at + 1 :]
    return stem


def _pairs(run: str) -> list[str]:
    return [run[at : at + 2] for at in range(len(run) - 1)]


def lexemes(*texts: str) -> list[str]:
    """The words to store for texts, each once: words as written, Ukrainian stems, single letters and pairs of Japanese.

    The forms of English words are PostgreSQL's own business (its configuration `english`).
    """
    found: set[str] = set()
    for text in texts:
        for script, run in runs(text):
            if script == "japanese":
                found.update(run)
                found.update(_pairs(run))
                continue
            found.add(run[:LONGEST])
            if script == "cyrillic":
                found.add(_marked(run))
    return sorted(found)


def _marked(word: str) -> str:
    """The stem, kept apart from words as they are written: it ends with an equals sign."""
    return f"{ukrainian_stem(word)[:LONGEST]}="


def quoted(lexeme: str) -> str:
    """A lexeme as it stands in the text of a tsvector or a tsquery."""
    return "'" + lexeme.replace("\\", "\\\\").replace("'", "''") + "'"


def questions(text: str) -> list[tuple[str, str]]:
    """What a search asks: for every piece a tsquery, and the English word to look for besides (or nothing).

    All pieces must be found. A word may be the beginning of one. Empty: the text holds nothing to look for.
    """
    asked = []
    for script, run in runs(text):
        if script == "japanese":
            asked.append((" & ".join(quoted(piece) for piece in _pairs(run) or [run]), ""))
        elif script == "cyrillic":
            asked.append((f"{quoted(_marked(run))} | {quoted(run[:LONGEST])}:*", ""))
        else:
            asked.append((f"{quoted(run[:LONGEST])}:*", run))
    return asked
