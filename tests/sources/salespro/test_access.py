"""SalesPro: who we are at AWS, and what it may refuse us for."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from connectors.errors import AccessError, ConfigError, CredentialsError
from connectors.sandbox.salespro.vendor import SECRET
from connectors.settings import enabled, load
from connectors.sources import salespro
from tests.sources.salespro.export import Account

START, LATER_PAGE = "QueryString", "NextToken"
"""Words that only the bodies of such requests hold: of a start, of a page after the first."""


def refusal(code: str, message: str = "no") -> dict[str, Any]:
    return {"status": 400, "body": json.dumps({"__type": code, "message": message})}


@pytest.mark.parametrize(
    "code",
    [
        "ExpiredTokenException",
        "UnrecognizedClientException",
        "InvalidSignatureException",
        "MissingAuthenticationTokenException",
    ],
)
def test_a_refused_key_ends_the_run_at_once(pretend: Account, code: str) -> None:
    pretend.fault(contains=START, times=None, **refusal(code))

    error = pretend.read("estimates").error

    assert isinstance(error, CredentialsError)
    assert "Renew the key" in str(error)
    assert pretend.asked("StartQueryExecution") == 1


def test_a_token_that_expires_between_pages_ends_the_run(pretend: Account) -> None:
    """Case 40 of the fault list: a session token is renewed by a person, not by us."""
    pretend.fault(contains=LATER_PAGE, nth=2, call=lambda: pretend.vendor.adjust({"expired": True}))

    gathered = pretend.read("estimates", page_size=10)

    assert isinstance(gathered.error, CredentialsError)
    assert "ExpiredTokenException" in str(gathered.error)
    assert len(gathered.pages) == 2


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"access_key_id": "AKIANOBODY"}, "UnrecognizedClientException"),
        ({"secret_access_key": "a-wrong-secret-key"}, "InvalidSignatureException"),
    ],
)
def test_a_wrong_key_is_named_without_its_secret(
    pretend: Account, settings: dict[str, str], code: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, logger="connectors"):
        error = pretend.read("estimates", settings=settings).error

    assert isinstance(error, CredentialsError)
    assert code in str(error)
    for secret in (SECRET, "a-wrong-secret-key"):
        assert secret not in str(error) + caplog.text


def test_a_missing_permission_fails_the_stream_only(pretend: Account) -> None:
    """Case 42 of the fault list."""
    pretend.fault(contains=START, **refusal("AccessDeniedException", "not athena:StartQuery"))

    error = pretend.read("estimates").error

    assert isinstance(error, AccessError)
    assert "Give the IAM user the missing permission" in str(error)


def test_a_machine_without_an_identity_is_told_what_to_set(
    pretend: Account, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))

    nobody = {"access_key_id": None, "secret_access_key": None}
    error = pretend.read("estimates", settings=nobody).error

    assert isinstance(error, CredentialsError)
    assert "SALESPRO_ACCESS_KEY_ID" in str(error)
    assert pretend.requests() == 0


@pytest.mark.parametrize("settings", [{"server_region": "us east"}, {"base_url": "nonsense"}])
def test_a_region_or_address_that_makes_no_sense_is_a_setting_to_correct(
    pretend: Account, settings: dict[str, str]
) -> None:
    with pytest.raises(ConfigError, match="SALESPRO_SERVER_REGION"), pretend.reader(**settings):
        pass


def test_a_wrong_database_fails_with_athena_s_reason(pretend: Account) -> None:
    error = pretend.read("estimates", settings={"database": "default"}).error

    assert "SCHEMA_NOT_FOUND: Schema 'default' does not exist" in str(error)
    assert "Check SALESPRO_DATABASE" in str(error)


@pytest.mark.parametrize(("budget", "least", "most"), [(None, 0, 0.1), (1, 2, 2.5)])
def test_no_more_queries_are_started_in_a_second_than_the_budget_says(
    pretend: Account, budget: int | None, least: float, most: float
) -> None:
    """Case 38 of the fault list, within one process; `seconds` are those of the pretend clock."""
    for stream in ("estimates", "customers", "lead_results"):
        assert pretend.read(stream, settings={"budget": budget}).error is None

    assert least <= pretend.seconds <= most


def test_it_is_switched_off_unless_somebody_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    source = salespro.SOURCE
    assert not enabled(source.name, default=source.enabled_by_default)

    monkeypatch.setenv("ENABLE_SALESPRO", "true")

    assert enabled(source.name, default=source.enabled_by_default)


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({}, "set SALESPRO_S3_LOCATION"),
        ({"s3_location": "bucket/folder"}, "SALESPRO_S3_LOCATION is not valid"),
        ({"s3_location": "s3://b/", "access_key_id": "AKIA"}, "SALESPRO_SECRET_ACCESS_KEY"),
        ({"s3_location": "s3://b/", "zone": "Mars/Olympus"}, "SALESPRO_ZONE"),
    ],
)
def test_settings_that_cannot_work_are_named(settings: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        load(salespro.Settings, settings)
