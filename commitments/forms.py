"""The forms of the verbs: one per order, each with the version it was opened with. They shape input; verbs decide."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from commitments.models import Commitment, Deadline, Evidence, Source
from commitments.operations import Judgement, NewDeadline, NewEvidence
from commitments.refusals import Problem
from commitments.words import (
    Act,
    Authority,
    Bearing,
    Clock,
    Confidence,
    DeadlineType,
    Nature,
    Provenance,
    Status,
    Strength,
    legal_moves,
)
from tracker.kit.localized import LANGUAGES

LANGUAGE_NAMES = [("en", _("English")), ("uk", _("Ukrainian")), ("ja", _("Japanese"))]
LONGEST = 20_000


class LeftToTheVerb(forms.ChoiceField):
    """Offers choices, and hands on whatever comes: the verb's refusal says more than “not a valid choice”."""

    def valid_value(self, value: str) -> bool:
        """Every short word passes."""
        return len(str(value)) <= 40


class SeveralLeftToTheVerb(forms.TypedMultipleChoiceField):
    """The same for several numbers."""

    def valid_value(self, value: str) -> bool:
        """Every number that a row could have passes."""
        return str(value).isascii() and str(value).isdecimal() and len(str(value)) <= 4


def day_field(label: Any, required: bool = True, **options: Any) -> forms.DateField:
    """A calendar day, with the browser's own picker."""
    return forms.DateField(
        label=label,
        required=required,
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        input_formats=["%Y-%m-%d"],
        **options,
    )


def line(label: Any, length: int, required: bool = False, help_text: Any = "") -> forms.CharField:
    """One line of text."""
    return forms.CharField(label=label, max_length=length, required=required, help_text=help_text)


def prose(label: Any, required: bool = True, rows: int = 4, help_text: Any = "") -> forms.CharField:
    """Several lines of text."""
    return forms.CharField(
        label=label,
        required=required,
        max_length=LONGEST,
        help_text=help_text,
        widget=forms.Textarea(attrs={"rows": rows}),
    )


def one_word(label: Any, choices: Any, required: bool = True, help_text: Any = "") -> forms.ChoiceField:
    """One coded word of the vocabulary."""
    blank = [] if required else [("", "—")]
    return forms.ChoiceField(
        label=label, choices=[*blank, *choices.choices], required=required, help_text=help_text
    )


class OrderForm(forms.Form):
    """An order about one commitment. `version` is the commitment's when the form was opened."""

    # A problem's field that has another name here.
    ALSO_CALLED: Mapping[str, str] = {}
    SETS: tuple[tuple[Any, tuple[str, ...]], ...] = ()
    version = forms.IntegerField(widget=forms.HiddenInput, min_value=0, max_value=2**31 - 1)

    def __init__(self, commitment: Commitment, target: Any, *args: Any, **options: Any) -> None:
        self.commitment = commitment
        self.target = target
        options["initial"] = {"version": commitment.version, **self.first_values(commitment, target)}
        super().__init__(*args, **options)
        self.prepare()

    def first_values(self, commitment: Commitment, target: Any) -> dict[str, Any]:
        """What the fields show at first."""
        return {}

    def prepare(self) -> None:
        """Fills in choices that depend on the commitment."""

    def show(self, problems: Iterable[Problem]) -> None:
        """Puts each problem of a refusal beside the field it is about."""
        for problem in problems:
            name = self.ALSO_CALLED.get(problem.field, problem.field)
            self.add_error(name if name in self.fields and name != "version" else None, problem.message)

    def groups(self) -> list[tuple[Any, list[forms.BoundField]]]:
        """The visible fields in their sets, each with its heading (empty: none)."""
        named = {name for _heading, names in self.SETS for name in names}
        rest = tuple(field.name for field in self.visible_fields() if field.name not in named)
        sets = [*([("", rest)] if rest else []), *self.SETS]
        return [(heading, [self[name] for name in names]) for heading, names in sets]


EVIDENCE_FIELDS = (
    "source_title",
    "publisher",
    "author",
    "address",
    "published",
    "nature",
    "act",
    "bearing",
    "happened",
    "locator",
    "quote",
)

