"""The words in which the shapes of answers are written: JSON Schema 2020-12 (OpenAPI 3.1), closed objects only."""

from __future__ import annotations

from typing import Any, TypeAlias

Shape: TypeAlias = dict[str, Any]


def text(meaning: str = "", **more: Any) -> Shape:
    """A text."""
    return {"type": "string", **({"description": meaning} if meaning else {}), **more}


def or_null(shape: Shape) -> Shape:
    """The same, or null where it is not known or does not apply."""
    if "enum" in shape:
        return {**shape, "type": [shape["type"], "null"], "enum": [*shape["enum"], None]}
    if "$ref" in shape:
        return {"oneOf": [shape, {"type": "null"}]}
    return {**shape, "type": [shape["type"], "null"]}


def word(choices: Any, meaning: str = "") -> Shape:
    """A coded word of the vocabulary."""
    return text(meaning, enum=list(choices.values))


def day(meaning: str = "") -> Shape:
    """A calendar date."""
    return text(meaning, format="date")


def instant(meaning: str = "") -> Shape:
    """An instant in UTC."""
    return text(meaning, format="date-time")


def number(meaning: str = "") -> Shape:
    """A whole number."""
    return {"type": "integer", **({"description": meaning} if meaning else {})}


def flag(meaning: str = "") -> Shape:
    """Yes or no."""
    return {"type": "boolean", **({"description": meaning} if meaning else {})}


def link(meaning: str = "") -> Shape:
    """A full web address."""
    return text(meaning, format="uri")


def many(shape: Shape, meaning: str = "") -> Shape:
    """A list."""
    return {"type": "array", "items": shape, **({"description": meaning} if meaning else {})}


def free(meaning: str) -> Shape:
    """An object whose members differ from duty to duty."""
    return {"type": ["object", "null"], "description": meaning}


def obj(meaning: str, **members: Shape) -> Shape:
    """A closed object: every member is always there."""
    return {
        "type": "object",
        "description": meaning,
        "properties": members,
        "required": list(members),
        "additionalProperties": False,
    }


def chosen(of: Shape, meaning: str) -> Shape:
    """The same object of which a request may choose members, so that none must be there."""
    return {name: value for name, value in of.items() if name != "required"} | {"description": meaning}


def ref(name: str) -> Shape:
    """One of the named shapes."""
    return {"$ref": f"#/components/schemas/{name}"}


def page(of: str, **more: Shape) -> Shape:
    """A page of a list."""
    whole = obj(
        f"A page of {of}s.",
        results=many(ref(f"{of}Row")),
        next=or_null(link("The next page; null when there is nothing more.")),
        prev=or_null(link("The page before; null at the beginning.")),
        about=ref("About"),
        **more,
    )
    whole["properties"]["count"] = number("How many rows fit in all, where `count=true` asked for it.")
    return whole
