"""The staff's door: reading everywhere, and one form and one view per verb. No model is edited through its own page."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from commitments.admin import accords, commitments, events, staff, tokens

__all__ = ["accords", "commitments", "events", "staff", "tokens"]

admin.site.site_header = _("Accord Tracker · staff")
admin.site.site_title = _("Accord Tracker · staff")
admin.site.index_title = _("What needs doing")
# The index leads everywhere: the room beside the page belongs to the page.
admin.site.enable_nav_sidebar = False
admin.site.index_template = "admin/commitments/index.html"
