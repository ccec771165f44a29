"""Where a fact comes from: a known source by its code, or a new one that the order brings along."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from commitments.models import Commitment, Source
from commitments.operations.accords import checked_source
from commitments.refusals import refuse


def source_for(
    commitment: Commitment, code: str | None, new_source: Mapping[str, Any] | None, own_code: str
) -> Source | None:
    """The source of that code, or the one described, saved as `own_code` unless its address is known; None for neither.

    The commitment is locked, so that `own_code`, which is made of its code and a number of its own, is free. Raises
    Refused for an unknown code and for a description that breaks a rule.
    """
    if code:
        known = Source.objects.filter(accord=commitment.accord_id, code=code).first()
        if known is None:
            raise refuse("source", "unknown", _("There is no source “%(code)s”.") % {"code": code})
        return known
    if not new_source or not (new_source.get("title") or new_source.get("publisher")):
        return None
    facts = dict(new_source)
    address = (facts.get("address") or "").strip()
    if address:
        same = Source.objects.filter(accord=commitment.accord_id, address=address).first()
        if same is not None:
            return same
    facts["address"], facts["code"] = address, own_code
    source = checked_source(commitment.accord, facts)
    source.save()
    return source
