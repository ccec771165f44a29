"""What an order of the admin is: a verb with its form and its words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import Model

from commitments.actors import Actor
from commitments.forms import OrderForm
from commitments.models import Commitment


@dataclass(frozen=True, slots=True)
class Order:
    """A verb as the admin offers it."""

    verb: str
    title: Any
    button: Any
    explains: Any
    form: type[OrderForm]
    give: Callable[[Any, Commitment, Any, Actor, int], Any]
    done: Any
    of: type[Model] | None = None
    is_grave: bool = False
    is_preview: bool = False
    # The column by which the address names what it acts on.
    by: str = "number"
    path: str = ""

    def at(self, name: str) -> Order:
        """The same with its address, which is made of its name and of what it acts on."""
        where = f"<int:pk>/{name.replace('_', '-')}/" + ("<int:number>/" if self.of else "")
        return replace(self, path=where)


def named(orders: Mapping[str, Order]) -> dict[str, Order]:
    """The orders, each with its address."""
    return {name: order.at(name) for name, order in orders.items()}
