"""The shapes of the API's answers, as JSON Schema 2020-12 (OpenAPI 3.1): closed objects, so that a test proves them."""

from __future__ import annotations

from typing import Any, TypeAlias

from commitments import words
from tracker.kit.localized import LANGUAGES

Shape: TypeAlias = dict[str, Any]


def text(meaning: str = "", **more: Any) -> Shape:
    """A text."""
    return {"type": "string", **({"description": meaning} if meaning else {}), **more}


def or_null(shape: Shape) -> Shape:
    """The same, or null where it is not known or does not apply."""
    if "enum" in shape:
        return {**shape, "type": [shape["type"], "null"], "enum": [*shape["enum"], None]}
    if "$ref" in shape:
        return {"oneOf": [shape, {"type": "null"}]}
    return {**shape, "type": [shape["type"], "null"]}


def word(choices: Any, meaning: str = "") -> Shape:
    """A coded word of the vocabulary."""
    return text(meaning, enum=list(choices.values))


def day(meaning: str = "") -> Shape:
    """A calendar date."""
    return text(meaning, format="date")


def instant(meaning: str = "") -> Shape:
    """An instant in UTC."""
    return text(meaning, format="date-time")


def number(meaning: str = "") -> Shape:
    """A whole number."""
    return {"type": "integer", **({"description": meaning} if meaning else {})}


def flag(meaning: str = "") -> Shape:
    """Yes or no."""
    return {"type": "boolean", **({"description": meaning} if meaning else {})}


def link(meaning: str = "") -> Shape:
    """A full web address."""
    return text(meaning, format="uri")


def many(shape: Shape, meaning: str = "") -> Shape:
    """A list."""
    return {"type": "array", "items": shape, **({"description": meaning} if meaning else {})}


def free(meaning: str) -> Shape:
    """An object whose members differ from duty to duty."""
    return {"type": ["object", "null"], "description": meaning}


def obj(meaning: str, **members: Shape) -> Shape:
    """A closed object: every member is always there."""
    return {
        "type": "object",
        "description": meaning,
        "properties": members,
        "required": list(members),
        "additionalProperties": False,
    }


def chosen(of: Shape, meaning: str) -> Shape:
    """The same object of which a request may choose members, so that none must be there."""
    return {name: value for name, value in of.items() if name != "required"} | {"description": meaning}


def ref(name: str) -> Shape:
    """One of the named shapes."""
    return {"$ref": f"#/components/schemas/{name}"}


def page(of: str, **more: Shape) -> Shape:
    """A page of a list."""
    whole = obj(
        f"A page of {of}s.",
        results=many(ref(f"{of}Row")),
        next=or_null(link("The next page; null when there is nothing more.")),
        prev=or_null(link("The page before; null at the beginning.")),
        about=ref("About"),
        **more,
    )
    whole["properties"]["count"] = number("How many rows fit in all, where `count=true` asked for it.")
    return whole


