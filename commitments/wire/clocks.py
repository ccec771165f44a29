"""The wire form of what starts and stops the clocks of commitments: recorded facts and pauses; one query each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from commitments.models import Pause, Trigger
from commitments.wire.addresses import Rows

INSTANTS = ("happened_at", "sent_at", "received_at")


def triggers_of(keys: Sequence[int], codes: Mapping[int, str]) -> Rows:
    """The public facts; an instant that is kept confidential is null, and named in `hidden`."""
    found: Rows = defaultdict(list)
    for row in (
        Trigger.objects.public()
        .filter(commitment__in=keys)
        .select_related("source")
        .order_by("commitment_id", "number")
    ):
        found[row.commitment_id].append(
            {
                "code": f"{codes[row.commitment_id]}-T{row.number}",
                "fact": row.fact,
                "effect": row.effect,
                **{name: None if name in row.hidden else getattr(row, name) for name in INSTANTS},
                "hidden": row.hidden,
                "note": row.note or None,
                "source": row.source.code if row.source else None,
                "origin": row.origin,
                "public_at": row.public_at,
                "withdrawn_at": row.withdrawn_at,
                "withdrawn_why": row.withdrawn_why or None,
            }
        )
    return found


def pauses_of(keys: Sequence[int], codes: Mapping[int, str]) -> Rows:
    """The pauses with their reason and source; `until_on` is the day on which the clocks run again."""
    found: Rows = defaultdict(list)
    for row in (
        Pause.objects.filter(commitment__in=keys).select_related("source").order_by("commitment_id", "number")
    ):
        found[row.commitment_id].append(
            {
                "code": f"{codes[row.commitment_id]}-P{row.number}",
                "from_on": row.from_on,
                "until_on": row.until_on,
                "from_at": row.from_at,
                "until_at": row.until_at,
                "reason": row.reason,
                "source": row.source.code if row.source else None,
            }
        )
    return found
