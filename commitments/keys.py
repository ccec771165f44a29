"""How an accord file names the rows of a commitment."""

from __future__ import annotations

from commitments.models import Assessment, Deadline, Evidence


def key_of(row: Deadline | Evidence | Assessment) -> str:
    """The key of the file that brought the row, or its number in the record: row-3."""
    return row.file_key or f"row-{row.number}"
