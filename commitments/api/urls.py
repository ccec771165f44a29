"""The addresses of the API."""

from __future__ import annotations

from django.urls import path, re_path

from commitments.api import checkpoints, documents, money, nouns, statistics, views
from commitments.api.writing import suspending
from commitments.api.writing.addresses import addresses

app_name = "api"
urlpatterns = [
    path("", views.Index.as_view(), name="index"),
    path("accords/", views.Accords.as_view(), name="accords"),
    *suspending.addresses(),
    path("accords/<path:code>/", views.OneAccord.as_view(), name="accord"),
    path("parties/", nouns.Parties.as_view(), name="parties"),
    path("parties/<path:code>/", nouns.OneParty.as_view(), name="party"),
    path("topics/", nouns.Topics.as_view(), name="topics"),
    path("topics/<path:code>/", nouns.OneTopic.as_view(), name="topic"),
    path("provisions/", nouns.Provisions.as_view(), name="provisions"),
    path("provisions/<path:code>/", nouns.OneProvision.as_view(), name="provision"),
    path("sources/", nouns.Sources.as_view(), name="sources"),
    path("sources/<path:code>/", nouns.OneSource.as_view(), name="source"),
    path("commitments/", views.Commitments.as_view(), name="commitments"),
    *addresses(),
    path("commitments/<path:code>/", views.OneCommitment.as_view(), name="commitment"),
    path("deadlines/", nouns.Deadlines.as_view(), name="deadlines"),
    path("deadlines/<path:code>/", nouns.OneDeadline.as_view(), name="deadline"),
    path("evidence/", nouns.EvidenceList.as_view(), name="evidence"),
    path("evidence/<path:code>/", nouns.OneExhibit.as_view(), name="exhibit"),
    path("assessments/", nouns.Assessments.as_view(), name="assessments"),
    path("assessments/<path:code>/", nouns.OneAssessment.as_view(), name="assessment"),
    path("contributions/", money.Contributions.as_view(), name="contributions"),
    path("statistics/", statistics.StatisticsOfAccords.as_view(), name="statistics"),
    path("events/", views.Events.as_view(), name="events"),
    path("checkpoints/", checkpoints.Checkpoints.as_view(), name="checkpoints"),
    path("schema/", documents.Schema.as_view(), name="schema"),
    path("docs/", documents.docs, name="docs"),
    # A path may hold line breaks, which `<path:rest>` does not.
    re_path(r"^(?P<rest>(?s:.+))$", views.Elsewhere.as_view(), name="elsewhere"),
]
