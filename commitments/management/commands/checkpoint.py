"""Signs the head of the log now."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from commitments.checkpoints import write_checkpoint


class Command(BaseCommand):
    """`manage.py checkpoint`: what beat does once a day, for cron or before a key is changed."""

    help = "Sign the head of the log (Ed25519) with the key of CHECKPOINT_KEY."

    def handle(self, *args: Any, **options: Any) -> None:
        """Prints what was signed; exit code 1 without a key."""
        if not settings.CHECKPOINT_KEY:
            raise CommandError("CHECKPOINT_KEY is not set: base64 of 32 random bytes.")
        try:
            written = write_checkpoint(timezone.now())
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from None
        self.stdout.write(
            f"Signed {written} with the key {written.key_id}." if written else "The head is signed already."
        )