FIRST_WORDS = {"nature": Nature.OFFICIAL.value, "act": Act.ACTION.value, "bearing": Bearing.SUPPORTS.value}


class EvidenceFields(forms.Form):
    """The facts of one new piece of evidence and its source."""

    source_title = line(_("Title of the source"), 500)
    publisher = line(_("Publisher"), 200)
    author = line(_("Author"), 200)
    address = line(_("Address"), 2048, help_text=_("http:// or https://; leave it empty when none is known."))
    published = line(
        _("Published"), 40, help_text=_("A date as exactly as is known: 2024-11-16, 2024-11, 2024.")
    )
    # Left empty they are what the form shows at first; what else is sent, the verb judges.
    nature = forms.ChoiceField(label=_("Nature"), choices=Nature.choices, required=False)
    act = forms.ChoiceField(
        label=_("What it shows"),
        choices=Act.choices,
        required=False,
        help_text=_("An announcement carries no further than “in progress”."),
    )
    bearing = forms.ChoiceField(label=_("Bearing"), choices=Bearing.choices, required=False)
    happened = line(
        _("When the fact happened"), 40, help_text=_("A date; leave it empty when it is not known.")
    )
    locator = line(_("Place in the source"), 80, help_text=_("A page, line or section."))
    quote = line(_("Quote"), 300, help_text=_("A short phrase at most."))


def new_evidence(commitment: Commitment, given: Mapping[str, Any], source: str | None = None) -> NewEvidence:
    """The order to attach what the fields of EvidenceFields say."""
    coded = {name: given[name] or first for name, first in FIRST_WORDS.items()}
    return NewEvidence(
        commitment=commitment.code,
        **coded,
        source=source,
        new_source=None
        if source
        else {
            "title": given["source_title"],
            "publisher": given["publisher"],
            "author": given["author"],
            "address": given["address"],
            "published": given["published"],
            "nature": coded["nature"],
        },
        locator=given["locator"],
        quote=given["quote"],
        happened=given["happened"],
    )


class DraftForm(OrderForm, EvidenceFields):
    """A status to draft, with its reason and the evidence for it."""

    ALSO_CALLED = {"source": "source_title", "new_source": "source_title"}
    SETS = ((_("New evidence that comes with it (leave empty when there is none)"), EVIDENCE_FIELDS),)
    field_order = ["status", "effective_on", "reason", "language", "confidence", "evidence"]
    status = LeftToTheVerb(label=_("Status"))
    effective_on = day_field(_("Holds from"), help_text=_("The day from which this is so, not today's date."))
    reason = prose(
        _("Reason"), required=False, help_text=_("Public. Say what was done, where it is shown, and no more.")
    )
    language = forms.ChoiceField(label=_("Language of the reason"), choices=LANGUAGE_NAMES)
    confidence = one_word(_("Confidence"), Confidence)
    evidence = SeveralLeftToTheVerb(
        label=_("Evidence"), coerce=int, required=False, widget=forms.CheckboxSelectMultiple
    )

    def first_values(self, commitment: Commitment, target: Any) -> dict[str, Any]:
        """Today, the reader's language, and the usual words of evidence."""
        return {
            "effective_on": timezone.localdate(),
            "language": (get_language() or "en").split("-")[0],
            "confidence": Confidence.MEDIUM,
            **FIRST_WORDS,
        }

    def prepare(self) -> None:
        """The moves that are open from here, and the evidence that stands."""
        moves = legal_moves(self.commitment.status, self.commitment.kind)
        self._field("status").choices = [(code, Status(code).label) for code in moves]
        standing = Evidence.objects.standing().filter(commitment=self.commitment).select_related("source")
        self._field("evidence").choices = [
            (row.number, evidence_label(row, self.commitment)) for row in standing.order_by("number")
        ]

    def _field(self, name: str) -> forms.ChoiceField:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        return field

    def order(self) -> Judgement:
        """What the verb is asked to draft."""
        given = self.cleaned_data
        brings = any(given[name] for name in EVIDENCE_FIELDS if name not in FIRST_WORDS)
        return Judgement(
            commitment=self.commitment.code,
            status=given["status"],
            effective_on=given["effective_on"],
            reason=given["reason"],
            confidence=given["confidence"],
            evidence=given["evidence"],
            new_evidence=[new_evidence(self.commitment, given)] if brings else [],
            language=given["language"],
        )


