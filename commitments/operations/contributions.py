"""Verbs on contributions: record money that was pledged, allocated or delivered, and withdraw a record of it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from commitments import money
from commitments.actors import Actor
from commitments.deadlines import DateError, parse_window
from commitments.log import append, operation
from commitments.models import Commitment, Contribution, Evidence, Source
from commitments.operations.accords import edtf_day
from commitments.operations.assessments import latest_day
from commitments.operations.keeping import check_version, locked, next_numbers, refresh
from commitments.operations.sourcing import Known, known_to
from commitments.refusals import Problem, Refused, refuse
from commitments.words import Act, Bound, EventKind, Nature, Origin, Stage
from tracker.kit.localized import MAX_LENGTH

_LANGUAGE = re.compile(r"[a-z]{2,3}", re.ASCII)


@dataclass(frozen=True, slots=True)
class NewContribution:
    """Money to record: `amount`, or `amount_low` and `amount_high` where sources disagree; sums are texts.

    `day` is an EDTF value, `party` the code of who gives it, `evidence` the number of one of the commitment's own.
    It needs a source: of its own by code, a new one, or the one of its evidence. `bound` is exact or minimum.
    """

    commitment: str
    stage: str
    currency: str
    day: str
    amount: str = ""
    amount_low: str = ""
    amount_high: str = ""
    bound: str = Bound.EXACT.value
    party: str = ""
    source: str | None = None
    new_source: Mapping[str, Any] | None = None
    evidence: int | None = None
    locator: str = ""
    note: str = ""
    language: str = "en"
    file_key: str = ""


def _words(order: NewContribution) -> None:
    for name, value, allowed in (
        ("stage", order.stage, Stage.values),
        ("bound", order.bound, [Bound.EXACT.value, Bound.MINIMUM.value]),
    ):
        if value not in allowed:
            raise refuse(
                name,
                "unknown",
                _("“%(word)s” is not one of %(allowed)s.") % {"word": value, "allowed": ", ".join(allowed)},
            )
    check_language(order.language)
    if len(order.note) > MAX_LENGTH:
        raise refuse("note", "length", _("A note has %(most)s characters at most.") % {"most": MAX_LENGTH})
    if len(order.locator) > 80:
        raise refuse("locator", "length", _("A place in a source has 80 characters at most."))


def check_language(code: str) -> None:
    """Raises Refused unless it has the form of a language code (ISO 639): parties speak more languages than we."""
    if not _LANGUAGE.fullmatch(code):
        raise refuse(
            "language",
            "unknown",
            _("“%(code)s” is no code of a language (ISO 639), such as en, uk or ja.") % {"code": code[:20]},
        )


def _sums(order: NewContribution, commitment: Commitment) -> tuple[Decimal | None, Decimal, Decimal]:
    """The sum, or None and the range that sources give."""
    try:
        money.check_currency(order.currency, is_example=commitment.accord.is_example)
    except money.MoneyError as error:
        raise Refused(Problem("currency", error.code, str(error))) from None
    told = {name: getattr(order, name).strip() for name in ("amount", "amount_low", "amount_high")}
    is_range = bool(told["amount_low"] or told["amount_high"])
    if bool(told["amount"]) == is_range or (is_range and not (told["amount_low"] and told["amount_high"])):
        raise refuse(
            "amount",
            "sum_or_range",
            _("Give one sum, or both ends of the range where sources disagree, and not the two together."),
        )
    read = {}
    for name, text in told.items():
        if text:
            try:
                read[name] = money.parse_sum(text, order.currency)
            except money.MoneyError as error:
                raise Refused(Problem(name, error.code, str(error))) from None
    if not is_range:
        return read["amount"], read["amount"], read["amount"]
    if read["amount_low"] >= read["amount_high"]:
        raise refuse("amount_high", "order", _("The upper end of the range lies above the lower one."))
    return None, read["amount_low"], read["amount_high"]


def _day(order: NewContribution, commitment: Commitment, today: date) -> date:
    day = edtf_day("day", order.day)
    if day > today:
        raise refuse(
            "day",
            "future",
            _(
                "Money is recorded once it was promised or given: the day, or the end of its window, is in the future."
            ),
        )
    if day < commitment.starts_on and not _is_in_period(day, commitment):
        raise refuse(
            "day",
            "before_start",
            _(
                "The commitment began on %(day)s: money from before is context, unless a period that counts holds it."
            )
            % {"day": commitment.starts_on.isoformat()},
        )
    return day


def _is_in_period(day: date, commitment: Commitment) -> bool:
    """Whether the period that the commitment counts, or its sum of money, holds the day."""
    target = money.target_of(commitment.amount)
    for edtf in ((commitment.period or {}).get("edtf"), target.period if target else ""):
        if edtf:
            try:
                window = parse_window(edtf)
            except DateError:
                continue
            if (window.first is None or day >= window.first) and (window.last is None or day <= window.last):
                return True
    return False


def _exhibits(
    orders: Sequence[NewContribution], rows: Mapping[str, Commitment]
) -> dict[tuple[str, int], Evidence]:
    """The public evidence that stands, of those that the orders name, by commitment and number."""
    numbers = {order.evidence for order in orders if order.evidence is not None}
    if not numbers:
        return {}
    found = Evidence.objects.standing().filter(
        commitment__in=[row.pk for row in rows.values()], number__in=numbers
    )
    return {(row.commitment.code, row.number): row for row in found.select_related("source", "commitment")}


def _exhibit(order: NewContribution, exhibits: Mapping[tuple[str, int], Evidence]) -> Evidence | None:
    """The evidence that the order names, if it can carry what it says."""
    if order.evidence is None:
        return None
    row = exhibits.get((order.commitment, order.evidence))
    if row is None:
        raise refuse(
            "evidence",
            "unknown",
            _("There is no public evidence %(code)s.") % {"code": f"{order.commitment}-E{order.evidence}"},
        )
    if order.stage == Stage.DELIVERED and row.act == Act.ANNOUNCEMENT:
        raise refuse("evidence", "announcement", _("An announcement does not show that money was delivered."))
    return row


def _source(
    order: NewContribution, commitment: Commitment, number: int, exhibit: Evidence | None, known: Known
) -> Source:
    found = known.source(
        commitment, order.source, order.new_source, f"{commitment.code}-C{number}-source"
    ) or (exhibit.source if exhibit else None)
    if found is None:
        raise refuse("source", "required", _("Money needs a source: a known one, a new one, or evidence."))
    if Nature.FORECAST in (found.nature, exhibit.nature if exhibit else ""):
        raise refuse("source", "forecast", _("A forecast shows no money."))
    return found


def wire_facts(row: Contribution) -> dict[str, Any]:
    """What the log says of a contribution; sums are texts."""
    return {
        "contribution": row.code,
        "stage": row.stage,
        "amount": money.plain_text(row.amount) if row.amount is not None else None,
        "amount_low": money.plain_text(row.amount_low),
        "amount_high": money.plain_text(row.amount_high),
        "currency": row.currency,
        "bound": row.bound,
        "day": row.day,
        "party": row.party.code if row.party else None,
        "source": row.source.code,
        "evidence": row.evidence.code if row.evidence else None,
    }


@operation
def record_contributions(
    orders: Sequence[NewContribution], *, actor: Actor, origin: str = Origin.LIVE, version: int | None = None
) -> list[Contribution]:
    """Records money towards commitments; it is public at once. Raises Refused naming the field and the rule."""
    rows = locked([order.commitment for order in orders], actor)
    for commitment in rows.values():
        actor.require("record_contribution", commitment.accord)
        check_version(commitment, version)
    numbers = next_numbers(Contribution, rows.values())
    known = known_to(list(rows.values()), (order.source for order in orders))
    exhibits = _exhibits(orders, rows)
    now = timezone.now()
    new = []
    for order in orders:
        commitment = rows[order.commitment]
        _words(order)
        amount, low, high = _sums(order, commitment)
        happened_on = _day(order, commitment, latest_day(now))
        exhibit = _exhibit(order, exhibits)
        numbers[commitment.pk] += 1
        number = numbers[commitment.pk]
        new.append(
            Contribution(
                commitment=commitment,
                number=number,
                file_key=order.file_key,
                stage=order.stage,
                amount=amount,
                amount_low=low,
                amount_high=high,
                bound=order.bound,
                currency=order.currency,
                day=order.day.strip(),
                happened_on=happened_on,
                party=known.party(order.party, commitment) if order.party else None,
                source=_source(order, commitment, number, exhibit, known),
                evidence=exhibit,
                locator=order.locator,
                note=order.note.strip(),
                language=order.language,
                origin=origin,
                recorded_at=now,
                recorded_by=actor.office,
                recorded_by_person_id=actor.person_id,
            )
        )
    Contribution.objects.bulk_create(new, batch_size=500)
    for row in new:
        append(
            EventKind.CONTRIBUTION_RECORDED,
            row.commitment.accord,
            row.commitment,
            by=actor.office,
            origin=origin,
            happened_on=row.happened_on,
            facts=wire_facts(row),
            note=row.note,
            language=row.language,
        )
    refresh(list(rows.values()))
    return new


def numbered(codes: Sequence[str], mark: str, field: str) -> dict[str, tuple[str, int]]:
    """Each code as (code of its commitment, number); raises Refused for one that has not that form."""
    found = {}
    for code in codes:
        owner, between, number = code.rpartition(mark)
        if not between or not (number.isascii() and number.isdecimal() and len(number) <= 4):
            raise refuse(field, "unknown", _("There is no %(code)s.") % {"code": code})
        found[code] = (owner, int(number))
    return found


@operation
def withdraw_contributions(
    codes: Sequence[str], *, actor: Actor, why: str, version: int | None = None, origin: str = Origin.LIVE
) -> list[Contribution]:
    """Takes contributions back, for a reason: they leave every sum and stay visible as withdrawn. Safe to repeat."""
    if not why.strip():
        raise refuse("why", "required", _("Withdrawing a contribution needs a reason."))
    owners = numbered(codes, "-C", "contribution")
    rows = locked([owner for owner, _number in owners.values()], actor)
    for commitment in rows.values():
        actor.require("withdraw_contribution", commitment.accord)
        check_version(commitment, version)
    now = timezone.now()
    withdrawn = []
    for code, (owner, number) in sorted(owners.items()):
        row = (
            Contribution.objects.filter(commitment=rows[owner], number=number)
            .select_related("party", "source", "evidence")
            .first()
        )
        if row is None:
            raise refuse("contribution", "unknown", _("There is no %(code)s.") % {"code": code})
        if row.withdrawn_at is not None:
            continue
        row.commitment = rows[owner]
        row.withdrawn_at, row.withdrawn_why = now, why.strip()
        row.save(update_fields=["withdrawn_at", "withdrawn_why"])
        told = wire_facts(row)
        append(
            EventKind.CONTRIBUTION_WITHDRAWN,
            rows[owner].accord,
            rows[owner],
            by=actor.office,
            origin=origin,
            facts={
                name: told[name]
                for name in (
                    "contribution",
                    "stage",
                    "amount",
                    "amount_low",
                    "amount_high",
                    "currency",
                    "bound",
                )
            },
            note=why.strip(),
        )
        withdrawn.append(row)
    touched = {row.commitment_id for row in withdrawn}
    if touched:
        refresh([commitment for commitment in rows.values() if commitment.pk in touched])
    return withdrawn
