"""The post room's addresses."""

from __future__ import annotations

from django.urls import path

from notifications import bounce_pages, calendar_pages, managing, noting, pages

app_name = "notifications"
urlpatterns = [
    path("bounces/", bounce_pages.Bounces.as_view(), name="bounces"),
    path("bounces/provider/", bounce_pages.Provider.as_view(), name="bounces-provider"),
    path("follow/", pages.Follow.as_view(), name="follow"),
    path("follow/sent/", pages.Sent.as_view(), name="sent"),
    path("confirm/<str:token>/", pages.Confirm.as_view(), name="confirm"),
    path("manage/<str:token>/", managing.Manage.as_view(), name="manage"),
    path("leave/<str:token>/", pages.Leave.as_view(), name="leave"),
    path("heard/<str:token>/", noting.Heard.as_view(), name="heard"),
    path("calendar/<str:token>/dates.ics", calendar_pages.Private.as_view(), name="calendar"),
    path("erase/<str:token>/", pages.Erase.as_view(), name="erase"),
]
