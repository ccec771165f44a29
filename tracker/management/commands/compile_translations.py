"""Compiles the translations without any tool but Babel, so that the compiled files can be checked byte by byte."""

from __future__ import annotations

from typing import Any

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from django.conf import settings
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    """`manage.py compile_translations`: writes django.mo beside each django.po."""

    help = "Compile tracker/locale/*/LC_MESSAGES/django.po."

    def handle(self, *args: Any, **options: Any) -> None:
        """Compiles every language."""
        for source in sorted(settings.LOCALE_PATHS[0].glob("*/LC_MESSAGES/django.po")):
            with source.open("rb") as file:
                catalogue = read_po(file, locale=source.parent.parent.name)
            with source.with_suffix(".mo").open("wb") as file:
                write_mo(file, catalogue)
            self.stdout.write(f"{source.parent.parent.name}: {len(catalogue)} strings")
