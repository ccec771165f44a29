"""Pages of the past: the day that a reader asks for, and rows put back (in memory alone) to where they stood."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from commitments import choosing
from commitments.models import Accord, Commitment, Deadline
from commitments.past import Moment, Past, PastDate
from commitments.words import Upkeep


class AsOfForm(forms.Form):
    """The day to look back to; empty: the present."""

    as_of = forms.DateField(
        label=gettext_lazy("As of"), required=False, input_formats=["%Y-%m-%d"], localize=False
    )

    def __init__(self, data: Any, now: datetime) -> None:
        super().__init__(data)
        self.now = now
        self.fields["as_of"].error_messages["invalid"] = _(
            "Give a day as year, month and day, such as 2024-11-17."
        )

    def clean_as_of(self) -> date | None:
        """Not a day that has not begun anywhere."""
        day: date | None = self.cleaned_data["as_of"]
        if day is not None and day > (self.now + timedelta(hours=14)).date():
            raise forms.ValidationError(
                _("That day has not begun anywhere: only the past can be asked for."), code="future"
            )
        return day

    @property
    def moment(self) -> Moment:
        """What is asked; the present where the day was refused."""
        return Moment(self.now, self.cleaned_data.get("as_of") if self.is_valid() else None)

    def too_many(self, most: int) -> tuple[str, str, str]:
        """The refusal of a page that would be too long to read back."""
        said = _(
            "This accord has more than %(most)s commitments: the data for programs tells its past, part by part."
        )
        return "as_of", str(self.fields["as_of"].label), said % {"most": most}

    def problems(self) -> list[tuple[str, str, str]]:
        """Each refusal as (name, label, message)."""
        return [
            (name, str(self.fields[name].label), str(message))
            for name, messages in self.errors.items()
            for message in messages
        ]


def today_of(accord: Accord, now: datetime) -> date:
    """The latest day that has begun among the parties of an accord."""
    zones = {party.time_zone for party in accord.parties.all() if party.time_zone} or {"UTC"}
    return max(now.astimezone(ZoneInfo(zone)).date() for zone in zones)


def put_back(found: Commitment, past: Past) -> Any:
    """The (unsaved) commitment as it stood, with `timeliness`, `upkeep` and `plain`."""
    row: Any = found
    row.status, row.status_on = past.standing.status, past.status_on
    row.timeliness, row.upkeep, row.plain = past.standing.timeliness, past.standing.upkeep, past.plain
    row.contested, row.triggered_at = past.contested, past.terms.triggered_at
    row.ends_on, row.awaits_event = past.ends_on, past.terms.awaits_event
    row.strength, row.provenance, row.is_counted = (
        past.told.strength,
        past.told.provenance,
        past.told.is_counted,
    )
    speaks = past.speaks
    row.due_at, row.due_authority = (speaks.due_at, speaks.authority) if speaks else (None, "")
    return row


def put_dates_back(rows: Iterable[Deadline], commitment: Commitment, past: Past) -> list[Deadline]:
    """The (unsaved) deadlines that there were, each as it stood."""
    there = []
    for row in rows:
        row.commitment = commitment
        found = past.dates.get(row.code)
        if found is not None:
            there.append(_put_date_back(row, found, past))
    return there


def _put_date_back(row: Deadline, found: PastDate, past: Past) -> Deadline:
    setting, closing = found.setting, found.closing
    row.authority, row.edtf, row.revision = setting.authority, setting.edtf, found.revision
    row.first_on, row.last_on = setting.first_on, setting.last_on
    row.opens_at, row.due_at = setting.opens_at, setting.due_at
    row.crosses_at = found.crosses_at(past.terms.pauses)
    row.closed_as = closing.closed_as if closing else ""
    row.closed_at = closing.at if closing else None
    row.met_on, row.met_at = (closing.met_on, closing.met_at) if closing else (None, None)
    return row


def tally(stood: Mapping[str, Past]) -> choosing.Tally:
    """The counts of the plain words at a moment."""
    counts: Counter[tuple[str, bool]] = Counter()
    awaiting: Counter[tuple[str, bool]] = Counter()
    for past in stood.values():
        key = (past.plain, past.told.is_counted)
        counts[key] += 1
        awaiting[key] += past.standing.upkeep != Upkeep.CURRENT
    return choosing.tally([(*key, number, awaiting[key]) for key, number in counts.items()])
