"""The addresses of the API."""

from __future__ import annotations

from django.urls import path

from commitments.api import checkpoints, documents, money, statistics, views

app_name = "api"
urlpatterns = [
    path("", views.Index.as_view(), name="index"),
    path("accords/", views.Accords.as_view(), name="accords"),
    path("accords/<path:code>/", views.OneAccord.as_view(), name="accord"),
    path("commitments/", views.Commitments.as_view(), name="commitments"),
    path("commitments/<path:code>/", views.OneCommitment.as_view(), name="commitment"),
    path("contributions/", money.Contributions.as_view(), name="contributions"),
    path("statistics/", statistics.StatisticsOfAccords.as_view(), name="statistics"),
    path("events/", views.Events.as_view(), name="events"),
    path("checkpoints/", checkpoints.Checkpoints.as_view(), name="checkpoints"),
    path("schema/", documents.Schema.as_view(), name="schema"),
    path("docs/", documents.docs, name="docs"),
    path("<path:rest>", views.Elsewhere.as_view(), name="elsewhere"),
]
