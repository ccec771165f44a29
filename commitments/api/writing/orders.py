"""What every order over the API is: its address, the scope and role it needs, its fields, and the verb it is handed to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from commitments.actors import Actor
from commitments.api.writing.body import Field
from commitments.models import Commitment, Scope


@dataclass(frozen=True, slots=True)
class Given:
    """One order as it came in: `target` is the code of the row it is about, empty for one that makes a row."""

    commitment: Commitment
    target: str
    body: Mapping[str, Any]
    actor: Actor
    version: int
    now: datetime


@dataclass(frozen=True, slots=True)
class Made:
    """The row that an order has made or changed: what it is, its code, and how it stands now."""

    noun: str
    code: str
    state: str


@dataclass(frozen=True, slots=True)
class Order:
    """An order: POST to `commitments/CODE/` + `path`; `{number}` in it is the number of the row (`letter` in codes).

    `verb` names the role it needs (commitments.actors.NEEDS); the verb itself looks at it.
    """

    name: str
    path: str
    scope: Scope
    verb: str
    noun: str
    letter: str
    summary: str
    give: Callable[[Given], Made]
    example: Mapping[str, Any]
    fields: Sequence[Field] = ()
    status: int = 200
    # Whether refusals tell which statuses are open from here.
    tells_moves: bool = field(default=False)

    @property
    def has_number(self) -> bool:
        """Whether it is about a row that is there already."""
        return "{number}" in self.path
