"""The shapes of what has a list of its own besides accords and commitments."""

from __future__ import annotations

from commitments.api.shapes import SHAPES as NAMED
from commitments.api.shapes import SOURCE
from commitments.api.shaping import Shape, flag, link, many, obj, or_null, page, ref, text

_OWNER = {
    "url": link("This row in the API."),
    "commitment": text("The code of its commitment."),
    "commitment_url": link(),
    "page": link("The page of the commitment."),
    "accord": text("The code of its accord."),
    "example": flag("True: of a fictional accord."),
}


def _of_commitment(of: str) -> Shape:
    whole = NAMED[of]
    return obj(whole["description"], **whole["properties"], **_OWNER)


SHAPES: dict[str, Shape] = {
    "Party": obj(
        "A state or an organisation.",
        code=text(),
        url=link(),
        kind=text(),
        name=ref("Text"),
        time_zone=or_null(text("IANA name.")),
        accords=many(text(), "The codes of the accords to which it is a party."),
        commitments_url=link("Its commitments, in any role."),
    ),
    "Topic": obj("A subject.", code=text(), url=link(), label=ref("Text"), commitments_url=link()),
    "Provision": obj(
        "A numbered clause of the text of an accord.",
        id=text("ACCORD:CODE."),
        url=link(),
        code=text(),
        accord=text("The code of its accord."),
        accord_url=link(),
        commitments=many(text(), "The codes of the commitments that it carries."),
    ),
    "SourceOfAccord": obj(
        "A publication on which the record of an accord rests.",
        id=text("ACCORD:CODE."),
        url=link(),
        accord=text("The code of its accord."),
        accord_url=link(),
        **SOURCE,
        cited_by=many(text(), "The codes of the commitments that cite it."),
    ),
    "DeadlineOfCommitment": _of_commitment("Deadline"),
    "EvidenceOfCommitment": _of_commitment("Evidence"),
    "AssessmentOfCommitment": _of_commitment("Assessment"),
}
SHAPES |= {f"{name}Page": page(name) for name in tuple(SHAPES)}
