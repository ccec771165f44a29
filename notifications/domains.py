"""Domains that put everything off: left alone for a while, so that the mails to all others go on."""

from __future__ import annotations

from django.db import connection
from django.db.models.functions import Now

from notifications.models import DomainPause, Outcome
from notifications.outbox import Ended

# So many mails to a domain in a row that the server put off, and the others to that domain wait.
LIMIT = 5
LONGEST_PAUSE = 300

_REST = """
INSERT INTO notifications_domainpause AS l (domain, until, tries, said)
VALUES (%(domain)s, statement_timestamp() + interval '10 s', 1, %(said)s)
ON CONFLICT (domain) DO UPDATE SET tries = l.tries + 1, said = %(said)s,
    until = statement_timestamp() + interval '10 s' * least(power(2, least(l.tries, 10)), %(longest)s / 10.0)
"""


class Patience:
    """What one round of a worker has learnt of the domains it writes to."""

    def __init__(self) -> None:
        self._in_a_row: dict[str, int] = {}
        self._doubted: set[str] = set()

    def closed(self) -> list[str]:
        """The domains to leave alone now; looked up once per claim."""
        rows = DomainPause.objects.annotate(now=Now()).values_list("domain", "until", "now")
        self._in_a_row.clear()
        self._doubted = set()
        closed = []
        for domain, until, now in rows:
            self._doubted.add(domain)
            if until > now:
                closed.append(domain)
        return closed

    def is_over(self, domain: str) -> bool:
        """Whether no more mails to that domain should be tried in this round."""
        return self._in_a_row.get(domain, 0) >= LIMIT

    def note(self, domain: str, ended: Ended) -> None:
        """Remembers an answer: one that was put off counts, one that was taken clears the domain."""
        if ended.outcome == Outcome.RETRY and ended.code is not None:
            count = self._in_a_row[domain] = self._in_a_row.get(domain, 0) + 1
            # A domain that has not recovered since its last pause is paused again after one try.
            if count >= LIMIT or domain in self._doubted:
                self._in_a_row[domain] = LIMIT
                rest(domain, ended.reply)
        elif ended.outcome == Outcome.SENT:
            self._in_a_row.pop(domain, None)
            if domain in self._doubted:
                self._doubted.discard(domain)
                DomainPause.objects.filter(domain=domain).delete()


def rest(domain: str, said: str) -> None:
    """Leaves a domain alone for 10, 20, 40 .. 300 seconds."""
    with connection.cursor() as cursor:
        cursor.execute(_REST, {"domain": domain, "said": said[:300], "longest": LONGEST_PAUSE})
