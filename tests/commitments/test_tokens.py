"""Tokens of the API: made by staff for themselves, shown once, kept as a digest, ended at once when revoked."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from commitments import tokens
from commitments.models import Accord, ApiToken
from commitments.refusals import Refused
from tests import world
from tracker.settings import hide_links

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def a_token(owner: Any, now: datetime = NOW, **changes: Any) -> tuple[ApiToken, str]:
    told: dict[str, Any] = {
        "name": "The desk's script",
        "scopes": ["read", "assess"],
        "expires_at": now + timedelta(days=30),
        **changes,
    }
    return tokens.make_token(owner, now=now, **told)


def signed_in(role: str, name: str = "", accord: Accord | None = None) -> Client:
    client = Client()
    client.force_login(
        world.a_person(role, name, accord), backend="django.contrib.auth.backends.ModelBackend"
    )
    return client


def test_only_a_digest_is_kept_and_the_text_finds_its_row() -> None:
    row, text = a_token(world.a_person("editor"))
    assert re.fullmatch(r"act_[0-9a-f]{8}[A-Za-z0-9_-]{43}", text)
    kept = " ".join(str(value) for value in ApiToken.objects.values_list().get())
    assert text not in kept and text[12:] not in kept
    found = tokens.find_token(text, NOW)
    assert found is not None and found.pk == row.pk
    assert str(row) == f"The desk's script ({text[:12]}…{text[-4:]})"


@pytest.mark.parametrize("change", [lambda t: t[:-1], lambda t: t[:-1] + "!", lambda t: t[:12] + "A" * 43,
                                    lambda t: "act_00000000" + t[12:], lambda t: "", lambda t: t + "A"])  # fmt: skip
def test_nothing_but_the_text_finds_it(change: Any) -> None:
    _row, text = a_token(world.a_person("editor"))
    assert tokens.find_token(change(text), NOW) is None


def test_it_ends_on_its_day_when_revoked_and_with_its_owner() -> None:
    owner = world.a_person("editor")
    row, text = a_token(owner)
    assert tokens.find_token(text, row.expires_at - timedelta(microseconds=1))
    assert tokens.find_token(text, row.expires_at) is None
    for name in ("is_active", "is_staff"):
        setattr(owner, name, False)
        owner.save()
        assert tokens.find_token(text, NOW) is None
        setattr(owner, name, True)
        owner.save()
    tokens.revoke_token(row, now=NOW)
    tokens.revoke_token(row, now=NOW + timedelta(hours=1))
    row.refresh_from_db()
    assert row.revoked_at == NOW and tokens.find_token(text, NOW) is None


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": " "}, "name"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["read", "rule"]}, "scopes"),
        ({"expires_at": NOW}, "expires_at"),
        ({"expires_at": NOW + timedelta(days=366, seconds=1)}, "expires_at"),
    ],
)
def test_what_a_token_cannot_be(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(Refused) as refusal:
        a_token(world.a_person("editor"), **changes)
    assert [problem.field for problem in refusal.value.problems] == [field]
    assert not ApiToken.objects.exists()


def test_the_database_keeps_the_bound_and_the_scopes() -> None:
    row, _text = a_token(world.a_person("editor"))
    broken: list[dict[str, Any]] = [
        {"expires_at": NOW + timedelta(days=367)},
        {"scopes": ["rule"]},
        {"scopes": []},
    ]
    for changes in broken:
        with pytest.raises(IntegrityError), transaction.atomic():
            ApiToken.objects.filter(pk=row.pk).update(**changes)


def test_its_use_is_written_once_an_hour(django_assert_num_queries: Any) -> None:
    row, text = a_token(world.a_person("editor"))
    with django_assert_num_queries(2):
        tokens.find_token(text, NOW)
    with django_assert_num_queries(1):
        tokens.find_token(text, NOW + timedelta(minutes=59))
    later = NOW + timedelta(minutes=61)
    tokens.find_token(text, later)
    row.refresh_from_db()
    assert row.last_used_at == later


def test_it_does_what_its_owner_may_and_in_its_accord_alone() -> None:
    first, second = world.an_accord(), world.an_accord("TST-2025")
    owner = world.a_person("reviewer")
    everywhere, _text = a_token(owner)
    one, _text = a_token(owner, accord=first)
    assert all(tokens.actor_of(everywhere).may("publish", accord) for accord in (first, second))
    assert tokens.actor_of(one).may("publish", first) and not tokens.actor_of(one).may("publish", second)
    assert not tokens.actor_of(everywhere).may("register", first)
    narrow = world.a_person("editor", "narrow", first)
    elsewhere, _text = a_token(narrow, accord=second)
    assert not tokens.actor_of(elsewhere).may("draft", first)
    assert not tokens.actor_of(elsewhere).may("draft", second)


def test_staff_make_one_through_a_form_that_shows_it_once() -> None:
    world.an_accord()
    editor = signed_in("editor")
    address = reverse("admin:commitments_apitoken_make")
    opened = editor.get(address)
    assert opened.status_code == 200 and opened.headers["Cache-Control"].count("no-store") == 1
    last = (timezone.localdate() + timedelta(days=10)).isoformat()
    shown = editor.post(
        address, {"name": "Script", "scopes": ["read", "evidence"], "accord": "", "last_on": last}
    )
    assert shown.status_code == 200 and shown.headers["Cache-Control"].count("no-store") == 1
    (text,) = re.findall(r'<code id="token">([^<]+)</code>', shown.content.decode())
    row = ApiToken.objects.get()
    found = tokens.find_token(text, timezone.now())
    assert found is not None and found.owner_id == row.owner_id
    assert row.expires_at.isoformat() > last and row.scopes == ["evidence", "read"]
    listed = editor.get(reverse("admin:commitments_apitoken_changelist")).content.decode()
    assert text[:12] in listed and text[-4:] in listed and text not in listed
    one = editor.get(reverse("admin:commitments_apitoken_change", args=[row.pk])).content.decode()
    assert text not in one and row.digest not in one
    ended = editor.post(reverse("admin:commitments_apitoken_revoke", args=[row.pk]), follow=True)
    assert "Script" in ended.content.decode()
    assert tokens.find_token(text, timezone.now()) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"last_on": "2001-01-01"},
        {"last_on": "9999-12-31"},
        {"last_on": "soon"},
        {"name": ""},
        {"name": "x" * 81},
        {"scopes": []},
        {"scopes": ["rule"]},
        {"accord": "999999"},
    ],
)
def test_a_bad_form_makes_none_and_says_why_beside_the_field(changes: dict[str, Any]) -> None:
    last = (timezone.localdate() + timedelta(days=10)).isoformat()
    told = {"name": "Script", "scopes": ["read"], "accord": "", "last_on": last, **changes}
    answer = signed_in("editor").post(reverse("admin:commitments_apitoken_make"), told)
    assert answer.status_code == 400 and set(answer.context["form"].errors) == set(changes)
    assert not ApiToken.objects.exists()


def test_nobody_sees_or_ends_the_token_of_another_but_a_superuser() -> None:
    row, _text = a_token(world.a_person("reviewer"), timezone.now())
    other = signed_in("editor")
    revoke = reverse("admin:commitments_apitoken_revoke", args=[row.pk])
    page = reverse("admin:commitments_apitoken_change", args=[row.pk])
    assert other.post(revoke).status_code == 404
    assert other.get(page).status_code in (302, 403, 404)
    assert other.get(revoke).status_code == 403
    stranger = Client()
    stranger.force_login(
        world.a_person("viewer", "root", is_superuser=True), backend="django.contrib.auth.backends.ModelBackend"
    )  # fmt: skip
    assert stranger.get(page).status_code == 200
    assert stranger.post(revoke).status_code == 302
    row.refresh_from_db()
    assert row.revoked_at is not None


def test_logs_never_hold_one() -> None:
    _row, text = a_token(world.a_person("editor"))
    said = hide_links(
        None, "error", {"event": f"GET /api/v1/?token={text}", "header": f"Bearer {text}", "n": 1}
    )
    assert text not in str(said) and text[12:] not in str(said)
    assert said == {"event": "GET /api/v1/?token=act_[hidden]", "header": "Bearer act_[hidden]", "n": 1}
