"""Every command says in one line what is missing, and finds its way without being told."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.frame.demos import Demo
from tests.servers import ROOT


@pytest.fixture
def nothing(tmp_path: Path) -> Demo:
    """A clone whose demo does not run."""
    return Demo(tmp_path / "demo")


@pytest.mark.parametrize("command", ["migrate", "verify_log", "check"])
def test_a_command_without_servers_says_what_to_set(nothing: Demo, command: str) -> None:
    code, said = nothing.run(command)
    assert (code, len(said.splitlines())) == (1, 1)
    assert "set DATABASE_URL, REDIS_URL, SECRET_KEY and SITE_URL" in said
    assert "manage.py demo" in said


def test_help_needs_no_server(nothing: Demo) -> None:
    code, said = nothing.run("help")
    assert code == 0, said
    assert "load_accord" in said


def test_half_an_environment_is_told_in_one_line(nothing: Demo) -> None:
    code, said = nothing.run("migrate", DATABASE_URL="postgres://u@127.0.0.1:1/none")
    assert (code, len(said.splitlines())) == (1, 1)
    assert "SECRET_KEY" in said


def test_a_database_that_does_not_answer_is_told_in_one_line(nothing: Demo) -> None:
    code, said = nothing.run(
        "migrate",
        DATABASE_URL="postgres://u@127.0.0.1:1/none",
        REDIS_URL="redis://127.0.0.1:1/0",
        SECRET_KEY="abcdefghijklmnopqrstuvwxyz0123456789" * 2,
        SITE_URL="https://tracker.example.org",
    )
    assert code == 1
    assert said.splitlines()[-1].startswith("manage.py migrate: the database does not answer")
    assert "Traceback" not in said


def test_an_old_python_is_told_so_instead_of_a_syntax_error(tmp_path: Path) -> None:
    """The front door itself must be readable for any Python 3; the version is pretended, the file is real."""
    source = (ROOT / "manage.py").read_text()
    program = f"import sys; sys.version_info = (3, 9, 2); exec(compile({source!r}, {str(ROOT / 'manage.py')!r}, 'exec'))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "needs Python 3.11 or newer; this is 3.9" in done.stderr


def test_the_environment_is_not_built_by_accident_where_this_python_shall_do(tmp_path: Path) -> None:
    """ACCORD_USE_THIS_PYTHON=1 with a Python that has no Django: told, and no `.venv` is made."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", "import sys; sys.path.insert(0, sys.argv[1]); "
         "from tracker import bootstrap; sys.exit(bootstrap.main(['manage.py', 'migrate']))", str(ROOT)],
        capture_output=True, text=True, check=False, env={"ACCORD_USE_THIS_PYTHON": "1", "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert done.returncode == 1
    assert "has no Django" in done.stderr
