"""What docs/adding-a-source.md tells a newcomer to do, done in a copy of the project."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "adding-a-source.md").read_text()
COPIED = ("connectors", "flows", "deployments", "tests", "prefect.yaml", "pyproject.toml")
TESTS = (
    "tests/test_source_contract.py",
    "tests/flows/test_deployments.py",
    "tests/test_settings_example.py",
)


def block(before: str) -> str:
    """The code that follows a piece of the page's text."""
    found = re.search(re.escape(before) + r"[^`]*```\w*\n(.*?)```", PAGE, re.DOTALL)
    assert found, before
    return found[1]


def insert(file: Path, before: str, text: str) -> None:
    """Put `text` in front of the last `before` of a file."""
    head, found, tail = file.read_text().rpartition(before)
    assert found, (file, before)
    file.write_text(head + text + found + tail)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with Parcel in it."""
    copy = tmp_path_factory.mktemp("newcomer")
    unwanted = shutil.ignore_patterns("__pycache__", ".*_cache")
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=unwanted)
        else:
            shutil.copy(ROOT / name, copy / name)
    for file in ("connectors/sources/parcel.py", "connectors/sandbox/parcel.py"):
        (copy / file).write_text(block(f"New file `{file}`:"))
    registry = copy / "connectors" / "registry.py"
    head, found, tail = registry.read_text().partition("from connectors.sources import (\n")
    registry.write_text(head + found + "    parcel,\n" + tail)
    insert(registry, "    )\n}", block("`parcel` among the imports and one line:"))
    insert(copy / "connectors/sandbox/vendors.py", "}\n\nItem", block("sandbox/vendors.py`:"))
    insert(copy / "prefect.yaml", "  - name: sweep-stale-runs", block("that no other source has:"))
    example = (ROOT / ".env.example").read_text()
    (copy / ".env.example").write_text(f"{example}\n{block('In `.env.example`:')}")
    return copy


def test_a_newcomers_source_keeps_the_promises_of_every_source(project: Path) -> None:
    chosen = "parcel or every_registered or same_minute or example or say_the_same"
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *TESTS, "-k", chosen],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 0, ran.stdout[-4000:]
    passed = re.search(r"(\d+) passed", ran.stdout)
    assert passed
    assert int(passed[1]) >= 10


def test_the_pages_code_passes_the_projects_own_checks(project: Path) -> None:
    files = ["connectors/sources/parcel.py", "connectors/sandbox/parcel.py"]
    for command in (["ruff", "format", "--check", *files], ["ruff", "check", *files]):
        ran = subprocess.run(
            [sys.executable, "-m", *command],
            cwd=project,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout
