"""What a member of staff may do, for which accord, and which office they speak for."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from commitments.models.accord import Accord
from commitments.models.fields import CODE, one_of, word_field
from commitments.words import StaffRole


class Membership(models.Model):
    """A role of a user for one accord, or for all when `accord` is empty."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships")
    accord = models.ForeignKey(Accord, models.CASCADE, null=True, blank=True, related_name="staff")
    role = word_field(StaffRole)
    office = models.CharField(
        max_length=80, validators=[CODE], help_text=_("The public name under which this person acts.")
    )

    class Meta:
        verbose_name = _("staff role")
        verbose_name_plural = _("staff roles")
        constraints = [
            models.UniqueConstraint(fields=["user", "accord"], name="membership_once", nulls_distinct=False),
            one_of("membership", "role", StaffRole),
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.get_role_display()}"


class Deputy(models.Model):
    """Somebody who may do what an absent colleague may, from a day to a day (both included, in UTC)."""

    absent = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="deputies")
    deputy = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="deputises")
    from_on = models.DateField()
    until_on = models.DateField()

    class Meta:
        verbose_name = _("deputy")
        verbose_name_plural = _("deputies")
        ordering = ["from_on", "id"]
        constraints = [
            models.CheckConstraint(condition=~models.Q(absent=models.F("deputy")), name="deputy_is_another"),
            models.CheckConstraint(
                condition=models.Q(until_on__gte=models.F("from_on")), name="deputy_span_in_order"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.deputy} → {self.absent}"
