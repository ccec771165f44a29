"""The shapes of money and of positions in the API's answers."""

from __future__ import annotations

from commitments import words
from commitments.api.shaping import (
    Shape,
    day,
    flag,
    instant,
    link,
    many,
    number,
    obj,
    or_null,
    page,
    ref,
    text,
    word,
)

_SUM = "A positive number as a text, with a point before the fraction."
SHAPES: dict[str, Shape] = {
    "Contribution": obj(
        "Money at one stage, in one currency, as a source tells it; withdrawn ones stay, with the reason.",
        code=text(),
        commitment=text("The code of the commitment."),
        accord=text("The code of its accord."),
        commitment_url=link(),
        stage=word(words.Stage, "Stages are never added together."),
        amount=or_null(text(f"{_SUM} Null where sources disagree: the range says what is known.")),
        amount_low=text(_SUM),
        amount_high=text(_SUM),
        bound=text("`minimum`: the source says at least.", enum=["exact", "minimum"]),
        currency=text("ISO 4217; never converted."),
        day=text("When it was promised or given, EDTF."),
        happened_on=day("The last day of that window."),
        party=or_null(text("Who gives it.")),
        source=ref("Source"),
        evidence=or_null(text("The code of the exhibit that shows it.")),
        locator=or_null(text()),
        note=or_null(text()),
        note_language=or_null(text()),
        origin=word(words.Origin),
        recorded_at=instant(),
        withdrawn_at=or_null(instant()),
        withdrawn_why=or_null(text()),
    ),
    "ContributionPage": page("Contribution"),
    "Money": obj(
        "A target, and what the contributions that stand come to. Nothing is added across stages or currencies.",
        target=or_null(
            obj(
                "What was promised.",
                value=or_null(text(_SUM)),
                currency=or_null(text("ISO 4217; XXX: an invented one.")),
                bound=word(words.Bound),
                period=or_null(text("EDTF")),
                inside=or_null(text("The commitment whose sum contains this one: the two are never added.")),
                basis=or_null(text("What is counted.")),
            )
        ),
        stages=many(ref("StageSum")),
    ),
    "StageSum": obj(
        "The sum of one stage in one currency.",
        stage=word(words.Stage),
        currency=text(),
        low=text("The lowest sum that the sources allow."),
        high=text("The highest."),
        minimum=flag("At least one source says at least: so does the sum."),
        contributions=number("How many it is made of."),
        share_low=or_null(text("Part of the target in the same currency, cut to four digits; 1: all.")),
        share_high=or_null(text()),
    ),
    "Position": obj(
        "What a party says of the record, in its own words; resolved ones stay.",
        code=text(),
        party=text(),
        stance=word(words.Stance),
        text=text(),
        language=text(),
        source=ref("Source"),
        locator=or_null(text()),
        stated_on=day(),
        assessment=or_null(text("The judgement it speaks of; null: the entry as a whole.")),
        origin=word(words.Origin),
        recorded_at=instant(),
        open=flag(),
        resolved_at=or_null(instant()),
        resolved_as=or_null(word(words.Settlement)),
        resolved_why=or_null(text()),
    ),
}
