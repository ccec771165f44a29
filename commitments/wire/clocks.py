"""The wire form of what starts and stops the clocks of commitments: recorded facts and pauses."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from commitments.models import Pause, Trigger
from commitments.wire.addresses import Wire
from tracker.kit.batch import Ready

INSTANTS = ("happened_at", "sent_at", "received_at")


TRIGGERS = Ready(
    lambda keys, _now: (
        Trigger.objects.public()
        .filter(commitment__in=keys)
        .order_by("commitment_id", "number")
        .values(
            "commitment_id",
            "number",
            "fact",
            "effect",
            *INSTANTS,
            "hidden",
            "note",
            "source__code",
            "origin",
            "public_at",
            "withdrawn_at",
            "withdrawn_why",
        )
    )
)
PAUSES = Ready(
    lambda keys, _now: (
        Pause.objects.filter(commitment__in=keys)
        .order_by("commitment_id", "number")
        .values(
            "commitment_id", "number", "from_on", "until_on", "from_at", "until_at", "reason", "source__code"
        )
    )
)


def trigger_of(row: Mapping[str, Any], commitment: str, now: datetime) -> Wire:
    """A public fact; an instant that is kept confidential is null, and named in `hidden`."""
    return {
        "code": f"{commitment}-T{row['number']}",
        "fact": row["fact"],
        "effect": row["effect"],
        **{name: None if name in row["hidden"] else row[name] for name in INSTANTS},
        "hidden": row["hidden"],
        "note": row["note"] or None,
        "source": row["source__code"],
        "origin": row["origin"],
        "public_at": row["public_at"],
        "withdrawn_at": row["withdrawn_at"],
        "withdrawn_why": row["withdrawn_why"] or None,
    }


def pause_of(row: Mapping[str, Any], commitment: str, now: datetime) -> Wire:
    """A pause with its reason and source; `until_on` is the day on which the clocks run again."""
    return {
        "code": f"{commitment}-P{row['number']}",
        "from_on": row["from_on"],
        "until_on": row["until_on"],
        "from_at": row["from_at"],
        "until_at": row["until_at"],
        "reason": row["reason"],
        "source": row["source__code"],
    }
