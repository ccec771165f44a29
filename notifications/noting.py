"""The page of a reminder that somebody has read: no more of it, or later again. Behind a signed link; only POST acts."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from commitments.words import DeadlineType
from notifications import links, reminding
from notifications.models import Reminder
from notifications.pages import Signed, shown
from notifications.reminder_words import sentence


class Heard(Signed):
    """The link of a reminder: no more of it, or later again."""

    purpose = links.HEARD
    # Hours after which one may be reminded again; less than a day only of a clock that runs for hours.
    LATER = (1, 4, 12, 24, 72, 168, 720)

    def _row(self) -> Reminder | None:
        rows = Reminder.objects.filter(pk__in=self.about[:1])
        return rows.select_related("commitment__accord", "deadline", "assessment").first()

    def _lengths(self, row: Reminder, now: datetime) -> list[int]:
        """Those of LATER that make sense: before a date that is still ahead, the reminder must come before its end."""
        is_clock = row.deadline is not None and row.deadline.type == DeadlineType.CLOCK
        some = [hours for hours in self.LATER if hours >= 24 or (is_clock and row.about_at > now)]
        return [hours for hours in some if row.about_at <= now or now + timedelta(hours=hours) < row.about_at]

    def _show(self, row: Reminder, said: str = "", problem: str = "", status: int = 200) -> HttpResponse:
        now = timezone.now()
        context = {
            "said": said,
            "problem": problem,
            "sentence": sentence(row, now),
            "followed": shown(row.commitment),
            "later": [(hours, _in(hours)) for hours in self._lengths(row, now)],
        }
        return self.show("heard", context, status=status)

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        """What it was about, with the buttons."""
        row = self._row()
        return self._show(row) if row else self.show("left", {}, status=410)

    def post(self, request: HttpRequest, token: str) -> HttpResponse:
        """`later`: after how many hours to be reminded again; empty for not at all while the date stays as it is."""
        assert self.subscriber is not None
        row, later, now = self._row(), request.POST.get("later", ""), timezone.now()
        if row is None:
            return self.show("left", {}, status=410)
        if later not in {"", *map(str, self._lengths(row, now))}:
            return self._show(row, problem=_("Choose one of those in the list."), status=400)
        reminding.hush(self.subscriber, row, now + timedelta(hours=int(later)) if later else None, now)
        done = (
            _("You will be reminded again then, unless it is settled before.")
            if later
            else _("Noted. You hear of this date again only when it moves.")
        )
        return self._show(row, done)


def _in(hours: int) -> str:
    """A length of time from now, in the active language."""
    if hours < 24:
        return ngettext("In %(hours)d hour", "In %(hours)d hours", hours) % {"hours": hours}
    return ngettext("In %(days)d day", "In %(days)d days", hours // 24) % {"days": hours // 24}
