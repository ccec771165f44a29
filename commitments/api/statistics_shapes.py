"""The shapes of the numbers in the API."""

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

_SHARE = or_null(text("A number from 0 to 1 with four decimals, cut and never rounded up; null of nothing."))
NUMBERS: dict[str, Shape] = {
    "total": number("How many commitments had begun."),
    "counted": number("How many of them count: the denominator of both shares."),
    "assessed": number("How many of those that count have been judged at all."),
    "by_status": obj(
        "How many of those that count stand at each status.",
        **{status: number() for status in words.Status.values},
    ),
    "excluded": many(
        obj("What does not count.", reason=word(words.Uncounted, "The first that applies."), number=number()),
        "What is left out, each commitment under one reason.",
    ),
    "fulfilled": obj("Fully fulfilled: fulfilled or upheld.", number=number(), of=number(), share=_SHARE),
    "progress": obj(
        "Each commitment that counts by the weight of its status.",
        points=text("The sum of the weights."),
        of=number(),
        share=_SHARE,
    ),
}
_GROUP = many(ref("GroupNumbers"))
SHAPES: dict[str, Shape] = {
    "GroupNumbers": obj("The numbers of a part of an accord.", code=text(), **NUMBERS),
    "Statistics": obj(
        "The numbers of an accord on a day.",
        accord=text("The code of the accord."),
        accord_url=link(),
        page=link(),
        example=flag("True: fictional; show it as an example."),
        as_of=day("The numbers are those of the end of that day."),
        known_at=or_null(instant("By what the log had told at that instant; null: by all of it.")),
        codebook=text("The version of the vocabulary."),
        weights=obj(
            "How far each status goes towards progress.", **{status: text() for status in words.Status.values}
        ),
        **NUMBERS,
        parties=many(
            ref("GroupNumbers"),
            "By bound party; what binds several counts for each, by its own share if judged.",
        ),
        sections=_GROUP,
        topics=_GROUP,
        kinds=_GROUP,
        series=many(
            obj(
                "One day of the course.",
                on=day(),
                counted=number(),
                assessed=number(),
                not_assessed=number("Silence is not failure."),
                fulfilled=number(),
                progress_points=text(),
            ),
            "The last day of each month since the signature, at most 240, and the day asked for.",
        ),
    ),
    "StatisticsPage": page("Statistics"),
}
