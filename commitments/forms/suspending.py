"""The forms that suspend an accord as a whole, and let it go on."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django import forms
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from commitments.forms.base import day_field, prose, source_field
from commitments.models import Accord
from commitments.refusals import Problem


class AccordForm(forms.Form):
    """An order about a whole accord."""

    def __init__(self, accord: Accord, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        field = self.fields["source"]
        assert isinstance(field, forms.ChoiceField)
        rows = accord.sources.order_by("code")
        field.choices = [("", "—"), *((row.code, f"{row.code} · {row}"[:160]) for row in rows)]

    def show(self, problems: Iterable[Problem]) -> None:
        """Puts each problem of a refusal beside the field it is about."""
        for problem in problems:
            self.add_error(problem.field if problem.field in self.fields else None, problem.message)

    def groups(self) -> list[tuple[str, list[forms.BoundField]]]:
        """All fields in one set."""
        return [("", list(self.visible_fields()))]


class SuspendForm(AccordForm):
    """A span in which the clocks of all open commitments stand still."""

    from_on = day_field(_("From"))
    until_on = day_field(
        _("Until"), required=False, help_text=_("The day on which they run again; empty: not known.")
    )
    source = source_field(_("Where it stands"))
    reason = prose(_("Reason"), required=False, help_text=_("Public; it stays in the log."))


class ResumeAccordForm(AccordForm):
    """The day on which all of them run again."""

    until_on = day_field(
        _("They run again from"),
        help_text=_("A day stands still as a whole: the day after the first one, or a later one."),
    )
    shifts_dates = forms.BooleanField(
        label=_("The parties' open dates move by the length of the pause"), required=False
    )
    source = source_field(_("Where it stands"))
    why = prose(_("Reason"), required=False, help_text=_("Public; it stays in the log."))

    def __init__(self, accord: Accord, *args: Any, **options: Any) -> None:
        super().__init__(accord, *args, **options)
        today = timezone.localdate()
        lasts = Q(until_on__isnull=True) | Q(until_on__gt=today)
        row = accord.suspensions.filter(lasts, resumed_at__isnull=True).order_by("from_on").first()
        # Today, unless it began today: what is offered is not refused.
        self.initial["until_on"] = max(today, row.from_on + timedelta(days=1)) if row else today
