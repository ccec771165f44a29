"""Programs that write over the API in the tests: a token in hand, the version they read, a new key each time."""

from __future__ import annotations

import functools
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.test import Client
from django.utils import timezone
from jsonschema import Draft202012Validator

from commitments import operations, tokens
from commitments.actors import loader
from commitments.models import (
    Accord,
    Assessment,
    Commitment,
    Deadline,
    Event,
    Evidence,
    KeptAnswer,
    Pause,
    Scope,
    Trigger,
)
from commitments.operations import NewPause, NewTrigger
from tests import world

EVIDENCE = {
    "act": "outcome",
    "bearing": "supports",
    "nature": "official",
    "source": "ministry",
    "happened": "2025-05-03",
}
JUDGEMENT = {
    "status": "fulfilled", "effective_on": "2025-06-02", "reason": "The ministry said so.", "confidence": "high",
    "evidence": [1],
}  # fmt: skip
TERMS = {"facts": [{"code": "request", "text": "a request of either party"}]}


@dataclass(frozen=True, slots=True)
class Writer:
    """A program with the token of a member of staff."""

    token: str

    def send(
        self,
        commitment: Commitment | str,
        path: str,
        body: Any = None,
        *,
        version: int | str | None = None,
        key: str | None = None,
        query: str = "",
        **headers: str,
    ) -> Any:
        """POSTs an order; the version is the one that stands unless told, the key a new one, `""` leaves a header out."""
        code = commitment if isinstance(commitment, str) else commitment.code
        if version is None:
            version = Commitment.objects.values_list("version", flat=True).filter(code=code).first() or 0
        sent = {
            "Authorization": f"Bearer {self.token}",
            "If-Match": f'"v{version}"' if isinstance(version, int) else version,
            "Idempotency-Key": f'"{uuid.uuid4()}"' if key is None else key,
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        raw = body if isinstance(body, bytes) else json.dumps({} if body is None else body).encode()
        return Client().generic(
            "POST",
            f"/api/v1/commitments/{code}/{path}{query}",
            raw,
            headers.get("Content_Type", "application/json"),
            headers={name: value for name, value in sent.items() if value and name != "Content-Type"},
        )


def writer(
    role: str, name: str = "", scopes: Sequence[str] = Scope.values, accord: Accord | None = None
) -> Writer:
    """A program of somebody with that role."""
    now = timezone.now()
    _row, text = tokens.make_token(
        world.a_person(role, name), name="A program", scopes=scopes, expires_at=now + timedelta(days=1),
        accord=accord, now=now,
    )  # fmt: skip
    return Writer(text)


def a_ready_commitment() -> Commitment:
    """A triggered duty with something for every order to act on.

    A1 is published, A2 submitted, A3 a draft; D1 is open, D2 the length of a clock, D3 a clock that runs, D4 met; E1
    carries A1 alone, E2 nothing; T1 is public, T2 confidential; P1 goes on.
    """
    row = world.a_commitment(world.an_accord(), kind="conditional", details={"trigger": TERMS})
    world.a_deadline(row, "2999-01")
    world.a_deadline(row, "", type="clock", duration="PT24H")
    asked = NewTrigger(row.code, "request", datetime(2025, 3, 1, tzinfo=UTC), note="By letter.")
    operations.record_triggers([asked], actor=loader())
    secret = NewTrigger(row.code, "request", datetime(2025, 3, 2, tzinfo=UTC), is_confidential=True)
    operations.record_triggers([secret], actor=loader())
    operations.pause_commitments([NewPause(row.code, date(2025, 7, 1), "Agreed.")], actor=loader())
    proof = world.some_evidence(row, happened="2025-05-01")
    world.some_evidence(row, happened="2025-05-02", bearing="context")
    author = world.actor("editor", "author")
    world.published(row, "in_progress", [proof], effective_on=date(2025, 5, 1))
    for make in (world.submitted, world.a_draft):
        make(row, "fulfilled", author, evidence=[proof.number], effective_on=date(2025, 6, 1))
    world.a_deadline(row, "2998", met_on=date(2025, 6, 1))
    row.refresh_from_db()
    return row


def standing() -> list[Any]:
    """Everything that a write could change."""
    models = (Commitment, Assessment, Evidence, Deadline, Pause, Trigger, Event, KeptAnswer)
    return [list(model._default_manager.order_by("pk").values()) for model in models]


@functools.cache
def shapes() -> dict[str, Any]:
    found: dict[str, Any] = Client().get("/api/v1/schema/").json()
    return found


def check(document: dict[str, Any], shape: str, value: Any) -> None:
    """Raises unless the value has the shape that the contract names."""
    whole = {"$ref": f"#/components/schemas/{shape}", "components": document["components"]}
    Draft202012Validator(whole).validate(value)
