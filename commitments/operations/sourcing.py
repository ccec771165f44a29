"""Where a fact comes from and who is in it: sources and parties, read once for all the orders of a verb."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from commitments.models import AccordParty, Commitment, Participation, Party, Source
from commitments.operations.accords import checked_source
from commitments.refusals import refuse


@dataclass(frozen=True, slots=True)
class Known:
    """What the orders may name: sources by accord id and code; parties by commitment id and code."""

    sources: Mapping[tuple[int, str], Source]
    parties: Mapping[int, Mapping[str, Party]]

    def party(self, code: str, commitment: Commitment, field: str = "party") -> Party:
        """A party of the accord, or one that the commitment names; raises Refused for any other."""
        found = self.parties[commitment.pk].get(code)
        if found is None:
            raise refuse(
                field,
                "unknown",
                _("“%(code)s” is no party of the accord, and the commitment does not name it.")
                % {"code": code},
            )
        return found

    def source(
        self, commitment: Commitment, code: str | None, new_source: Mapping[str, Any] | None, own_code: str
    ) -> Source | None:
        """The source of that code, or the one described, saved as `own_code` unless its address is known; None: neither.

        The commitment is locked, so that `own_code`, which is made of its code and a number of its own, is free. Raises
        Refused for an unknown code and for a description that breaks a rule.
        """
        if code:
            known = self.sources.get((commitment.accord_id, code))
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


def known_to(commitments: Collection[Commitment], source_codes: Iterable[str | None]) -> Known:
    """What orders about these commitments may name, in three queries."""
    accords = {row.accord_id for row in commitments}
    codes = {code for code in source_codes if code}
    sources = Source.objects.filter(accord__in=accords, code__in=codes)
    of_accords: dict[int, dict[str, Party]] = {accord: {} for accord in accords}
    for member in AccordParty.objects.filter(accord__in=accords).select_related("party"):
        of_accords[member.accord_id][member.party.code] = member.party
    parties = {row.pk: dict(of_accords[row.accord_id]) for row in commitments}
    for named in Participation.objects.filter(commitment__in=list(parties)).select_related("party"):
        parties[named.commitment_id][named.party.code] = named.party
    return Known({(row.accord_id, row.code): row for row in sources}, parties)