SOURCE = {
    "code": text("Its code within the accord."),
    "title": or_null(text()),
    "author": or_null(text()),
    "publisher": or_null(text()),
    "published": or_null(text("When it was published, EDTF (ISO 8601-2), as exactly as is known.")),
    "published_on": or_null(day("The last day of that window.")),
    "address": or_null(text("Null: not known.")),
    "nature": word(words.Nature),
    "language": or_null(text()),
    "note": or_null(text()),
}
COMMITMENT = {
    "code": text("The stable public code."),
    "accord": text("The code of its accord."),
    "url": link("This commitment in the API."),
    "page": link("Its page for people."),
    "example": flag("True: fictional; show it as an example."),
    "title": ref("Text"),
    "summary": ref("Text"),
    "section": obj("The part of the accord.", code=text(), title=ref("Text")),
    "provisions": many(text(), "The clauses that carry it."),
    "instrument": or_null(text()),
    "related_instruments": many(text()),
    "kind": word(words.Kind),
    "strength": word(words.Strength, "How strong the verb of the text is."),
    "verb": {
        "oneOf": [
            obj("The verb it rests on.", words=or_null(text()), source=or_null(text())),
            {"type": "null"},
        ]
    },
    "provenance": word(words.Provenance),
    "topics": many(text()),
    "parties": obj(
        "Who is what to it.",
        **{
            role: many(obj("A party.", code=text(), name=ref("Text"), source=or_null(text())))
            for role in words.Role.values
        },
    ),
    "verifiable": flag("It can be seen from outside whether it is kept."),
    "unverifiable_why": or_null(ref("Text")),
    "counted": flag("Counts in percentages."),
    "starts_on": day(),
    "ends_on": or_null(day()),
    "ends_edtf": or_null(text()),
    "ends_when": or_null(text("The event that ends it, in words.")),
    "awaits_event": flag("It ends on an event that has not happened."),
    "triggered_at": or_null(instant("From when a conditional duty binds; null: it is dormant.")),
    "review_every": or_null(text("How long after a judgement we look again, ISO 8601 period.")),
    "parts": {
        "oneOf": [
            obj(
                "What it is made of.",
                expected=or_null(number("How many parts its sources speak of.")),
                listed=number("How many of them are on record, as entries or in a list; none is invented."),
                codes=many(text("The code of a part.")),
            ),
            {"type": "null"},
        ]
    },
    "period": free("The period that is counted."),
    "qualifiers": free("What limits the duty, by sort."),
    "amount": free("A sum of money; numbers are texts."),
    "portfolio": free("A duty that consists of many things."),
    "trigger": free("What starts a conditional duty."),
    "rhythm": free("How a duty recurs."),
    "cautions": many(text(), "What must not be read into it."),
    "contested": word(words.Contested, "Whether a party disputes what we say."),
    "status": word(words.Status, "What people judged."),
    "status_on": or_null(day("The day from which the status holds.")),
    "timeliness": word(words.Timeliness, "What the parties' clock says, as of `as_of`."),
    "upkeep": word(words.Upkeep, "What our own clock says; never the party's lateness."),
    "plain": word(words.Plain, "The standing in plain words, as a code."),
    "as_of": instant("The instant for which timeliness, upkeep and plain were computed."),
    "known_at": or_null(instant("Asked for the past: what the log had told by then; null: all of it.")),
    "corrected_since": flag(
        "Asked by `known_at`: its words or its target have been corrected since; they are shown as they read then."
    ),
    "due_at": or_null(instant("The first instant after the earliest open deadline of the parties.")),
    "due_authority": or_null(word(words.Authority, "Who set that deadline.")),
    "dependencies": many(
        obj("It leans on another.", on=text("The code of the other."), type=word(words.DependencyType))
    ),
    "evidence_count": number("How many pieces of evidence stand."),
    "version": number("Grows with every change of the commitment."),
    "changed_at": instant(),
    "deadlines": many(ref("Deadline")),
    "sources": many(ref("CitedSource"), "The documents that carry the commitment."),
    "evidence": many(ref("Evidence")),
    "assessment": or_null(ref("Assessment")),
    "shares": many(
        obj(
            "How the share of one bound party is judged, beside the whole.",
            party=text(),
            status=word(words.Status),
            status_on=day(),
            assessment=text("The code of the judgement."),
        )
    ),
    "triggers": many(ref("Trigger")),
    "pauses": many(ref("Pause")),
    "money": or_null(ref("Money")),
    "contributions": many(ref("Contribution")),
    "positions": many(ref("Position"), "What the parties say of it, beside our judgement."),
    "steps": many(
        obj(
            "A fact on the way; without a date it has not been found.",
            label=ref("Text"),
            on=or_null(text("EDTF")),
            happened_on=or_null(day()),
            source=or_null(text()),
            locator=or_null(text()),
        )
    ),
}
SHAPES: dict[str, Shape] = {
    "Text": {
        "type": "object",
        "description": "One text in several languages; a language that is missing has not been translated.",
        "properties": {code: {"type": "string"} for code in LANGUAGES},
        "additionalProperties": False,
    },
    "Source": obj("A publication.", **SOURCE),
    "CitedSource": obj("A publication and the lines of it.", **SOURCE, lines=many(text())),
    "Deadline": obj(
        "A date by which something is due.",
        code=text(),
        label=ref("Text"),
        type=word(words.DeadlineType),
        authority=word(words.Authority, "Who set it; only `text` and `agreed` can make a party late."),
        clock=word(words.Clock),
        words=or_null(text("As written.")),
        anchor_on=or_null(day("The day the words were written.")),
        edtf=or_null(text("The window, EDTF (ISO 8601-2).")),
        duration=or_null(text("The length of a clock that a trigger starts, ISO 8601.")),
        first_on=or_null(day()),
        last_on=or_null(day()),
        opens_at=or_null(instant()),
        due_at=or_null(
            instant("The first instant after the window, in the latest zone of the bound parties.")
        ),
        crosses_at=or_null(
            instant(
                "When it passes: due_at, or the end of a pause that it falls in; null while that is not known."
            )
        ),
        occurs_on=or_null(day("The day of the rhythm that it stands for.")),
        trigger=or_null(text("The code of the fact that started this clock.")),
        source=or_null(text("The code of the source in which its present date stands.")),
        original_edtf=or_null(text("The date as it was first set.")),
        original_due_at=or_null(instant()),
        revision=number("How often it was moved."),
        open=flag(),
        passed_at=or_null(instant("When it passed, if it is still open.")),
        met_at=or_null(instant("To the second, for a clock.")),
        met_on=or_null(day()),
        closed_as=or_null(word(words.ClosedAs)),
        closed_at=or_null(instant()),
    ),
    "Evidence": obj(
        "What a source shows about the commitment; withdrawn evidence stays, with the reason.",
        code=text(),
        nature=word(words.Nature),
        act=word(words.Act),
        bearing=word(words.Bearing),
        happened=or_null(text("When the fact happened, EDTF.")),
        happened_on=or_null(day()),
        source=ref("Source"),
        locator=or_null(text()),
        quote=or_null(text()),
        origin=word(words.Origin),
        exhibit=text("The same for every commitment that this piece of evidence is about.", format="uuid"),
        public_at=instant(),
        verified_on=or_null(day("When somebody else compared it with its source.")),
        verified_by=or_null(text("An office.")),
        withdrawn_at=or_null(instant()),
        withdrawn_why=or_null(text()),
    ),
    "Trigger": obj(
        "A fact that brought the duty to life, or that ended it; instants that are kept confidential are null.",
        code=text(),
        fact=text("Its code in the terms of the trigger."),
        effect=word(words.Effect),
        happened_at=or_null(instant()),
        sent_at=or_null(instant()),
        received_at=or_null(instant()),
        hidden=many(text("The name of an instant that is kept confidential.")),
        note=or_null(text()),
        source=or_null(text()),
        origin=word(words.Origin),
        public_at=instant(),
        withdrawn_at=or_null(instant()),
        withdrawn_why=or_null(text()),
    ),
    "Pause": obj(
        "A span in which no date passes.",
        code=text(),
        from_on=day(),
        until_on=or_null(day("The day on which the clocks run again; null: not known.")),
        from_at=instant(),
        until_at=or_null(instant()),
        reason=text(),
        source=or_null(text()),
    ),
    "Assessment": obj(
        "A judgement, by an office and never by a person.",
        code=text(),
        party=or_null(text("The bound party whose share it judges; null: the commitment as a whole.")),
        status=word(words.Status),
        effective_on=day("The day from which it holds."),
        reason=text(),
        language=text("The language of the reason."),
        confidence=word(words.Confidence),
        assessor=text(),
        codebook=text("The version of the vocabulary under which it was made."),
        origin=word(words.Origin),
        review=text("Retracted ones stay visible.", enum=["published", "retracted"]),
        published_at=instant(),
        retracted_at=or_null(instant()),
        retracted_why=or_null(text()),
        evidence=many(text("The code of an exhibit.")),
    ),
    "Commitment": obj("One promise, its terms, and where it stands.", **COMMITMENT),
    "CommitmentWithHistory": obj(
        "One promise with every public judgement it has had, the current one first.",
        **COMMITMENT,
        assessments=many(ref("Assessment")),
        explanation=many(
            obj(
                "One reason.",
                code=text("What sort of reason it is."),
                text=text("In the language of the answer."),
            ),
            "Why it stands as it does: which date, which rule, which evidence, what comes next.",
        ),
    ),
    "Accord": obj(
        "The frame in which commitments are made.",
        code=text(),
        url=link(),
        page=link(),
        slug=text(),
        example=flag("True: fictional; show it as an example."),
        names=ref("Text"),
        short_names=ref("Text"),
        about=ref("Text"),
        address=or_null(text("Where its text can be read.")),
        place=ref("Text"),
        signed_on=day(),
        in_effect_on=or_null(day()),
        ends_on=or_null(day()),
        four_eyes=flag("Nobody publishes what they drafted."),
        binding=flag("Legally binding."),
        languages=many(text()),
        prevailing_language=or_null(text()),
        parties=many(
            obj(
                "A party.",
                code=text(),
                kind=text(),
                name=ref("Text"),
                name_in_accord=ref("Text"),
                time_zone=or_null(text("IANA name.")),
            )
        ),
        sections=many(obj("A part.", code=text(), title=ref("Text"))),
        commitments=obj(
            "How many commitments it has.",
            total=number(),
            by_status={"type": "object", "additionalProperties": {"type": "integer"}},
        ),
        money=many(
            ref("StageSum"), "What is on record over all commitments; a sum inside a sum is counted once."
        ),
        commitments_url=link(),
        events_url=link(),
    ),
    "Event": obj(
        "One public fact of the log.",
        seq=number("Its place in the log: 1, 2, 3 in commit order, without gaps."),
        cursor=text("The place after it, for `after`: SEQ-hash8."),
        at=instant("When it entered the log."),
        kind=word(words.EventKind),
        origin=word(words.Origin, "backfill: history that was entered later, not news."),
        accord=text(),
        commitment=or_null(text()),
        example=flag("True: of a fictional accord."),
        happened_on=or_null(day("A date of the world.")),
        crossed_at=or_null(instant("The true instant, where the clock speaks.")),
        by=or_null(text("An office; null: the clock.")),
        sentence=text("What happened, in the language of the answer."),
        before={
            "description": "What stood before, where the event says so: a status, a date, or whether it is contested."
        },
        after={"description": "What stands after it."},
        note=or_null(text("The words that go with it; null when there are none or they were erased.")),
        note_language=or_null(text()),
        note_salt=or_null(text()),
        note_digest=or_null(text("SHA-256 over salt and note; the body holds it.")),
        note_redacted=flag("The words were erased; the chain still holds."),
        body=text("The exact text that is hashed."),
        prev_hash=text(),
        hash=text("SHA-256 over prev_hash and body."),
    ),
    "AccordPage": page("Accord"),
    "CommitmentPage": page("Commitment"),
    "EventPage": obj(
        "A page of the log.",
        results=many(ref("Event")),
        next=or_null(link("The next page; null when there is nothing more.")),
        has_more=flag("Whether more events stand in the log already."),
        cursor=text("The place to poll from, for `after`: nothing is missed, nothing comes twice."),
        about=ref("About"),
    ),
    "Checkpoint": obj(
        "An event that we have vouched for: whoever keeps this finds any later rewriting.",
        seq=number("The number of the event."),
        hash=text("Its hash."),
        at=instant("When it was signed."),
        site=text("For which site."),
        key=text("The code of the key, see /.well-known/accord-tracker-keys.json."),
        signature=text("Ed25519 (RFC 8032) over `text`, base64."),
        text=text("The exact text that is signed."),
    ),
    "CheckpointPage": page("Checkpoint"),
    "Index": obj(
        "Where everything is.",
        name=text(),
        accords=link(),
        parties=link(),
        provisions=link(),
        sources=link(),
        topics=link(),
        commitments=link(),
        deadlines=link(),
        assessments=link(),
        evidence=link(),
        contributions=link(),
        statistics=link(),
        events=link(),
        checkpoints=link(),
        keys=link(),
        schema=link(),
        docs=link(),
        log_head=text("The end of the log, SEQ-hash8."),
        codebook=text("The version of the vocabulary."),
        licence=or_null(text("The licence of the data.")),
    ),
    "About": obj(
        "What an answer says of itself, so that it can be cited.",
        publisher=text("Who runs this service."),
        address=link("What was asked."),
        log_head=text("The end of the log when it was read, SEQ-hash8."),
        at=instant("When it was read."),
        licence=or_null(text("The licence of the data; null: none is named.")),
    ),
    "Problem": {
        "type": "object",
        "description": "An error (RFC 9457).",
        "properties": {
            "type": text(),
            "title": text(),
            "status": number(),
            "detail": text(),
            "id": text("The operators find it in their logs by this."),
            "errors": many(
                {
                    "type": "object",
                    "properties": {"name": text("The parameter."), "reason": text(), "allowed": many(text())},
                    "required": ["name", "reason"],
                    "additionalProperties": False,
                }
            ),
        },
        "required": ["type", "title", "status", "id"],
        "additionalProperties": False,
    },
}
