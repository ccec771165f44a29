"""Every address of the product."""

from __future__ import annotations

from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from commitments.api.checkpoints import Keys

urlpatterns: list[URLPattern | URLResolver] = [
    path("admin/", admin.site.urls),
    path("api/v1/", include("commitments.api.urls")),
    path(".well-known/accord-tracker-keys.json", Keys.as_view(), name="keys"),
    path("", include("commitments.urls")),
    path("", include("notifications.urls")),
]
if settings.DEMO_MAIL_DIR:
    # The mails that the demo has caught: only there while it runs.
    urlpatterns.append(path("demo/", include("tracker.demo.pages")))
