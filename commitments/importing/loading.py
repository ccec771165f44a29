"""The way of a file into the record: read, checked, and entered noun by noun, then judgement by judgement."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from commitments import operations
from commitments.accord_files import AccordFile, BadFile, check, read, resolve
from commitments.actors import Actor, loader
from commitments.importing.history import History
from commitments.importing.report import At, Entry, Progress, Report
from commitments.importing.terms import accord_row, compare, order_of
from commitments.importing.turn import one_load
from commitments.log import operation
from commitments.models import Accord, Commitment, Source
from commitments.words import Origin


def load_accord(
    path: Path, *, today: date, now: datetime | None = None, progress: Progress = lambda *_args: None
) -> Report:
    """Loads a file on a day; raises BadFile, and changes nothing then.

    Relative dates count from the day (`today`) and the instant (`now`, UTC, default the clock's) of its first load.
    """
    now = now or timezone.now()
    file = read(path)
    accord = file.data.get("accord")
    if isinstance(accord, dict):
        if accord.get("example") and settings.IS_PRODUCTION:
            raise BadFile(
                file.error(("accord", "example"), _("A fictional accord is never loaded in production."))
            )
        if accord.get("example"):
            known = Accord.objects.filter(code=str(accord.get("code") or "")).first()
            file.data = resolve(
                file.data, known.loaded_on if known else today, known.created_at if known else now
            )
    check(file)
    _check_codes(file)
    return _load(file, today, now, progress)


def _check_codes(file: AccordFile) -> None:
    """Raises BadFile for a code that stands twice, or without the prefix that the file gives to its commitments."""
    prefix = file.data["accord"].get("commitment_prefix")
    seen: set[str] = set()
    errors = []
    for index, entry in enumerate(file.data["commitments"]):
        code, place = entry["code"], ("commitments", index, "code")
        if code in seen:
            errors.append(file.error(place, _("“%(code)s” stands twice.") % {"code": code}))
        if prefix and not code.startswith(f"{prefix}-"):
            errors.append(
                file.error(
                    place,
                    _("“%(code)s” does not begin with the accord's prefix: %(prefix)s-.")
                    % {"code": code, "prefix": prefix},
                )
            )
        seen.add(code)
    if errors:
        raise BadFile(*errors[:50])


@operation
def _load(file: AccordFile, today: date, now: datetime, progress: Progress) -> Report:
    report = Report()
    actor = loader()
    with one_load(file.data["accord"]["code"], now):
        accord = accord_row(file, today, actor, report)
        progress("accord", 1, 1)
        _sources(file, accord, actor, report)
        progress("sources", len(file.data["sources"]), len(file.data["sources"]))
        _commitments(file, accord, actor, report)
        progress("commitments", len(file.data["commitments"]), len(file.data["commitments"]))
        History(file, actor, report, progress, now).tell()
        drawn = operations.draw_occurrences(today=today, accord=accord, actor=actor, origin=Origin.BACKFILL)
        report.count("deadlines", len(drawn))
    return report


def _sources(file: AccordFile, accord: Accord, actor: Actor, report: Report) -> None:
    before = Source.objects.filter(accord=accord).count()
    with At(file, ("sources",)):
        operations.record_sources(accord, file.data["sources"], actor=actor)
    report.count("sources", Source.objects.filter(accord=accord).count() - before)


def _commitments(file: AccordFile, accord: Accord, actor: Actor, report: Report) -> None:
    entries: list[Entry] = file.data["commitments"]
    known = {row.code: row for row in Commitment.objects.filter(accord=accord).select_related("section")}
    new = [entry for entry in entries if entry["code"] not in known]
    for entry in entries:
        if entry["code"] in known:
            compare(known[entry["code"]], entry, report)
    with At(file, ("commitments",)):
        operations.register_commitments(
            accord, [order_of(entry) for entry in new], actor=actor, origin=Origin.BACKFILL
        )
    report.count("commitments", len(new))
