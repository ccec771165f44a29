"""What the log adds to the rows: in which order things happened to a commitment, and the reasons given."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

import orjson

from commitments.exporting.rows import Wire, filled
from commitments.models import Accord, Event, Note
from commitments.words import EventKind


class Course:
    """The history of an accord's commitments as a file tells it.

    `after` counts the judgements of the commitment that had been published; rows are known by their public codes.
    """

    def __init__(self, accord: Accord) -> None:
        self.set_after: dict[str, int] = {}
        self.moves: dict[str, list[Wire]] = defaultdict(list)
        self.authority_before: dict[str, str] = {}
        self.met: dict[str, Wire] = {}
        self.published: dict[str, int] = {}
        self.retracted_after: dict[str, int] = {}
        self._judgements: dict[str, int] = defaultdict(int)
        said = Event.objects.filter(accord=accord, kind__in=self._readers()).order_by("seq")
        digests = said.exclude(note_digest="").values("note_digest")
        # A note that was erased leaves its place; the reason is told as removed.
        notes = dict(Note.objects.filter(digest__in=digests).values_list("digest", "text"))
        for kind, body, digest in said.values_list("kind", "body", "note_digest").iterator():
            document = orjson.loads(body)
            why = (notes.get(digest) or "[removed]") if digest else ""
            self._readers()[kind](document["commitment"], document["facts"], why)

    def _readers(self) -> dict[str, Callable[[str, Wire, str], None]]:
        return {
            EventKind.STATUS_PUBLISHED: self._publish,
            EventKind.STATUS_RETRACTED: self._retract,
            EventKind.DEADLINE_SET: self._set,
            EventKind.DEADLINE_MOVED: self._move,
            EventKind.DEADLINE_MET: self._meet,
        }

    def _publish(self, commitment: str, facts: Wire, why: str) -> None:
        self._judgements[commitment] += 1
        self.published[facts["assessment"]] = self._judgements[commitment]

    def _retract(self, commitment: str, facts: Wire, why: str) -> None:
        self.retracted_after[facts["assessment"]] = self._judgements[commitment]

    def _set(self, commitment: str, facts: Wire, why: str) -> None:
        self.set_after[facts["deadline"]] = self._judgements[commitment]

    def _move(self, commitment: str, facts: Wire, why: str) -> None:
        self.authority_before.setdefault(facts["deadline"], facts["before"]["authority"])
        is_changed = facts["authority"] != facts["before"]["authority"]
        self.moves[facts["deadline"]].append(
            filled(
                {
                    "to": facts["edtf"],
                    "why": why,
                    "authority": facts["authority"] if is_changed else None,
                    "after": self._judgements[commitment] or None,
                }
            )
        )

    def _meet(self, commitment: str, facts: Wire, why: str) -> None:
        self.met[facts["deadline"]] = filled(
            {"on": facts["met_on"], "why": why, "after": self._judgements[commitment] or None}
        )
