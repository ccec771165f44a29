"""An accord's whole record as the mapping of an accord file, in the order of the schema."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _

from commitments.accord_files import SCHEMA
from commitments.exporting.course import Course
from commitments.exporting.rows import Wire, filled, iso
from commitments.exporting.terms import entries
from commitments.models import Accord, Instrument, Party, Source, Topic
from commitments.refusals import Problem, Refused
from tracker.kit.snapshot import snapshot


class UnknownAccord(Refused):
    """There is no accord of that code."""


def document(code: str) -> Wire:
    """The accord of that code as an accord file holds it, read at one moment of the record; raises UnknownAccord."""
    with snapshot():
        accord = Accord.objects.filter(code=code).first()
        if accord is None:
            known = ", ".join(Accord.objects.order_by("code").values_list("code", flat=True)) or "–"
            raise UnknownAccord(
                Problem(
                    "accord",
                    "unknown",
                    _("There is no accord “%(code)s”. There are: %(known)s.")
                    % {"code": code, "known": known},
                )
            )
        data = {
            "format": "accord-tracker/1",
            "accord": _accord(accord),
            "parties": _parties(accord),
            "sections": [
                {"code": row.code, "title": row.title} for row in accord.sections.order_by("position", "pk")
            ],
            "topics": [
                {"code": row.code, "label": row.label}
                for row in Topic.objects.filter(commitments__accord=accord).distinct().order_by("code")
            ],
            "provisions": [{"code": row.code} for row in accord.provisions.order_by("pk")],
            "instruments": [_instrument(row) for row in accord.instruments.order_by("code")],
            "sources": [_source(row) for row in Source.objects.filter(accord=accord).order_by("pk")],
            "commitments": entries(accord, Course(accord)),
        }
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    ordered: Wire = in_order(data, schema, schema["$defs"])
    return ordered


def in_order(value: Any, schema: Mapping[str, Any], defs: Mapping[str, Any]) -> Any:
    """The value with the keys of every mapping in the schema's order; free mappings keep theirs."""
    while "$ref" in schema:
        schema = defs[schema["$ref"].rpartition("/")[2]]
    if isinstance(value, list):
        return [in_order(item, schema.get("items", {}), defs) for item in value]
    if isinstance(value, dict) and "properties" in schema:
        known = schema["properties"]
        return {name: in_order(value[name], known[name], defs) for name in known if name in value} | {
            # Nothing is dropped in silence: what the schema does not know fails its check.
            name: item
            for name, item in value.items()
            if name not in known
        }
    return value


def _accord(row: Accord) -> Wire:
    codes = row.commitments.values_list("code", flat=True)
    prefixes = {code.partition("-")[0] if "-" in code else "" for code in codes}
    prefix = prefixes.pop() if len(prefixes) == 1 else ""
    return filled(
        {
            "code": row.code,
            "slug": row.slug,
            "names": row.names,
            "short_names": row.short_names,
            "in_effect_on": iso(row.in_effect_on),
            "ends_on": iso(row.ends_on),
            "place": row.place,
            "prevailing_language": row.prevailing_language,
            "languages": row.languages,
            "commitment_prefix": prefix if prefix.isalnum() and prefix.isupper() and len(prefix) < 17 else "",
            "about": row.about,
            "facts": row.facts,
        }
    ) | {
        "example": row.is_example,
        "address": row.address or None,
        "signed_on": iso(row.signed_on),
        "four_eyes": row.four_eyes,
        "binding": row.is_binding,
    }


def _parties(accord: Accord) -> list[Wire]:
    members = {row.party_id: row for row in accord.memberships.order_by("pk")}
    named = {code for codes in accord.instruments.values_list("parties", flat=True) for code in codes}
    others = (
        Party.objects.filter(Q(participations__commitment__accord=accord) | Q(code__in=named))
        .exclude(pk__in=members)
        .distinct()
        .order_by("code")
    )
    by_key = Party.objects.in_bulk(list(members))
    return [
        filled(
            {
                "code": row.code,
                "kind": row.kind,
                "name": row.name,
                "name_in_accord": members[row.pk].name_in_accord if row.pk in members else {},
                "time_zone": row.time_zone,
                "party": True if row.pk in members else None,
            }
        )
        for row in [*(by_key[key] for key in members), *others]
    ]


def _instrument(row: Instrument) -> Wire:
    return filled(
        {
            "code": row.code,
            "name": row.name,
            "short_name": row.short_name,
            "type": row.type,
            "dates": row.dates,
            "parties": row.parties,
            "sources": row.sources,
            "note": row.note,
        }
    )


def _source(row: Source) -> Wire:
    return filled(
        {
            "code": row.code,
            "file": row.file,
            "author": row.author,
            "nature": row.nature,
            "language": row.language,
            "note": row.note,
        }
    ) | {
        "title": row.title or None,
        "publisher": row.publisher or None,
        "published": row.published or None,
        "address": row.address or None,
    }
