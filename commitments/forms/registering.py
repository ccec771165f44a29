"""The form that registers a commitment of an accord."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from commitments.forms.base import day_field, line, one_word, prose
from commitments.models import Accord, Party
from commitments.operations import NewCommitment
from commitments.refusals import Problem
from commitments.words import Kind, Provenance, Strength
from tracker.kit.localized import LANGUAGES


class RegisterForm(forms.Form):
    """The terms of a new commitment; what a form cannot hold (triggers, rhythms, money) an accord file can."""

    ALSO_CALLED = {
        "title": "title_en",
        "summary": "summary_en",
        "provision": "provisions",
        "source": "citation",
        "party": "bound",
    }
    code = line(_("Code"), 80, required=True, help_text=_("Stable and public, such as JUA-B07."))
    title_en = prose(_("Title (English)"), rows=2)
    title_uk = prose(_("Title (Ukrainian)"), required=False, rows=2)
    title_ja = prose(_("Title (Japanese)"), required=False, rows=2)
    summary_en = prose(_("Summary (English)"))
    summary_uk = prose(_("Summary (Ukrainian)"), required=False)
    summary_ja = prose(_("Summary (Japanese)"), required=False)
    section = forms.ChoiceField(label=_("Part of the accord"))
    provisions = line(_("Provisions"), 300, help_text=_("Their numbers, with commas between them."))
    kind = one_word(_("Kind"), Kind)
    strength = one_word(_("Strength"), Strength)
    verb_words = line(_("The verb it rests on"), 200)
    verb_source = line(_("Where the verb stands"), 200)
    provenance = one_word(_("Provenance"), Provenance)
    bound = forms.MultipleChoiceField(label=_("Bound"), required=False, widget=forms.CheckboxSelectMultiple)
    beneficiaries = forms.MultipleChoiceField(
        label=_("Beneficiaries"), required=False, widget=forms.CheckboxSelectMultiple
    )
    starts_on = day_field(_("Began"), required=False, help_text=_("Empty: with the accord."))
    ends = line(_("Ends"), 40, help_text=_("A date, as exactly as is known; empty: with the accord."))
    ends_when = prose(_("Or the event that ends it"), required=False, rows=2)
    review_every = line(
        _("We look again after"), 20, help_text=_("ISO 8601 period, such as P6M; empty: no interval.")
    )
    citation = forms.ChoiceField(label=_("Source of the wording"), required=False)
    lines = line(_("Place in the source"), 80, help_text=_("A page, line or section."))
    unverifiable_why = prose(
        _("Why it cannot be verified from outside"), required=False, rows=2, help_text=_("Empty: it can.")
    )

    def __init__(self, accord: Accord, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        parties = [(row.code, str(row)) for row in Party.objects.order_by("code")]
        sources = [(row.code, f"{row.code} · {row}"[:160]) for row in accord.sources.order_by("code")]
        sections = [(row.code, str(row)) for row in accord.sections.order_by("position")]
        for name, choices in (
            ("section", sections),
            ("bound", parties),
            ("beneficiaries", parties),
            ("citation", [("", "—"), *sources]),
        ):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            field.choices = choices

    def show(self, problems: Iterable[Problem]) -> None:
        """Puts each problem of a refusal beside the field it is about."""
        for problem in problems:
            name = self.ALSO_CALLED.get(problem.field, problem.field.split(".")[0])
            self.add_error(name if name in self.fields else None, problem.message)

    def groups(self) -> list[tuple[str, list[forms.BoundField]]]:
        """All fields in one set."""
        return [("", list(self.visible_fields()))]

    def order(self) -> NewCommitment:
        """What the verb is asked to register."""
        given = self.cleaned_data

        def texts(name: str) -> dict[str, str]:
            return {code: given[f"{name}_{code}"] for code in LANGUAGES if given[f"{name}_{code}"]}

        ends: dict[str, Any] | None = None
        if given["ends"] or given["ends_when"]:
            ends = {"on": given["ends"] or None, "condition": given["ends_when"]}
        why = given["unverifiable_why"]
        return NewCommitment(
            code=given["code"],
            title=texts("title"),
            summary=texts("summary"),
            section=given["section"],
            kind=given["kind"],
            strength=given["strength"],
            provenance=given["provenance"],
            starts_on=given["starts_on"],
            ends=ends,
            provisions=[part.strip() for part in given["provisions"].split(",") if part.strip()],
            verb={"words": given["verb_words"], "source": given["verb_source"]},
            roles={"bound": given["bound"], "beneficiaries": given["beneficiaries"]},
            citations=[{"source": given["citation"], "lines": [given["lines"]] if given["lines"] else []}]
            if given["citation"]
            else [],
            is_verifiable=not why,
            unverifiable_why={"en": why} if why else {},
            review_every=given["review_every"],
        )
