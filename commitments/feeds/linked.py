"""A list in the words of Schema.org (JSON-LD 1.1): a dataset, where else it can be had, and what it lists."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import orjson
from django.conf import settings
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe

from commitments.feeds.about import About
from commitments.feeds.columns import TableColumn
from commitments.feeds.forms import FILES, FORMAT, FORMS
from commitments.wire import Wire, api_address, site_address
from tracker.kit.localized import LANGUAGES

CONTEXT = "https://schema.org"
# What a list is, for search engines: one sentence, in the language of the format itself.
LISTS = {
    "accords": "International accords whose commitments are tracked, with their parties and parts.",
    "commitments": "Commitments of international accords: what was promised, by whom, and where each stands, "
    "with evidence.",
}
_OPTIONS = orjson.OPT_UTC_Z


def _texts(told: Mapping[str, str] | None) -> list[Wire]:
    """A text in several languages."""
    return [{"@language": language, "@value": text} for language, text in (told or {}).items() if text]


def _known(**members: Any) -> Wire:
    """What is known: unknown is left out."""
    return {
        name.replace("_at_", "@"): value for name, value in members.items() if value not in (None, [], "")
    }


def _party(row: Wire) -> Wire:
    kind = row.get("kind")
    return _known(
        _at_type=kind and ("Country" if kind == "state" else "Organization"),
        _at_id=api_address("party", row["code"]),
        identifier=row["code"],
        name=_texts(row["name"]),
    )


def accord_of(row: Wire) -> Wire:
    """An accord, from its wire form: a legal document, whether or not it binds in law."""
    return _known(
        _at_type="Legislation",
        _at_id=row["url"],
        url=row["page"],
        legislationIdentifier=row["code"],
        name=_texts(row["names"]),
        alternateName=_texts(row["short_names"]),
        abstract=_texts(row["about"]),
        legislationDate=row["signed_on"],
        sameAs=row["address"],
        inLanguage=row["languages"],
        legislationPassedBy=[_party(party) for party in row["parties"]],
    )


def commitment_of(row: Wire) -> Wire:
    """A commitment, from its wire form, with the word for where it stands, which our vocabulary defines."""
    vocabulary = site_address(reverse("commitments:vocabulary"))
    by_code = {party["code"]: party for parties in row["parties"].values() for party in parties}
    return _known(
        _at_type="CreativeWork",
        _at_id=row["url"],
        url=row["page"],
        identifier=row["code"],
        name=_texts(row["title"]),
        abstract=_texts(row["summary"]),
        isPartOf={"@id": api_address("accord", row["accord"])},
        creativeWorkStatus={
            "@type": "DefinedTerm",
            "@id": f"{vocabulary}#status-{row['status']}",
            "termCode": row["status"],
            "inDefinedTermSet": vocabulary,
        },
        mentions=[_party(party) for party in by_code.values()],
        keywords=row["topics"],
        dateModified=row["changed_at"],
        version=row["version"],
    )


ITEMS: Mapping[str, Callable[[Wire], Wire]] = {"accords": accord_of, "commitments": commitment_of}


def in_format(address: str, form: str) -> str:
    """The address of the same list in another format."""
    parts = urlsplit(address)
    kept = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name != FORMAT]
    return urlunsplit(parts._replace(query=urlencode([*kept, (FORMAT, form)])))


def dataset(name: str, address: str, title: str = "") -> Wire:
    """A list as a dataset: what it is, whose, and under which addresses it can be had."""
    publisher = {"@type": "Organization", "name": settings.SITE_NAME, "url": settings.SITE_URL}
    return _known(
        _at_type="Dataset",
        _at_id=address,
        name=f"{settings.SITE_NAME}: {title or name}",
        description=LISTS[name],
        url=address,
        creator=publisher,
        publisher=publisher,
        license=settings.DATA_LICENCE,
        isAccessibleForFree=True,
        inLanguage=list(LANGUAGES),
        distribution=[
            {
                "@type": "DataDownload",
                "encodingFormat": FORMS[form].bare,
                "contentUrl": in_format(address, form),
            }
            for form in ("json", *FILES)
        ],
    )


def jsonld(
    batches: Iterable[Sequence[Wire]], _columns: Sequence[TableColumn], about: About
) -> Iterator[bytes]:
    """The dataset, and all of the list in it."""
    item = ITEMS[about.name]
    whole = {"@context": CONTEXT} | dataset(about.name, about.address)
    more: Wire = {"dateModified": about.at, "version": about.log_head}
    whole |= more
    yield orjson.dumps(whole, option=_OPTIONS)[:-1] + b',"hasPart":['
    number = 0
    for rows in batches:
        told = [orjson.dumps(item(row), option=_OPTIONS) for row in rows]
        if told:
            yield (b"," if number else b"") + b",".join(told)
        number += len(rows)
    yield b"]}"


def commitments_of(accord: str) -> str:
    """The address of the list of an accord's commitments."""
    return f"{api_address('commitments')}?{urlencode([('accord', accord)])}"


def in_a_page(told: Wire) -> SafeString:
    """It, for a script element of a page: nothing in it can end the element (WHATWG HTML, 4.12.1.3)."""
    text = orjson.dumps({"@context": CONTEXT} | told, option=_OPTIONS).decode()
    return mark_safe(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))  # noqa: S308
