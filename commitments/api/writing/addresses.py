"""The addresses of the write side: one view for each order."""

from __future__ import annotations

from typing import Any

from django.urls import URLPattern, path, register_converter
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from commitments.api.writing import contract, dating, exhibits, judging, triggering
from commitments.api.writing.door import WriteDoor
from commitments.api.writing.orders import Order

ORDERS: tuple[Order, ...] = (*judging.ORDERS, *exhibits.ORDERS, *dating.ORDERS, *triggering.ORDERS)


class RowNumber:
    """The number of a row of a commitment, as it stands in an address."""

    regex = "[0-9]{1,4}"

    def to_python(self, value: str) -> str:
        """As it is."""
        return value

    def to_url(self, value: object) -> str:
        """As it is."""
        return str(value)


register_converter(RowNumber, "row")


def view_of(order: Order) -> Any:
    """The view of one order."""

    @extend_schema(**contract.described(order))
    def post(self: WriteDoor, request: Request, code: str, number: str = "") -> Response:
        return self.take(request, code, number)

    name = "".join(part.title() for part in order.name.split("_"))
    kind: Any = type(name, (WriteDoor,), {"order": order, "post": post, "__doc__": order.summary})
    return kind.as_view()


def addresses() -> list[URLPattern]:
    """One address for each order; they stand before that of a commitment, which takes whatever remains."""
    return [
        path(
            f"commitments/<path:code>/{order.path.replace('{number}', '<row:number>')}",
            view_of(order),
            name=order.name,
        )
        for order in ORDERS
    ]
