"""Five9: its configuration, read whole."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from connectors.sources import five9
from tests.sources.five9.domain import Domain

CONFIGURATION = (
    "contact_fields",
    "lists",
    "dispositions",
    "campaigns",
    "campaign_lists",
    "users",
    "agent_groups",
    "skills",
)


@pytest.mark.parametrize("name", CONFIGURATION)
def test_a_configuration_stream_is_read_whole(pretend: Domain, name: str) -> None:
    assert pretend.complete(pretend.read(name), name)


def test_passwords_that_five9_gives_are_dropped(pretend: Domain) -> None:
    users = pretend.read("users").records

    assert "clear-text" not in repr(users)
    assert users[0]["canChangePassword"] == "true"
    assert users[0]["mediaTypeConfig"]["mediaTypes"][1]["type"] == "CHAT"


def test_lists_are_lists_whatever_their_length(pretend: Domain) -> None:
    groups = pretend.read("agent_groups").by("name")

    assert [groups[name]["agents"] for name in ("Sales", "Support", "Nobody")] == [
        ["agent0"],
        ["agent0", "agent1"],
        [],
    ]


def test_zeep_is_imported_only_when_a_connection_is_opened() -> None:
    code = (
        "import sys, connectors.sources.five9.streams, connectors.sources.five9;"
        "sys.exit('zeep' in sys.modules)"
    )

    root = Path(five9.__file__).parents[3]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0


def test_the_sheet_names_every_stream() -> None:
    assert {s.name for s in five9.STREAMS} == {
        *CONFIGURATION,
        "contacts",
        "call_log",
        "agent_login_logout",
    }
