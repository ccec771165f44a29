"""The wire form of each noun: the REST feed, webhooks and exports share it. Reads in a fixed number of queries.

Codes and values only, no labels, except for the `sentence` of an event, which is in the active language. Texts in
several languages are objects from language to text. Unknown is null. Nothing of a person is ever in here.
"""

from commitments.wire.accords import accords
from commitments.wire.addresses import Wire, api_address, page_address, site_address
from commitments.wire.commitments import commitments
from commitments.wire.events import cursor_of, events, events_numbered
from commitments.wire.money import contributions

__all__ = [
    "Wire",
    "accords",
    "api_address",
    "commitments",
    "contributions",
    "cursor_of",
    "events",
    "events_numbered",
    "page_address",
    "site_address",
]
