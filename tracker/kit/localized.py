"""Text in several languages, kept as a JSON object from language code to text; English is always there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import get_language
from django.utils.translation import gettext as _

LANGUAGES = ("en", "uk", "ja")
# Four of its letters stand elsewhere in the alphabet than their numbers say.
_UKRAINIAN = {letter: chr(0x430 + place) for place, letter in enumerate("абвгґдеєжзиіїйклмнопрстуфхцчшщьюя")}
MAX_LENGTH = 20_000


def pick(text: Mapping[str, str] | None, language: str | None = None) -> str:
    """The text in that language (default: the active one), else in English, else empty."""
    if not text:
        return ""
    language = (language or get_language() or "en").split("-")[0]
    return text.get(language) or text.get("en") or ""


def picked_language(text: Mapping[str, str] | None, language: str | None = None) -> str:
    """The code of the language that `pick` answers in, for the `lang` attribute."""
    language = (language or get_language() or "en").split("-")[0]
    return language if text and text.get(language) else "en"


def alphabetical(name: str, language: str | None = None) -> tuple[str, bytes]:
    """By what names are sorted for readers of that language (default: the active one).

    Japanese names go as JIS X 0213 numbers them: kana, then the common kanji by their readings.
    """
    language = (language or get_language() or "en").split("-")[0]
    folded = name.casefold()
    if language == "ja":
        return "", folded.encode("euc_jis_2004", "replace")
    if language == "uk":
        return "".join(_UKRAINIAN.get(letter, letter) for letter in folded), b""
    return folded, b""


def check_localized(value: Any) -> None:
    """Raises ValidationError unless the value maps known languages to texts and has English."""
    if not isinstance(value, dict) or not value.get("en"):
        raise ValidationError(_("An English text is needed."))
    for language, text in value.items():
        if language not in LANGUAGES:
            raise ValidationError(
                _("%(code)s is not one of the languages %(known)s."),
                params={"code": language, "known": ", ".join(LANGUAGES)},
            )
        if not isinstance(text, str) or len(text) > MAX_LENGTH or "\x00" in text:
            raise ValidationError(_("The text in %(code)s cannot be kept."), params={"code": language})


class LocalizedTextField(models.JSONField):
    """A JSON object of texts by language; use `pick` to read it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("default", dict)
        super().__init__(*args, **kwargs)
