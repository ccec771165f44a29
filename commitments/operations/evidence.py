"""Verbs on evidence: attach it to one commitment or many, verify it, and withdraw it with a reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

from django.utils import timezone
from django.utils.translation import gettext as _

from commitments.actors import Actor
from commitments.log import append, operation
from commitments.models import Commitment, Evidence, Source
from commitments.operations.accords import checked_source, edtf_day
from commitments.operations.guards import proves
from commitments.operations.keeping import check_version, locked, next_numbers, number_for, refresh
from commitments.refusals import refuse
from commitments.words import Act, Bearing, EventKind, Nature, Origin


@dataclass(frozen=True, slots=True)
class NewEvidence:
    """What to attach: a known source by code, or the facts of a new one; dates are EDTF values or empty (unknown).

    The same `exhibit` on several commitments says that it is one piece of evidence for all of them.
    """

    commitment: str
    act: str
    bearing: str
    nature: str
    source: str | None = None
    new_source: Mapping[str, Any] | None = None
    locator: str = ""
    quote: str = ""
    happened: str = ""
    exhibit: UUID | None = None
    file_key: str = ""
    number: int | None = None


def _source_for(
    order: NewEvidence, commitment: Commitment, number: int, known: dict[tuple[int, str], Source]
) -> Source:
    if order.source:
        key = (commitment.accord_id, order.source)
        if key not in known:
            raise refuse("source", "unknown", _("There is no source “%(code)s”.") % {"code": order.source})
        return known[key]
    if not order.new_source or not (order.new_source.get("title") or order.new_source.get("publisher")):
        raise refuse("source", "required", _("Evidence needs a source: its title or its publisher at least."))
    facts = dict(order.new_source)
    address = (facts.get("address") or "").strip()
    if address:
        same = Source.objects.filter(accord=commitment.accord, address=address).first()
        if same is not None:
            return same
    facts["address"] = address
    facts["nature"] = facts.get("nature") or order.nature
    # Named after the evidence that brings it, whose number is ours alone while the commitment is locked.
    facts["code"] = f"{commitment.code}-E{number}-source"
    source = checked_source(commitment.accord, facts)
    source.save()
    return source


def add_rows(
    orders: Sequence[NewEvidence],
    rows: Mapping[str, Commitment],
    *,
    actor: Actor,
    origin: str,
    public_at: datetime | None,
) -> list[Evidence]:
    """Inserts evidence rows (public from `public_at` on, None: with a draft); the commitments are locked."""
    now = timezone.now()
    today = timezone.localdate(now)
    accords = {row.accord_id for row in rows.values()}
    codes = {order.source for order in orders if order.source}
    known = {
        (source.accord_id, source.code): source
        for source in Source.objects.filter(accord__in=accords, code__in=codes)
    }
    numbers = next_numbers(Evidence, rows.values())
    new: list[Evidence] = []
    shared: dict[tuple[int, UUID], Source] = {}
    for order in orders:
        commitment = rows[order.commitment]
        for name, value, words in (
            ("act", order.act, Act),
            ("bearing", order.bearing, Bearing),
            ("nature", order.nature, Nature),
        ):
            if value not in words.values:
                raise refuse(
                    name,
                    "unknown",
                    _("“%(word)s” is not one of %(allowed)s.")
                    % {"word": value, "allowed": ", ".join(words.values)},
                )
        happened_on: date | None = edtf_day("happened", order.happened) if order.happened else None
        if happened_on and origin == Origin.LIVE and happened_on > today:
            raise refuse(
                "happened", "future", _("Evidence shows what has happened: the date lies in the future.")
            )
        if len(order.quote) > 300:
            raise refuse(
                "quote", "length", _("A quote has 300 characters at most: a short phrase with its place.")
            )
        number = number_for(Evidence, numbers, commitment, order.number)
        exhibit = order.exhibit or uuid4()
        source = shared.get((commitment.accord_id, exhibit))
        source = source or _source_for(order, commitment, number, known)
        shared[commitment.accord_id, exhibit] = source
        new.append(
            Evidence(
                commitment=commitment,
                number=number,
                file_key=order.file_key,
                source=source,
                exhibit=exhibit,
                locator=order.locator,
                quote=order.quote,
                nature=order.nature,
                act=order.act,
                bearing=order.bearing,
                happened=order.happened,
                happened_on=happened_on,
                origin=origin,
                added_at=now,
                added_by=actor.office,
                added_by_person_id=actor.person_id,
                public_at=public_at,
            )
        )
    Evidence.objects.bulk_create(new, batch_size=500)
    return new


def say_added(row: Evidence, actor: Actor, origin: str) -> None:
    """Appends the event of evidence that has become public."""
    append(
        EventKind.EVIDENCE_ADDED,
        row.commitment.accord,
        row.commitment,
        by=actor.office,
        origin=origin,
        happened_on=row.happened_on,
        facts={
            "evidence": row.code,
            "exhibit": str(row.exhibit),
            "source": row.source.code,
            "address": row.source.address or None,
            "nature": row.nature,
            "act": row.act,
            "bearing": row.bearing,
            "published": row.source.published or None,
            "happened": row.happened or None,
        },
    )


@operation
def attach_evidence(
    orders: Sequence[NewEvidence], *, actor: Actor, origin: str = Origin.LIVE, version: int | None = None
) -> list[Evidence]:
    """Attaches evidence to commitments (`version` is the first one's); it is public at once.

    Raises Refused naming the field and the rule.
    """
    rows = locked([order.commitment for order in orders], actor)
    for commitment in rows.values():
        actor.require("attach_evidence", commitment.accord)
    if orders:
        # The version is that of the commitment the order was opened on.
        check_version(rows[orders[0].commitment], version)
    new = add_rows(orders, rows, actor=actor, origin=origin, public_at=timezone.now())
    for row in new:
        say_added(row, actor, origin)
    refresh(list(rows.values()))
    return new


@operation
def verify_evidence(
    codes: Sequence[str], *, actor: Actor, version: int | None = None, now: datetime | None = None
) -> list[Evidence]:
    """Records that somebody compared public evidence with its source; not who attached it. Once is enough."""
    now = now or timezone.now()
    verified = []
    for commitment, row in _locked_rows(codes, actor, "verify_evidence", version):
        if row.withdrawn_at is not None:
            raise refuse("evidence", "withdrawn", _("%(code)s was withdrawn.") % {"code": row.code})
        if row.verified_on is not None:
            continue
        if actor.person_id is not None and actor.person_id == row.added_by_person_id:
            raise refuse(
                "", "second_person", _("Somebody else than who attached it compares it with its source.")
            )
        row.verified_on, row.verified_by = timezone.localdate(now), actor.office or "records-desk"
        row.save(update_fields=["verified_on", "verified_by"])
        append(
            EventKind.EVIDENCE_VERIFIED,
            commitment.accord,
            commitment,
            by=actor.office,
            origin=row.origin if actor.is_machine else Origin.LIVE,
            happened_on=row.verified_on,
            facts={"evidence": row.code, "source": row.source.code},
        )
        verified.append(row)
    if verified:
        refresh(list({row.commitment_id: row.commitment for row in verified}.values()))
    return verified


def _locked_rows(
    codes: Sequence[str], actor: Actor, verb: str, version: int | None
) -> list[tuple[Commitment, Evidence]]:
    """The public evidence of those codes with their commitments, locked."""
    owners = {code: code.rpartition("-E") for code in codes}
    rows = locked([owner for owner, _dash, _number in owners.values()], actor)
    found = []
    for code in sorted(owners):
        owner, _dash, number = owners[code]
        commitment = rows[owner]
        actor.require(verb, commitment.accord)
        check_version(commitment, version)
        row = (
            Evidence.objects.public()
            .filter(commitment=commitment, number=int(number))
            .select_related("source")
            .first()
            if number.isdecimal() and len(number) <= 4
            else None
        )
        if row is None:
            raise refuse("evidence", "unknown", _("There is no evidence %(code)s.") % {"code": code})
        row.commitment = commitment
        found.append((commitment, row))
    return found


@operation
def withdraw_evidence(
    codes: Sequence[str], *, actor: Actor, why: str, version: int | None = None, origin: str = Origin.LIVE
) -> list[Evidence]:
    """Withdraws public evidence, for a reason; it stays visible as withdrawn.

    Refused while a published judgement would stand without the support it needs: retract that first.
    """
    if not why.strip():
        raise refuse("why", "required", _("Withdrawing evidence needs a reason."))
    withdrawn = []
    now = timezone.now()
    for commitment, row in _locked_rows(codes, actor, "withdraw_evidence", version):
        if row.withdrawn_at is not None:
            continue
        money = row.contributions.standing().order_by("number").first()
        if money is not None:
            money.commitment = commitment
            raise refuse(
                "evidence",
                "needed",
                _("%(code)s shows the money of %(contribution)s: withdraw that contribution first.")
                % {"code": row.code, "contribution": money.code},
            )
        leaning = _only_support(row)
        if leaning:
            raise refuse(
                "evidence",
                "needed",
                _("%(code)s is the only support of %(assessment)s: retract that assessment first.")
                % {"code": row.code, "assessment": leaning},
            )
        row.withdrawn_at, row.withdrawn_why = now, why.strip()
        row.save(update_fields=["withdrawn_at", "withdrawn_why"])
        append(
            EventKind.EVIDENCE_WITHDRAWN,
            commitment.accord,
            commitment,
            by=actor.office,
            origin=origin,
            facts={"evidence": row.code, "source": row.source.code},
            note=why.strip(),
        )
        withdrawn.append(row)
    if withdrawn:
        refresh(list({row.commitment_id: row.commitment for row in withdrawn}.values()))
    return withdrawn


def _only_support(row: Evidence) -> str:
    """The code of the published judgement that would lose its only proof with this evidence; else empty."""
    for assessment in row.assessments.published().prefetch_related("evidence__source").order_by("number"):
        assessment.commitment = row.commitment
        proofs = [
            other
            for other in assessment.evidence.all()
            if other.withdrawn_at is None
            and proves(other, row.commitment, assessment.effective_on, assessment.status, assessment.origin)
        ]
        if [proof.pk for proof in proofs] == [row.pk]:
            return assessment.code
    return ""
