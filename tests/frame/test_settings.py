"""Settings refuse nonsense loudly, each time in one line that names the variable."""

from __future__ import annotations

import os
import re
import runpy
import secrets
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from tests.servers import ROOT

SOURCE = (ROOT / "tracker" / "settings.py").read_text()
NAMES = set(re.findall(r'(?:env\.\w+|number|flag|required)\(\s*"([A-Z][A-Z_]+)"', SOURCE))
GOOD = {
    "ACCORD_ENV": "production",
    "SECRET_KEY": secrets.token_urlsafe(64),
    "SITE_URL": "https://tracker.example.org",
    "DATABASE_URL": "postgres://user:word@db.example.org:5432/accord",
    "REDIS_URL": "redis://redis.example.org:6379/0",
}


@pytest.fixture
def clean(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment that holds only what a production machine must set."""
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def load() -> dict[str, Any]:
    """What the settings say in this environment."""
    return runpy.run_path(str(ROOT / "tracker" / "settings.py"))


def test_what_must_be_set_is_enough_and_is_strict(clean: pytest.MonkeyPatch) -> None:
    settings = load()
    assert settings["DEBUG"] is False
    assert settings["SESSION_COOKIE_SECURE"]
    assert settings["CSRF_COOKIE_SECURE"]
    assert settings["SECURE_HSTS_SECONDS"] > 0
    assert settings["ALLOWED_HOSTS"] == ["tracker.example.org"]
    assert settings["DATABASES"]["default"]["ATOMIC_REQUESTS"] is False
    assert "demo" not in str(settings["DEMO_MAIL_DIR"])


@pytest.mark.parametrize("name", ["SECRET_KEY", "SITE_URL", "DATABASE_URL", "REDIS_URL"])
def test_what_must_be_set_is_asked_for_by_name(clean: pytest.MonkeyPatch, name: str) -> None:
    clean.delenv(name)
    with pytest.raises(ImproperlyConfigured, match=name) as refusal:
        load()
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ACCORD_ENV", "staging"),
        ("DEBUG", "true"),
        ("DEBUG", "perhaps"),
        ("SECRET_KEY", "short"),
        ("SECRET_KEY", "a" * 60),
        ("SECRET_KEY", "django-insecure-" + "abcdefghijklmnopqrstuvwxyz0123456789" * 2),
        ("SITE_URL", "http://tracker.example.org"),
        ("SITE_URL", "tracker.example.org"),
        ("ALLOWED_HOSTS", "*"),
        ("DATABASE_URL", "sqlite:///accord.db"),
        ("DATABASE_URL", "mysql://user@host/accord"),
        ("EMAIL_PORT", "smtp"),
        ("EMAIL_PORT", "0"),
        ("EMAIL_TIMEOUT", "600"),
        ("BEAT_SECONDS", "0"),
        ("TRUSTED_PROXIES", "-1"),
        ("HSTS_SECONDS", "forever"),
        ("STAFF_LOCK_TIMEOUT_MS", "1"),
        ("LOG_LEVEL", "LOUD"),
        ("DEMO_MAIL_DIR", "mails"),
        ("BOUNCE_PROVIDER", "nobody"),
    ],
)
def test_nonsense_is_refused_by_name(clean: pytest.MonkeyPatch, name: str, value: str) -> None:
    clean.setenv(name, value)
    with pytest.raises(ImproperlyConfigured, match=name):
        load()


@pytest.mark.parametrize(
    ("provider", "key"),
    [
        ("postmark", ""),
        ("postmark", "a" * 40),
        ("postmark", "name:short"),
        ("mailgun", ""),
        ("mailgun", "short"),
    ],
)
def test_a_provider_without_a_good_key_is_refused(clean: pytest.MonkeyPatch, provider: str, key: str) -> None:
    clean.setenv("BOUNCE_PROVIDER", provider)
    clean.setenv("BOUNCE_PROVIDER_KEY", key)
    with pytest.raises(ImproperlyConfigured, match="BOUNCE_PROVIDER_KEY"):
        load()


def test_two_ways_of_encryption_at_once_are_refused(clean: pytest.MonkeyPatch) -> None:
    clean.setenv("EMAIL_USE_TLS", "true")
    clean.setenv("EMAIL_USE_SSL", "true")
    with pytest.raises(ImproperlyConfigured, match="EMAIL_USE_TLS"):
        load()


def test_every_setting_stands_in_the_guide_and_nothing_else_does() -> None:
    guide = (ROOT / "docs" / "operate.md").read_text()
    table = guide.split("## Settings")[1].split("The compose file reads")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    told = {name for row in rows for name in re.findall(r"`([A-Z_]+)`", row)}
    assert len(NAMES) > 20
    assert told == NAMES


def test_the_tests_never_use_the_servers_of_the_callers_environment() -> None:
    home = os.environ["ACCORD_TEST_HOME"]
    assert home in os.environ["REDIS_URL"]
    assert (
        "host=/tmp/accord-test-" in os.environ["DATABASE_URL"]
        or "accord-postgres-" in os.environ["DATABASE_URL"]
    )
