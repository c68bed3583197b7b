"""The repository keeps its own rules: commands, locks, settings, boundaries."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from dotenv import dotenv_values

from connectors.registry import SOURCES as REGISTERED

ROOT = Path(__file__).parents[1]
LOCKS = ("requirements.lock", "requirements-dev.lock")
SOURCES = [name.upper() for name in REGISTERED]
# Put together here, so that this file does not name one.
REGISTRY = re.compile(
    r"pypi\." + r"org|pythonhosted\." + r"org|index" + r"-url\s*=|find" + r"-links|/simple" + r"/"
)


def files() -> Iterator[Path]:
    """Every file that belongs to the project, as git would see it."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    return (path for name in listed.stdout.split("\0") if (path := ROOT / name).is_file())


def check_locks(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, folder / ".ci" / "check_lock.py"],
        capture_output=True,
        text=True,
        check=False,
    )


def copy_of_the_locks(folder: Path) -> Path:
    (folder / ".ci").mkdir()
    for name in ("pyproject.toml", *LOCKS, ".ci/check_lock.py"):
        shutil.copy(ROOT / name, folder / name)
    return folder


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


def test_the_lock_files_fit_the_project() -> None:
    checked = check_locks(ROOT)

    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_file_holds_pins_with_hashes_and_nothing_else(lock: str) -> None:
    pin = re.compile(r"[A-Za-z0-9._-]+==\S+( ; .+)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?| *#.*")
    lines = (ROOT / lock).read_text().splitlines()

    assert [line for line in lines if not pin.fullmatch(line)] == []
    assert [line for line in lines if "://" in line] == []


def test_a_new_dependency_without_a_new_lock_is_noticed(tmp_path: Path) -> None:
    folder = copy_of_the_locks(tmp_path)
    edit(folder / "pyproject.toml", "dependencies = [", 'dependencies = ["never-locked>=1", ')

    checked = check_locks(folder)

    assert checked.returncode == 1
    assert "never-locked" in checked.stderr
    assert "make lock" in checked.stderr


def test_an_index_in_a_lock_file_is_noticed(tmp_path: Path) -> None:
    folder = copy_of_the_locks(tmp_path)
    lock = folder / "requirements.lock"
    lock.write_text("--index" + "-url https://packages.example/simple\n" + lock.read_text())

    checked = check_locks(folder)

    assert checked.returncode == 1
    assert "names an index or a host" in checked.stderr


def test_no_file_names_a_package_registry() -> None:
    naming = [
        f"{path.relative_to(ROOT)}: {found[0]}"
        for path in files()
        if (found := REGISTRY.search(path.read_text(errors="replace")))
    ]

    assert naming == []


def test_continuous_integration_runs_the_commands_that_users_are_given() -> None:
    script = (ROOT / ".ci" / "run").read_text()

    assert re.search(r"^make check$", script, re.MULTILINE)
    assert re.search(r"^REQUIRE_SERVERS=1 make test$", script, re.MULTILINE)
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", ".ci/run"])
def test_every_command_that_a_page_names_exists(page: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", (ROOT / page).read_text(), re.MULTILINE))

    assert named
    assert named <= targets


def test_every_setting_has_a_line_that_explains_it() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    unexplained = [
        line
        for before, line in zip(["", *lines], lines, strict=False)
        if "=" in line and not line.startswith("#") and not before.startswith("# ")
    ]

    assert unexplained == []


def test_the_settings_file_can_be_used_as_it_is() -> None:
    settings = dotenv_values(ROOT / ".env.example", interpolate=False)
    names = re.findall(r"^([A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)

    assert sorted(settings) == sorted(names)  # none twice, none that does not parse
    assert sorted(name for name in names if name.startswith("ENABLE_")) == sorted(
        f"ENABLE_{source}" for source in SOURCES
    )
    assert [s for s in SOURCES if settings[f"ENABLE_{s}"] != "true"] == ["SALESPRO"]


def test_the_connectors_work_without_prefect() -> None:
    """Every module under `connectors` is imported; none may pull Prefect in by a detour."""
    program = (
        "import importlib, pkgutil, sys, connectors\n"
        "for module in pkgutil.walk_packages(connectors.__path__, 'connectors.'):\n"
        "    if not module.name.endswith('__main__'):\n"
        "        importlib.import_module(module.name)\n"
        "print([name for name in sys.modules if name.split('.')[0] == 'prefect'])\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_every_file_can_be_read_in_one_sitting() -> None:
    folders = [ROOT / name for name in ("connectors", "flows", "deployments")]
    long = {
        str(path.relative_to(ROOT)): lines
        for folder in folders
        for path in folder.rglob("*.py")
        if (lines := len(path.read_text().splitlines())) > 400
    }

    assert long == {}
