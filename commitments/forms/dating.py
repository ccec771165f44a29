"""Forms about deadlines and pauses."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from commitments.forms.base import (
    InstantForm,
    OrderForm,
    day_field,
    instant_line,
    line,
    offer_sources,
    one_word,
    prose,
    source_field,
)
from commitments.models import Commitment, Deadline, Pause
from commitments.operations import NewDeadline
from commitments.refusals import Problem
from commitments.words import Authority, Clock, DeadlineType
from tracker.kit.localized import LANGUAGES


class SetDeadlineForm(OrderForm):
    """A deadline to set."""

    ALSO_CALLED = {"label": "label_en"}
    label_en = line(_("What is due (English)"), 200)
    label_uk = line(_("What is due (Ukrainian)"), 200)
    label_ja = line(_("What is due (Japanese)"), 200)
    type = one_word(_("Type"), DeadlineType)
    authority = one_word(
        _("Set by"), Authority, help_text=_("Only the text or an agreement can make a party late.")
    )
    clock = one_word(_("Whose clock"), Clock)
    edtf = line(
        _("Date or window"),
        40,
        help_text=_("EDTF: 2025-11-16, 2025-11, 2025-23 (autumn), 2025-10-01/2025-10-15."),
    )
    duration = line(
        _("Or the length of a clock"), 20, help_text=_("ISO 8601, such as PT24H: for what a trigger starts.")
    )
    words = line(_("As written"), 300)
    anchor_on = day_field(_("Written on"), required=False)
    source = source_field(_("Where it is written"))

    def prepare(self) -> None:
        """The sources of the accord."""
        offer_sources(self)

    def order(self) -> NewDeadline:
        """What the verb is asked to set."""
        given = self.cleaned_data
        return NewDeadline(
            commitment=self.commitment.code,
            label={code: given[f"label_{code}"] for code in LANGUAGES if given[f"label_{code}"]},
            type=given["type"],
            authority=given["authority"],
            clock=given["clock"],
            edtf=given["edtf"],
            duration=given["duration"],
            words=given["words"],
            anchor_on=given["anchor_on"],
            source=given["source"] or None,
        )


class MoveDeadlineForm(OrderForm):
    """A deadline to move; the original date stays on record."""

    edtf = line(_("New date or window"), 40, help_text=_("EDTF: 2025-11-16, 2025-11, 2025-23 (autumn)."))
    authority = one_word(_("Now set by"), Authority, required=False, help_text=_("Empty: as before."))
    source = source_field(_("Where the new date stands"))
    why = prose(_("Reason"), required=False, help_text=_("Public; it stays in the log."))

    def prepare(self) -> None:
        """The sources of the accord."""
        offer_sources(self)

    def first_values(self, commitment: Commitment, target: Deadline) -> dict[str, Any]:
        """The date that stands now."""
        return {"edtf": target.edtf}


class MeetDeadlineForm(InstantForm):
    """A deadline that was met: on a day, or for a running clock at an instant."""

    INSTANTS = ("met_at",)
    met_on = day_field(_("Met on"), required=False)
    met_at = instant_line(_("Met at"), required=False, help_text=_("A running clock is met to the second."))
    why = prose(_("Note"), required=False, help_text=_("Public; may stay empty."))
    field_order = ["met_on", "met_at", "zone", "why"]

    def prepare(self) -> None:
        """A clock asks for the instant, a date for the day."""
        super().prepare()
        if self.target.trigger_id:
            del self.fields["met_on"]
            self.fields["met_at"].required = True
        else:
            del self.fields["met_at"], self.fields["zone"]
            self.fields["met_on"].required = True

    def show(self, problems: Iterable[Problem]) -> None:
        """The verb speaks of the day also where the form asks for the instant."""
        found = [
            Problem("met_at", problem.code, problem.message)
            if problem.field == "met_on" and "met_at" in self.fields
            else problem
            for problem in problems
        ]
        super().show(found)

    def clean(self) -> dict[str, Any]:
        """Without the clock's fields there is no instant."""
        return super().clean() if "met_at" in self.fields else forms.Form.clean(self) or {}

    def first_values(self, commitment: Commitment, target: Deadline) -> dict[str, date]:
        """Today."""
        return {"met_on": timezone.localdate()}


class WaiveDeadlineForm(OrderForm):
    """A deadline that the side that is owed has given up."""

    source = source_field(_("Where it stands"))
    why = prose(_("Reason"), required=False, help_text=_("Public; it stays in the log."))

    def prepare(self) -> None:
        """The sources of the accord."""
        offer_sources(self)


class PauseForm(OrderForm):
    """A span in which the clocks stand still."""

    from_on = day_field(_("From"))
    until_on = day_field(
        _("Until"), required=False, help_text=_("The day on which they run again; empty: not known.")
    )
    source = source_field(_("Where it stands"))
    reason = prose(_("Reason"), required=False, help_text=_("Public; it stays in the log."))

    def prepare(self) -> None:
        """The sources of the accord."""
        offer_sources(self)


class ResumeForm(OrderForm):
    """The day on which the clocks run again."""

    until_on = day_field(_("They run again from"))
    shifts_dates = forms.BooleanField(
        label=_("The parties' open dates move by the length of the pause"), required=False
    )
    source = source_field(_("Where it stands"))
    why = prose(_("Reason"), required=False, help_text=_("Public; it stays in the log."))

    def prepare(self) -> None:
        """The sources of the accord."""
        offer_sources(self)

    def first_values(self, commitment: Commitment, target: Pause) -> dict[str, Any]:
        """The end that was foreseen, else today, or tomorrow where it began today: a day stands still as a whole."""
        return {"until_on": target.until_on or max(timezone.localdate(), target.from_on + timedelta(days=1))}