def evidence_label(row: Evidence, commitment: Commitment) -> str:
    """One line that tells a piece of evidence from the others."""
    facts = [row.get_act_display(), row.get_bearing_display(), row.happened or row.source.published]
    return (
        f"{commitment.code}-E{row.number} · {row.source} ({', '.join(str(fact) for fact in facts if fact)})"
    )


class AttachForm(OrderForm, EvidenceFields):
    """Evidence to attach; it is public at once."""

    ALSO_CALLED = {"new_source": "source_title"}
    source = forms.ChoiceField(
        label=_("Known source"),
        required=False,
        help_text=_("Or leave this empty and describe a new one below."),
    )
    field_order = ["source", *EVIDENCE_FIELDS]

    def first_values(self, commitment: Commitment, target: Any) -> dict[str, Any]:
        """The usual words."""
        return dict(FIRST_WORDS)

    def prepare(self) -> None:
        """The sources that the accord has already."""
        field = self.fields["source"]
        assert isinstance(field, forms.ChoiceField)
        rows = Source.objects.filter(accord=self.commitment.accord_id).order_by("code")
        field.choices = [("", "—"), *((row.code, f"{row.code} · {row}"[:160]) for row in rows)]

    def order(self) -> NewEvidence:
        """What the verb is asked to attach."""
        return new_evidence(self.commitment, self.cleaned_data, self.cleaned_data["source"] or None)


class WhyForm(OrderForm):
    """An order that needs nothing but a reason, which is public."""

    why = prose(_("Reason"), required=False, help_text=_("Public; it stays in the log."))


class NothingForm(OrderForm):
    """An order that needs nothing but to be confirmed."""


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


class CorrectForm(OrderForm):
    """The words of a commitment, to be corrected; what was meant does not change."""

    ALSO_CALLED = {"title": "title_en", "summary": "summary_en"}
    title_en = prose(_("Title (English)"), rows=2)
    title_uk = prose(_("Title (Ukrainian)"), required=False, rows=2)
    title_ja = prose(_("Title (Japanese)"), required=False, rows=2)
    summary_en = prose(_("Summary (English)"))
    summary_uk = prose(_("Summary (Ukrainian)"), required=False)
    summary_ja = prose(_("Summary (Japanese)"), required=False)
    verb_words = line(_("The verb it rests on"), 200)
    verb_source = line(_("Where the verb stands"), 200)
    ends_when = prose(_("The event that ends it"), required=False, rows=2)
    strength = one_word(_("Strength"), Strength)
    provenance = one_word(_("Provenance"), Provenance)
    cautions = prose(_("Cautions"), required=False, help_text=_("One a line."))
    why = prose(_("Reason"), required=False, help_text=_("Public; it stays in the log."))

    def first_values(self, commitment: Commitment, target: Any) -> dict[str, Any]:
        """The words as they stand."""
        texts = {
            f"{name}_{code}": getattr(commitment, name).get(code, "")
            for name in ("title", "summary")
            for code in LANGUAGES
        }
        plain = ("verb_words", "verb_source", "ends_when", "strength", "provenance")
        return {
            **texts,
            **{name: getattr(commitment, name) for name in plain},
            "cautions": "\n".join(commitment.cautions),
        }

    def changes(self) -> dict[str, Any]:
        """What differs from the words as they stand; untouched fields are left alone."""
        given = self.cleaned_data
        wanted: dict[str, Any] = {
            name: {code: given[f"{name}_{code}"] for code in LANGUAGES if given[f"{name}_{code}"]}
            for name in ("title", "summary")
        }
        for name in ("verb_words", "verb_source", "ends_when", "strength", "provenance"):
            wanted[name] = given[name]
        wanted["cautions"] = [text.strip() for text in given["cautions"].splitlines() if text.strip()]
        # A browser sends line ends as CR LF, and fields come back stripped: only a real difference counts.
        touched = {
            name.rsplit("_", 1)[0] if name[:-3] in ("title", "summary") else name
            for name in self.changed_data
        }
        return {name: value for name, value in wanted.items() if name in touched}
