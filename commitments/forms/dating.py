"""Forms about deadlines."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from commitments.forms.base import OrderForm, day_field, line, one_word, prose
from commitments.models import Commitment, Deadline
from commitments.operations import NewDeadline
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
        )


class MoveDeadlineForm(OrderForm):
    """A deadline to move; the original date stays on record."""

    edtf = line(_("New date or window"), 40, help_text=_("EDTF: 2025-11-16, 2025-11, 2025-23 (autumn)."))
    authority = one_word(_("Now set by"), Authority, required=False, help_text=_("Empty: as before."))
    why = prose(_("Reason"), required=False, help_text=_("Public; it stays in the log."))

    def first_values(self, commitment: Commitment, target: Deadline) -> dict[str, Any]:
        """The date that stands now."""
        return {"edtf": target.edtf}


class MeetDeadlineForm(OrderForm):
    """A deadline that was met."""

    met_on = day_field(_("Met on"))
    why = prose(_("Note"), required=False, help_text=_("Public; may stay empty."))

    def first_values(self, commitment: Commitment, target: Deadline) -> dict[str, date]:
        """Today."""
        return {"met_on": timezone.localdate()}
