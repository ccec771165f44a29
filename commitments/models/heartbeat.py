"""When each job last looked."""

from __future__ import annotations

from django.db import models


class Heartbeat(models.Model):
    """One row per job: when it last finished, and what it found."""

    name = models.CharField(max_length=60, primary_key=True)
    at = models.DateTimeField()
    found = models.JSONField(default=dict)

    def __str__(self) -> str:
        return self.name
