"""The names of parties, and the words of facts, by their codes, for sentences: the log holds codes, readers want names.
Names are read once a minute."""

from __future__ import annotations

import time
from typing import Any

from django.db.models.signals import post_save
from django.dispatch import receiver

from commitments.models import Commitment, Party
from tracker.kit.localized import pick

_FRESH = 60.0
# A page of the log may name the same few parties hundreds of times; nobody renames a state within a minute.
_names: dict[str, tuple[float, dict[str, str]]] = {}


@receiver(post_save, sender=Party)
def _forget(**_changes: Any) -> None:
    _names.clear()


def party_name(code: str) -> str:
    """The name in the active language; the code itself for a party that is not on record."""
    read_at, name = _names.get(code, (0.0, {}))
    now = time.monotonic()
    if not name or now - read_at > _FRESH:
        name = Party.objects.filter(code=code).values_list("name", flat=True).first() or {}
        _names[code] = (now, name)
    return pick(name) or code


def terms_of(trigger_code: str) -> dict[str, Any]:
    """What the duty waits for to which a recorded fact ("JUA-H01-T1") belongs; empty when it is not on record.

    Read each time: such facts are few, and the terms can be corrected."""
    code = trigger_code.rpartition("-T")[0]
    return Commitment.objects.filter(code=code).values_list("trigger", flat=True).first() or {}
