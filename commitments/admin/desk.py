"""The staff's desk: how much waits, what happened last, and whether the machinery still looks."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from commitments import jobs
from commitments.admin.reading import within
from commitments.announcing import waiting_since, what_is_wrong
from commitments.models import Assessment, Commitment, Event
from commitments.sentences import facts_of, sentence
from commitments.words import Review, Timeliness, Upkeep
from tracker.kit.briefly import Briefly


@dataclass(frozen=True, slots=True)
class Figure:
    """A number that leads to its rows; `is_work`: somebody should do something about it."""

    label: str
    number: int
    address: str
    is_work: bool


@dataclass(frozen=True, slots=True)
class Beat:
    """When a job last looked."""

    label: str
    said: str
    is_late: bool


@dataclass(frozen=True, slots=True)
class Desk:
    """Everything that the index shows."""

    figures: list[Figure]
    drafts: list[Assessment]
    events: list[dict[str, Any]]
    beats: list[Beat]


def in_seconds(length: timedelta) -> str:
    """A length of time in the largest unit that fits, rounded down."""
    seconds = max(0, int(length.total_seconds()))
    for size, one in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= 2 * size:
            count = seconds // size
            return {
                "day": ngettext("%d day", "%d days", count),
                "hour": ngettext("%d hour", "%d hours", count),
                "minute": ngettext("%d minute", "%d minutes", count),
            }[one] % count
    return ngettext("%d second", "%d seconds", seconds) % seconds


def desk_of(request: HttpRequest, beats: list[Beat]) -> Desk:
    """What needs doing in the accords that this member of staff has a role for."""
    now = timezone.now()
    list_page = reverse("admin:commitments_commitment_changelist")
    rows = within(request, Commitment.objects.standing_at(now), "accord_id")
    timeliness: Counter[str] = Counter()
    upkeep: Counter[str] = Counter()
    standings = rows.values_list("timeliness", "upkeep").annotate(number=Count("pk")).order_by()
    for code, ours, number in standings:
        timeliness[code] += number
        upkeep[ours] += number
    waiting = within(request, Assessment.objects.filter(review=Review.SUBMITTED), "commitment__accord_id")
    drafts = list(waiting.select_related("commitment").order_by("drafted_at")[:10])
    figures = [
        Figure(
            _("Judgements waiting for review"),
            waiting.count(),
            reverse("admin:commitments_assessment_changelist") + "?review__exact=submitted",
            True,
        ),
        *(
            Figure(label, upkeep[code], f"{list_page}?upkeep={code}", True)
            for code, label in (
                (Upkeep.VERDICT_DUE, _("Awaiting our verdict")),
                (Upkeep.REVIEW_DUE, _("Awaiting our review")),
                (Upkeep.EVIDENCE_STALE, _("Evidence out of date")),
            )
        ),
        Figure(
            _("Overdue by the parties"),
            timeliness[Timeliness.OVERDUE],
            f"{list_page}?timeliness={Timeliness.OVERDUE}",
            False,
        ),
    ]
    latest = within(request, Event.objects.order_by("-seq"), "accord_id").select_related(
        "commitment", "accord"
    )
    events = [{"event": row, "sentence": sentence(row.kind, facts_of(row.body))} for row in latest[:10]]
    return Desk(figures, drafts, events, beats)


def warnings(beats: list[Beat]) -> list[str]:
    """What stands still or is held back, for the banner on every page of the staff; empty when all is well."""
    late = "; ".join(f"{beat.label}: {beat.said}" for beat in beats if beat.is_late)
    warning = _("Something stands still. %(late)s. See whether beat, the workers and the mail server run.")
    return [*([warning % {"late": late}] if late else []), *what_is_wrong()]


def _read() -> tuple[dict[str, datetime], datetime | None]:
    return jobs.last_looks(), waiting_since()


_look = Briefly(_read, 5.0)


def beats_at(now: datetime) -> list[Beat]:
    """When each job last looked, and what has waited longest, as of `now` (UTC); known to within five seconds."""
    known, since = _look()
    found = []
    late = {job.name for job in jobs.late(known, now)}
    for job in jobs.ALL.values():
        at = known.get(job.name)
        said = _("never yet") if at is None else _("%(time)s ago") % {"time": in_seconds(now - at)}
        found.append(Beat(str(job.label), said, job.name in late))
    if since is None or since > now:
        found.append(Beat(_("Oldest waiting mail"), _("none waits"), False))
    else:
        found.append(
            Beat(
                _("Oldest waiting mail"),
                _("has waited %(time)s") % {"time": in_seconds(now - since)},
                now - since > 5 * jobs.SILENCE,
            )
        )
    return found
