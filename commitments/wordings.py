"""The words of commitments: their digest, which the log carries, and how they read at an earlier place of the log."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from commitments.log import canonical
from commitments.models import Commitment, Event, Wording
from commitments.past import Moment, Past
from commitments.words import EventKind

# What a correction may change and the log does not tell itself: prose, the interval of our reviews, the sum.
WORDS = ("title", "summary", "cautions", "verb_words", "verb_source", "ends_when", "review_every", "amount")
REMOVED = "[removed]"


def words_of(row: Commitment) -> dict[str, Any]:
    """The words of a commitment as a document; with its code, so that no two commitments share one."""
    return {"code": row.code, **{name: getattr(row, name) for name in WORDS}}


def digest_of(words: Mapping[str, Any]) -> str:
    """SHA-256 over the canonical JSON of a document of words, lower-case hexadecimal."""
    return hashlib.sha256(canonical(words).encode()).hexdigest()


def terms_digest(row: Commitment) -> str:
    """SHA-256 over the words of a commitment, so that the log proves them without holding prose."""
    return digest_of(words_of(row))


def keep_wordings(rows: Iterable[Commitment]) -> None:
    """Keeps the words of saved commitments as they read now; in the turn that tells the log of them."""
    kept = [(row, words_of(row)) for row in rows]
    Wording.objects.bulk_create(
        [Wording(digest=digest_of(words), commitment=row, words=words) for row, words in kept],
        batch_size=500,
        # Words that were taken down and are entered once more are there again.
        update_conflicts=True,
        unique_fields=["digest"],
        update_fields=["words", "redacted_at"],
    )


def corrected_since(codes: Sequence[str], known_at: datetime) -> set[str]:
    """Of those commitments, the codes of those that were corrected after that instant."""
    later = Event.objects.filter(kind=EventKind.COMMITMENT_CORRECTED, at__gt=known_at)
    return set(later.filter(commitment__code__in=codes).values_list("commitment__code", flat=True))


def words_then(past: Mapping[str, Past], moment: Moment) -> dict[str, dict[str, Any]]:
    """The words, by code, of those commitments that were corrected after the moment; at most two queries.

    Where a wording was taken down, `[removed]` stands for it.
    """
    if moment.known_at is None or not past:
        return {}
    codes = corrected_since(sorted(past), moment.known_at)
    digests = {code: past[code].told.terms for code in codes}
    kept = Wording.objects.in_bulk(set(digests.values())) if digests else {}
    return {code: _shown(kept[digest]) for code, digest in digests.items() if digest in kept}


def _shown(wording: Wording) -> dict[str, Any]:
    gone: dict[str, Any] = {"title": {"en": REMOVED}, "summary": {}, "cautions": [], "amount": None}
    words = wording.words or {name: gone.get(name, "") for name in WORDS}
    return {name: words[name] for name in WORDS}
