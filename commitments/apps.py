"""The record as a Django app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CommitmentsConfig(AppConfig):
    """What was promised and what became of it."""

    name = "commitments"
    verbose_name = _("The record")

    def ready(self) -> None:
        """Enters the jobs of the record."""
        from commitments import chores, jobs
        from commitments.operations.scanning import SCAN

        jobs.enter(
            jobs.Job(SCAN, _("The clock looked")),
            jobs.Job(chores.PLANNED, _("Planned publications were looked for")),
            jobs.Job(chores.DRAW, _("Recurring dates were drawn"), 3 * jobs.HOUR),
            jobs.Job(chores.SIGN, _("The log was looked at for signing"), 3 * jobs.HOUR),
            jobs.Job(chores.FORGET, _("Old answers were cleared away"), 3 * jobs.HOUR),
        )
