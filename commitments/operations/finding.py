"""Keeps the words by which commitments are found; the verbs that write words call it in the same turn."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection

from commitments.models import Commitment
from commitments.searching import lexemes, quoted

_STORE = """
INSERT INTO commitments_searchentry (commitment_id, words)
SELECT key, to_tsvector('english', english) || own::tsvector
FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS given(key, english, own)
ON CONFLICT (commitment_id) DO UPDATE SET words = EXCLUDED.words
"""


def store_words(rows: Sequence[Commitment]) -> None:
    """Stores code, title and summary of saved commitments for searching, in one statement."""
    if not rows:
        return
    texts = [[row.code, *row.title.values(), *row.summary.values()] for row in rows]
    with connection.cursor() as cursor:
        cursor.execute(
            _STORE,
            [
                [row.pk for row in rows],
                [f"{row.title.get('en', '')} {row.summary.get('en', '')}" for row in rows],
                [" ".join(map(quoted, lexemes(*said))) for said in texts],
            ],
        )
