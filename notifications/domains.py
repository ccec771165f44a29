"""Domains that put everything off, or take mails slowly: left alone for a while, so that the mails to all others go on."""

from __future__ import annotations

from collections import deque

from django.db import connection
from django.db.models.functions import Now

from notifications.models import DomainPause, Outcome
from notifications.outbox import Ended

# When so many mails to a domain in a row were put off, and took so many seconds together, the others to that domain
# wait. Answers that come quickly hold up nobody: a server that puts off each address until it is named again
# (greylisting) is asked for all of them, since each mail has a pause of its own.
LIMIT, SECONDS = 5, 2.0
LONGEST_PAUSE = 60

_REST = """
INSERT INTO notifications_domainpause AS l (domain, until, tries, said)
VALUES (%(domain)s, statement_timestamp() + interval '10 s', 1, %(said)s)
ON CONFLICT (domain) DO UPDATE SET tries = l.tries + 1, said = %(said)s,
    until = statement_timestamp() + interval '10 s' * least(power(2, least(l.tries, 10)), %(longest)s / 10.0)
"""


class Patience:
    """What one round of a worker has learnt of the domains it writes to."""

    def __init__(self) -> None:
        # The seconds that each of the last ones took, as long as all were put off; and of those that were taken.
        self._wasted: dict[str, deque[float]] = {}
        self._took: dict[str, deque[float]] = {}
        self._slow: set[str] = set()
        self._over: set[str] = set()
        self._doubted: set[str] = set()
        # Domains to leave alone, with the words that said so, and (None) those that have taken a mail again.
        self._unkept: deque[tuple[str, str | None]] = deque()

    def closed(self) -> list[str]:
        """The domains to leave alone now; looked up once per claim."""
        rows = DomainPause.objects.annotate(now=Now()).values_list("domain", "until", "now")
        self._over.clear()
        self._doubted = {domain for domain, _until, _now in rows}
        return [*(domain for domain, until, now in rows if until > now), *self._slow]

    def is_over(self, domain: str) -> bool:
        """Whether no more mails to that domain should be tried for now."""
        return domain in self._over or domain in self._slow

    def go_on_with_the_slow(self) -> bool:
        """Nothing else is due: those that take mails slowly may go on; whether there are any."""
        were = bool(self._slow)
        self._slow.clear()
        return were

    def note(self, domain: str, ended: Ended, seconds: float) -> None:
        """Remembers an answer, and how long it took: one that was put off counts, one that was taken clears the domain.
        Asks nothing of the database: the mail that was answered is not settled yet."""
        if ended.outcome == Outcome.RETRY and ended.code is not None:
            wasted = self._wasted.setdefault(domain, deque(maxlen=LIMIT))
            wasted.append(seconds)
            if len(wasted) == LIMIT and sum(wasted) >= SECONDS:
                del self._wasted[domain]
                self._over.add(domain)
                self._unkept.append((domain, ended.reply))
        elif ended.outcome == Outcome.SENT:
            self._wasted.pop(domain, None)
            took = self._took.setdefault(domain, deque(maxlen=LIMIT))
            took.append(seconds)
            if len(took) == LIMIT and sum(took) >= SECONDS:
                # It has had its turn: the others that are due go first, in this round of this worker.
                took.clear()
                self._slow.add(domain)
            if domain in self._doubted:
                self._doubted.discard(domain)
                self._unkept.append((domain, None))

    def keep(self) -> None:
        """Writes down for all workers what was learnt; what could not be written is kept for the next time."""
        while self._unkept:
            domain, said = self._unkept[0]
            if said is None:
                DomainPause.objects.filter(domain=domain).delete()
            else:
                rest(domain, said)
            self._unkept.popleft()


def rest(domain: str, said: str) -> None:
    """Leaves a domain alone for 10, 20, 40, 60 seconds."""
    with connection.cursor() as cursor:
        cursor.execute(_REST, {"domain": domain, "said": said[:300], "longest": LONGEST_PAUSE})
