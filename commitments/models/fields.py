"""Field shapes that several nouns share: codes that sort byte by byte, and coded words the database checks."""

from __future__ import annotations

from typing import Any

from django.core.validators import MaxLengthValidator, RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

CODE = RegexValidator(
    r"^[A-Za-z0-9][A-Za-z0-9._()/-]{0,79}$",
    _("A code is made of letters, digits and . _ ( ) / - and begins with a letter or digit, 80 at most."),
)
SLUG = RegexValidator(r"^[a-z0-9][a-z0-9-]{0,79}$", _("A slug is made of small letters, digits and hyphens."))
ADDRESS = RegexValidator(
    r"^https?://[^\s@/]+(/[^\s]*)?$",
    _("An address begins with http:// or https://, names a host, and carries no user name."),
)


def code_field(**options: Any) -> models.CharField[str, str]:
    """A public code. Collation "C": pages by key must not depend on the server's language."""
    return models.CharField(
        max_length=80, db_collation="C", validators=options.pop("validators", [CODE]), **options
    )


def word_field(choices: type[models.TextChoices], **options: Any) -> models.CharField[str, str]:
    """A coded word of the vocabulary; `one_of` makes the database refuse any other."""
    return models.CharField(max_length=24, choices=choices.choices, **options)


def one_of(
    model: str, name: str, choices: type[models.TextChoices], blank: bool = False
) -> models.CheckConstraint:
    """The constraint that a column holds one of the words (or nothing)."""
    values = [*choices.values, *([""] if blank else [])]
    return models.CheckConstraint(condition=models.Q(**{f"{name}__in": values}), name=f"{model}_{name}_known")


def address_field(**options: Any) -> models.CharField[str, str]:
    """A web address, or empty where none is known."""
    return models.CharField(
        max_length=2048, blank=True, default="", validators=[ADDRESS, MaxLengthValidator(2048)], **options
    )


def address_ok(model: str, name: str = "address") -> models.CheckConstraint:
    """http or https only, no user information: the database refuses what a form might let through."""
    return models.CheckConstraint(
        condition=models.Q(**{name: ""}) | models.Q(**{f"{name}__regex": r"^https?://[^\s@/]+(/[^\s]*)?$"}),
        name=f"{model}_{name}_is_web",
    )
