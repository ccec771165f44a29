"""The cast: a small world of accords, commitments and people, made through the verbs, so that tests read as sentences."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from django.contrib.auth import get_user_model

from commitments import operations
from commitments.actors import Actor, loader
from commitments.models import Accord, Assessment, Commitment, Deadline, Evidence, Membership
from commitments.operations import (
    AccordFacts,
    Judgement,
    NewCommitment,
    NewContribution,
    NewDeadline,
    NewEvidence,
    NewPosition,
)
from commitments.words import Origin

PASSWORD = "correct horse battery staple"
ACCORD = "TST-2024"
# What a financial commitment promises.
TARGET = {"value": "4500000000", "currency": "USD", "bound": "exact", "period": "2024"}


def an_accord(code: str = ACCORD, **changes: Any) -> Accord:
    """An accord of Japan and Ukraine, signed 2024-06-13, four eyes, with two sections and one source."""
    row: dict[str, Any] = {
        "code": code,
        "slug": code.lower(),
        "names": {"en": f"Accord {code}", "uk": f"Угода {code}", "ja": f"アコード{code}"},
        "short_names": {"en": f"Accord {code}"},
        "signed_on": date(2024, 6, 13),
        "ends_on": date(2034, 6, 13),
        "four_eyes": True,
        "loaded_on": date(2024, 6, 13),
        **changes,
    }
    facts = AccordFacts(
        accord=row,
        parties=[
            {
                "code": "JPN",
                "kind": "state",
                "name": {"en": "Japan"},
                "time_zone": "Asia/Tokyo",
                "party": True,
            },
            {
                "code": "UKR",
                "kind": "state",
                "name": {"en": "Ukraine"},
                "time_zone": "Europe/Kyiv",
                "party": True,
            },
        ],
        sections=[{"code": "A", "title": {"en": "Part one"}}, {"code": "B", "title": {"en": "Part two"}}],
        provisions=["II.1", "III.1"],
        topics=[{"code": "demining", "label": {"en": "Demining"}}],
    )
    accord = operations.register_accord(facts, actor=loader(), origin=Origin.BACKFILL)
    operations.record_sources(
        accord,
        [
            {
                "code": "press",
                "title": "A report",
                "publisher": "A paper",
                "published": "2024-07-01",
                "nature": "press",
            },
            {
                "code": "ministry",
                "title": "An announcement",
                "publisher": "A ministry",
                "published": "2024-08-01",
                "nature": "official",
                "address": "https://ministry.example/notice",
            },
        ],
        actor=loader(),
    )
    return accord


def a_commitment(accord: Accord, code: str = "TST-1", **changes: Any) -> Commitment:
    """A firm deliverable that binds both parties."""
    terms: dict[str, Any] = {
        "code": code,
        "title": {"en": f"Do {code}", "uk": f"Зробити {code}", "ja": f"{code}を行う"},
        "summary": {"en": f"The parties do {code}."},
        "section": "A",
        "kind": "deliverable",
        "strength": "firm",
        "provenance": "official_text",
        "provisions": ["II.1"],
        "roles": {"bound": ["JPN", "UKR"], "beneficiaries": ["UKR"]},
        "topics": ["demining"],
        "citations": [{"source": "press", "lines": ["L2"]}],
        **changes,
    }
    return operations.register_commitments(
        accord, [NewCommitment(**terms)], actor=loader(), origin=Origin.BACKFILL
    )[0]


def a_deadline(commitment: Commitment, edtf: str = "2025-23", **changes: Any) -> Deadline:
    """A date of the text, on the parties' clock."""
    order: dict[str, Any] = {
        "commitment": commitment.code,
        "label": {"en": "Do it"},
        "type": "target",
        "authority": "text",
        "clock": "party",
        "edtf": edtf,
        **changes,
    }
    return operations.set_deadlines([NewDeadline(**order)], actor=loader(), origin=Origin.BACKFILL)[0]


def some_evidence(commitment: Commitment, *, actor: Actor | None = None, **changes: Any) -> Evidence:
    """A supporting outcome of 2024-08-01, reported by the ministry."""
    origin = changes.pop("origin", Origin.LIVE)
    order: dict[str, Any] = {
        "commitment": commitment.code,
        "act": "outcome",
        "bearing": "supports",
        "nature": "official",
        "source": "ministry",
        "happened": "2024-08-01",
        **changes,
    }
    return operations.attach_evidence([NewEvidence(**order)], actor=actor or loader(), origin=origin)[0]


def money(commitment: Commitment, **changes: Any) -> NewContribution:
    """1.5 billion dollars that Japan delivered in August 2024, told by the ministry."""
    told: dict[str, Any] = {
        "stage": "delivered",
        "currency": "USD",
        "amount": "1500000000",
        "day": "2024-08",
        "party": "JPN",
        "source": "ministry",
        **changes,
    }
    return NewContribution(commitment=commitment.code, **told)


def a_position(commitment: Commitment, **changes: Any) -> NewPosition:
    """Ukraine disputes the record, on 2024-09-01, in a note of the ministry."""
    told: dict[str, Any] = {
        "party": "UKR",
        "stance": "disputes",
        "text": "We see this differently.",
        "stated_on": date(2024, 9, 1),
        "source": "ministry",
        **changes,
    }
    return NewPosition(commitment=commitment.code, **told)


def a_judgement(commitment: Commitment, status: str, **changes: Any) -> Judgement:
    """A judgement with a reason, as of 2024-08-01."""
    return Judgement(
        commitment=commitment.code,
        status=status,
        **{
            "effective_on": date(2024, 8, 1),
            "reason": "Because the ministry said what was done.",
            "confidence": "high",
            **changes,
        },
    )


def a_draft(commitment: Commitment, status: str, actor: Actor, **changes: Any) -> Assessment:
    """A drafted judgement."""
    return operations.draft_assessments([a_judgement(commitment, status, **changes)], actor=actor)[0]


def submitted(commitment: Commitment, status: str, actor: Actor, **changes: Any) -> Assessment:
    """A drafted judgement that its author has handed to somebody who may publish it."""
    draft = a_draft(commitment, status, actor, **changes)
    return operations.submit_assessments([draft.code], actor=actor)[0]


def published(
    commitment: Commitment, status: str, evidence: Sequence[Evidence] = (), **changes: Any
) -> Assessment:
    """A judgement drafted by an editor and published by a reviewer."""
    editor, reviewer = actor("editor"), actor("reviewer")
    draft = submitted(commitment, status, editor, evidence=[item.number for item in evidence], **changes)
    return operations.publish_assessments([draft.code], actor=reviewer)[0]


def a_person(role: str, name: str = "", accord: Accord | None = None, **changes: Any) -> Any:
    """A signed-up member of staff with that role (for all accords unless one is given)."""
    users: Any = get_user_model().objects
    found = users.filter(username=name or role).first()
    if found is not None:
        return found
    user = users.create_user(name or role, password=PASSWORD, is_staff=True, **changes)
    Membership.objects.create(user=user, accord=accord, role=role, office=f"{role}s-desk")
    return user


def actor(role: str, name: str = "") -> Actor:
    """A member of staff as the verbs see one."""
    return Actor.of(a_person(role, name))
