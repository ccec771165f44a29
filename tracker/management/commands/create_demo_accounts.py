"""Makes the demo's three staff accounts, with the passwords of its secrets file; nowhere but in the demo."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from commitments.models import Membership
from tracker.demo.state import ACCOUNTS, MAILBOXES, OFFICES


class Command(BaseCommand):
    """`manage.py create_demo_accounts FILE`: safe to repeat; sets the same passwords again."""

    help = "Make the demo's accounts (an editor, a reviewer, an administrator) with the passwords of a file."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One JSON file: account name to password."""
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        """Makes them; raises CommandError outside the demo, or when the file cannot be read."""
        if settings.ACCORD_ENV != "demo":
            raise CommandError("Demo accounts are made in the demo only (ACCORD_ENV=demo).")
        try:
            passwords = json.loads(options["file"].read_text())
            wanted = {name: str(passwords[name]) for name in ACCOUNTS}
        except (OSError, ValueError, KeyError) as error:
            raise CommandError(f"{options['file']} holds no passwords: {error}") from error
        with transaction.atomic():
            for name, role in ACCOUNTS.items():
                self.make(name, role, wanted[name])
        self.stdout.write(", ".join(ACCOUNTS))

    def make(self, name: str, role: str, password: str) -> None:
        """One account with one role for all accords, an office and an address, so that reminders reach it. Hashing is
        slow by design, so only what differs is set."""
        user, _ = get_user_model().objects.get_or_create(username=name)
        user.is_staff = user.is_active = True
        user.is_superuser = role == "administrator"
        user.email = user.email or MAILBOXES[name]
        if not user.check_password(password):
            user.set_password(password)
        user.save()
        Membership.objects.update_or_create(
            user=user, accord=None, defaults={"role": role, "office": OFFICES[name]}
        )
