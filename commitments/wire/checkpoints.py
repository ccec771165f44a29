"""The wire form of checkpoints and of the keys that sign them."""

from __future__ import annotations

from django.db.models import QuerySet

from commitments.checkpoints import text_of
from commitments.models import Checkpoint, CheckpointKey
from commitments.wire.addresses import Wire


def checkpoints(found: QuerySet[Checkpoint]) -> list[Wire]:
    """Checkpoints with the exact text that each signature is over."""
    return [
        {
            "seq": row.seq,
            "hash": row.hash,
            "at": row.at,
            "site": row.site,
            "key": row.key_id,
            "signature": row.signature,
            "text": text_of(row.site, row.seq, row.hash, row.at, row.key_id),
        }
        for row in found
    ]


def keys() -> list[Wire]:
    """The public keys, the retired ones too: what they signed stays valid."""
    return [
        {
            "code": row.code,
            "algorithm": "Ed25519",
            "public": row.public,
            "first_used_at": row.first_used_at,
            "retired_at": row.retired_at,
        }
        for row in CheckpointKey.objects.order_by("first_used_at", "code")
    ]
