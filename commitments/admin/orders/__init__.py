"""The orders that the admin offers, by name: one file per noun."""

from commitments.admin.orders import dating, evidence, judging, money, triggering, wording
from commitments.admin.orders.base import Order

ORDERS: dict[str, Order] = {
    **judging.ORDERS,
    **dating.ORDERS,
    **triggering.ORDERS,
    **evidence.ORDERS,
    **money.ORDERS,
    **wording.ORDERS,
}

__all__ = ["ORDERS", "Order"]
