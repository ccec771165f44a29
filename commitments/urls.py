"""The addresses of the public pages."""

from __future__ import annotations

from django.urls import path

from commitments import pages

app_name = "commitments"
urlpatterns = [
    path("", pages.front, name="front"),
    path("accords/<slug:slug>/", pages.accord, name="accord"),
    path("commitments/<path:code>/", pages.commitment, name="commitment"),
    path("vocabulary/", pages.vocabulary, name="vocabulary"),
    path("about/", pages.about, name="about"),
]
