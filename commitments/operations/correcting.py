"""Verbs on words: correct those of a commitment, and take down a wording that it once had."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _

from commitments.actors import Actor
from commitments.log import append, operation
from commitments.models import Commitment, Event, Wording
from commitments.operations.finding import store_words
from commitments.operations.keeping import check_version, locked, refresh
from commitments.operations.registering import check_rules, is_counted
from commitments.operations.targets import check_insides, checked_target, told_target
from commitments.refusals import Problem, Refused, refuse
from commitments.sentences import facts_of
from commitments.wordings import keep_wordings, terms_digest
from commitments.words import EventKind, Origin, Role
from tracker.kit.localized import check_localized

CORRECTABLE = (
    "title",
    "summary",
    "cautions",
    "verb_words",
    "verb_source",
    "ends_when",
    "review_every",
    "strength",
    "provenance",
    "amount",
)


@operation
def correct_commitments(
    changes: Mapping[str, Mapping[str, Any]],
    *,
    actor: Actor,
    why: str,
    version: int | None = None,
    origin: str = Origin.LIVE,
) -> list[Commitment]:
    """Corrects the words of commitments or the sum they promise, by code, for a reason; what is the same is left alone.

    Raises Refused for a field that is not CORRECTABLE, Stale when `version` is no longer the row's.
    """
    if not why.strip():
        raise refuse("why", "required", _("A correction needs a reason."))
    rows = locked(changes, actor)
    touched = []
    for code, row in rows.items():
        actor.require("correct", row.accord)
        check_version(row, version)
        before = terms_digest(row)
        fields = []
        for name, value in changes[code].items():
            if name not in CORRECTABLE:
                raise refuse(name, "fixed", _("“%(name)s” cannot be corrected.") % {"name": name})
            if name == "amount":
                value = checked_target(code, value, row.accord)
            if getattr(row, name) != value:
                setattr(row, name, value)
                fields.append(name)
        if not fields:
            continue
        check_rules(row)
        if "amount" in fields:
            check_insides(row.accord, [row])
        try:
            for name in ("title", "summary"):
                check_localized(getattr(row, name))
            row.clean_fields(exclude=["accord", "section", "instrument"])
        except ValidationError as error:
            messages = error.message_dict if hasattr(error, "error_dict") else {"title": error.messages}
            raise Refused(*(Problem(n, "invalid", m) for n, ms in messages.items() for m in ms)) from None
        is_bound = row.participations.filter(role=Role.BOUND).exists()
        row.is_counted = is_counted(row.kind, row.strength, row.is_verifiable, is_bound)
        row.save(update_fields=[*fields, "is_counted"])
        touched.append(row)
        append(
            EventKind.COMMITMENT_CORRECTED,
            row.accord,
            row,
            by=actor.office,
            origin=origin,
            facts={
                "fields": sorted(fields),
                "strength": row.strength,
                "provenance": row.provenance,
                "counted": row.is_counted,
                "target": told_target(row.amount),
                "terms_before": before,
                "terms": terms_digest(row),
            },
            note=why.strip(),
        )
    if touched:
        store_words(touched)
        keep_wordings(touched)
        refresh(touched)
    return touched


@operation
def redact_wording(seq: int, *, actor: Actor, why_code: str) -> Wording:
    """Erases the words that event `seq` registered or corrected a commitment to; says so in the log. Safe to repeat.

    `why_code` is a code such as `personal-data`: the log keeps codes, never prose. Raises Refused for an event without
    words, and for the words of today, which have to be corrected first.
    """
    event = Event.objects.filter(pk=seq).select_related("accord", "commitment").first()
    digest = facts_of(event.body).get("terms") if event else None
    kept = Wording.objects.select_for_update().filter(pk=digest).first() if digest else None
    if event is None or event.commitment is None or kept is None:
        raise refuse("seq", "unknown", _("Event %(seq)s has no wording.") % {"seq": seq})
    actor.require("redact", event.accord)
    if not why_code.strip():
        raise refuse("why", "required", _("A redaction needs a reason."))
    if kept.redacted_at is not None:
        return kept
    if digest == terms_digest(event.commitment):
        raise refuse("seq", "current", _("These are the words of today: correct them first."))
    kept.words, kept.redacted_at = None, timezone.now()
    kept.save(update_fields=["words", "redacted_at"])
    append(
        EventKind.WORDING_REDACTED,
        event.accord,
        event.commitment,
        by=actor.office,
        facts={"seq": seq, "digest": kept.digest, "why": why_code.strip()},
    )
    return kept
