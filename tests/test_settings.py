"""Settings are read one way, and a wrong one is reported by name."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from connectors import secrets, settings
from connectors.errors import ConfigError


class Vendor(BaseSettings):
    acme_token: SecretStr
    acme_key: SecretStr
    acme_budget: int = 190
    acme_lists: list[str] = []


class Prefixed(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="ACME_DB_")

    host: str
    port: int = 3306


@pytest.fixture
def complete(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_TOKEN", "tok-settings-1")
    monkeypatch.setenv("ACME_KEY", "key-settings-1")


def test_missing_credentials_are_named() -> None:
    with pytest.raises(ConfigError, match="set ACME_TOKEN and ACME_KEY"):
        settings.load(Vendor)


def test_a_prefix_is_part_of_the_name() -> None:
    with pytest.raises(ConfigError, match="set ACME_DB_HOST"):
        settings.load(Prefixed)

    assert list(settings.variables(Prefixed)) == ["ACME_DB_HOST", "ACME_DB_PORT"]


@pytest.mark.usefixtures("complete")
@pytest.mark.parametrize("name", ["ACME_BUDGET", "ACME_LISTS"])
def test_a_malformed_setting_is_named_and_its_value_is_not(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "{hunter2")

    with pytest.raises(ConfigError) as caught:
        settings.load(Vendor)

    assert name in str(caught.value).upper()
    assert "hunter2" not in str(caught.value)


@pytest.mark.usefixtures("complete")
def test_the_environment_wins_over_the_file_and_an_override_over_both(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("ACME_TOKEN=from-file\nACME_BUDGET=7\nFOREIGN=1\n")

    loaded = settings.load(Vendor, {"acme_key": "key-overriding"})

    assert loaded.acme_token.get_secret_value() == "tok-settings-1"
    assert loaded.acme_key.get_secret_value() == "key-overriding"
    assert loaded.acme_budget == 7
    assert secrets.scrub("tok-settings-1 key-overriding") == "*** ***"


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "")
    monkeypatch.setenv("INGEST_PAGE_SIZE", "")

    core = settings.load(settings.CoreSettings)

    assert core.redis_url is None
    assert core.ingest_page_size == 200


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("INGEST_PAGE_SIZE", "0"),
        ("INGEST_PAGE_SIZE", "10001"),
        ("DB_BULK_BATCH_SIZE", "50001"),
        ("BUDGET_RESERVE", "1"),
        ("THROTTLE_MAX_WAIT_SECONDS", "nan"),
    ],
)
def test_a_setting_out_of_bounds_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(ConfigError, match=name):
        settings.load(settings.CoreSettings)


@pytest.mark.parametrize(
    ("text", "is_open"), [("true", True), ("0", False), ("Off", False), ("", True)]
)
def test_a_gate_opens_and_closes_a_source(
    monkeypatch: pytest.MonkeyPatch, text: str, *, is_open: bool
) -> None:
    monkeypatch.setenv("ENABLE_ACME", text)

    assert settings.enabled("acme", default=True) is is_open


def test_a_gate_that_is_neither_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENABLE_ACME", "maybe")

    with pytest.raises(ConfigError, match="ENABLE_ACME is not valid"):
        settings.enabled("acme", default=True)
