"""The verb that takes down a note (a name, a secret): the words go, the event and the chain stay."""

from __future__ import annotations

from django.utils import timezone
from django.utils.translation import gettext as _

from commitments.actors import Actor
from commitments.log import append, operation
from commitments.models import Assessment, Contribution, Event, Evidence, Note, Pause, Position, Trigger
from commitments.refusals import refuse
from commitments.wordings import REMOVED
from commitments.words import EventKind


@operation
def redact_note(seq: int, *, actor: Actor, why_code: str) -> Note:
    """Erases the note of event `seq` (salt and text, and its copy on the row it came from); says so in the log.

    `why_code` is a code such as `personal-data` or `court-order`: the log keeps codes, never prose.
    Safe to repeat. Raises Refused for an event without a note.
    """
    event = Event.objects.filter(pk=seq).select_related("accord", "commitment").first()
    note = Note.objects.select_for_update().filter(pk=event.note_digest).first() if event else None
    if event is None or note is None:
        raise refuse("seq", "unknown", _("Event %(seq)s has no note.") % {"seq": seq})
    actor.require("redact", event.accord)
    if not why_code.strip():
        raise refuse("why", "required", _("A redaction needs a reason."))
    if note.redacted_at is not None:
        return note
    text = note.text
    note.text, note.salt, note.redacted_at = "", "", timezone.now()
    note.save(update_fields=["text", "salt", "redacted_at"])
    if event.commitment_id:
        for rows, name in (
            (Contribution.objects, "note"),
            (Contribution.objects, "withdrawn_why"),
            (Position.objects, "text"),
            (Position.objects, "resolved_why"),
            (Pause.objects, "reason"),
            (Trigger.objects, "note"),
            (Trigger.objects, "withdrawn_why"),
        ):
            rows.filter(commitment=event.commitment_id, **{name: text}).update(**{name: REMOVED})
        Assessment.objects.filter(commitment=event.commitment_id, reason=text).update(reason=REMOVED)
        Assessment.objects.filter(commitment=event.commitment_id, retracted_why=text).update(
            retracted_why=REMOVED
        )
        Evidence.objects.filter(commitment=event.commitment_id, withdrawn_why=text).update(
            withdrawn_why=REMOVED
        )
    append(
        EventKind.NOTE_REDACTED,
        event.accord,
        event.commitment,
        by=actor.office,
        facts={"seq": seq, "digest": note.digest, "why": why_code.strip()},
    )
    return note
