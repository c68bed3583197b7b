"""Genius: settings that are missing or wrong are named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from connectors import secrets
from connectors.errors import ConfigError
from connectors.settings import load
from connectors.sources import genius
from tests.sources.genius.database import ago, context


def test_missing_settings_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENIUS_DB_HOST", "db.internal")

    with pytest.raises(ConfigError, match="GENIUS_DB_NAME and GENIUS_DB_USER and GENIUS_DB_PASS"):
        load(genius.Settings)


def test_settings_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "HOST": "db.internal",
        "NAME": "genius",
        "USER": "reader",
        "PASSWORD": "s3cret-of-genius",
        "ZONE": "US/Pacific",
    }.items():
        monkeypatch.setenv(f"GENIUS_DB_{name}", value)

    settings = load(genius.Settings)

    assert (settings.db_port, settings.db_zone, settings.budget) == (3306, "US/Pacific", None)
    assert "s3cret" not in repr(settings)
    assert "s3cret" not in secrets.scrub(f"it was s3cret-of-genius at {ago()}")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"db_zone": "Mars/Olympus"}, "no such time zone"),
        ({"db_host": "sqlite:///"}, "no file"),
        ({"db_host": "genius..example.com"}, "no host has such a name"),
    ],
)
def test_wrong_settings_are_refused(changes: dict[str, Any], sentence: str) -> None:
    usual = {"db_host": "h", "db_name": "n", "db_user": "u", "db_password": "p"}

    with pytest.raises(ConfigError, match=sentence):
        load(genius.Settings, usual | changes)


def test_a_sqlite_file_that_is_not_there_is_a_setting_to_correct(tmp_path: Path) -> None:
    settings = load(
        genius.Settings,
        {
            "db_host": f"sqlite:///{tmp_path / 'gone.db'}",
            "db_name": "n",
            "db_user": "u",
            "db_password": "p",
        },
    )

    with pytest.raises(ConfigError, match="there is no file"), genius.connect(settings, context()):
        pass
