"""HubSpot when it refuses, limits, fails and lies: who must act, and nothing half-read."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import Any

import pytest

from connectors.context import Context
from connectors.errors import (
    ConfigError,
    ContractError,
    CredentialsError,
    RateLimited,
    SyncError,
    TransientError,
)
from connectors.sandbox.hubspot import Limits
from connectors.settings import load
from connectors.sources import hubspot
from connectors.throttle import open_throttles
from tests.sources.hubspot.portal import NOW, Portal, reading

LIST = "objects/2026-09/contacts$"
HOUR = timedelta(hours=1)


def test_a_revoked_token_ends_the_run(portal: Portal) -> None:
    portal.vendor.access.revoke()

    with pytest.raises(CredentialsError, match="401"):
        portal.read("contacts")
    assert portal.context.meter.retries == 0


def test_a_malformed_token_ends_the_run(portal: Portal) -> None:
    with pytest.raises(CredentialsError, match="stray space"):
        portal.read("contacts", settings={"api_token": "pat-na1-\tbroken"})
    assert portal.context.meter.retries == 0


@pytest.mark.parametrize(
    "trouble",
    [
        {"status": 423, "retry_after": 2.0},
        {"status": 429, "retry_after": 0.0},
        {"status": 429, "retry_after": 3.0, "retry_after_form": "date"},
        {"status": 500, "body": '{"status":"error","message":"Internal Error"}'},
        {"status": 502, "html": True},
        {"status": 504},
        {"status": 524, "html": True},
        {"status": 200, "html": True},
        {"status": 200, "body": '{"results":[{"id":"1","prop'},
        {"cut": 0.5},
        {"reset": "headers"},
    ],
    ids=str,
)
@pytest.mark.parametrize("mode", ["full", "incremental"])
def test_what_may_pass_is_asked_for_again(
    portal: Portal, mode: str, trouble: dict[str, Any]
) -> None:
    """Cases 24, 25, 32, 33, 34, 39 and 44 of the fault list."""
    path = LIST if mode == "full" else "/search$"
    portal.sandbox.fault(path=path, nth=2, times=2, **trouble)

    found = portal.read("contacts", "full" if mode == "full" else "incremental", page_size=100)

    assert found.by_id == portal.records("contacts")
    assert portal.context.meter.retries == 2


def test_a_web_page_instead_of_records_is_never_no_records(portal: Portal) -> None:
    """Case 44 of the fault list."""
    portal.sandbox.fault(path=LIST, times=None, html=True)

    with pytest.raises(ContractError, match="web page"):
        portal.read("contacts")


def test_an_error_body_with_status_200_is_never_no_records(portal: Portal) -> None:
    """Case 44 of the fault list."""
    portal.sandbox.fault(path=LIST, body='{"status":"error","message":"x","category":"Y"}')

    with pytest.raises(ContractError, match="unexpected shape"):
        portal.read("contacts")


def test_a_url_too_long_fails_the_stream(portal: Portal) -> None:
    portal.vendor.max_url = 900

    with pytest.raises(ContractError, match="414"):
        portal.read("contacts")


@pytest.mark.parametrize(
    ("trouble", "resume_at"),
    [
        ({"status": 477, "retry_after": 7200.0}, NOW + 2 * HOUR),
        ({"status": 477}, NOW + HOUR),
        ({"status": 429, "body": '{"policyName":"DAILY"}'}, NOW + HOUR),
        ({"status": 429, "retry_after": 86_400.0}, NOW + 24 * HOUR),
    ],
    ids=str,
)
def test_what_will_not_pass_soon_ends_the_run_with_a_time_to_go_on(
    portal: Portal, trouble: dict[str, Any], resume_at: datetime
) -> None:
    """Case 35 of the fault list."""
    portal.sandbox.fault(path=LIST, nth=2, times=None, **trouble)

    with pytest.raises(RateLimited) as caught:
        portal.read("contacts", page_size=100)

    assert caught.value.resume_at == resume_at
    assert portal.context.meter.retries == 0


@pytest.mark.parametrize(
    ("policy", "path", "mode", "least"),
    [("TEN_SECONDLY_ROLLING", LIST, "full", 10), ("SECONDLY", "/search$", "incremental", 1)],
)
def test_a_429_without_a_header_waits_as_its_policy_says(
    portal: Portal, policy: str, path: str, mode: str, least: float
) -> None:
    """Case 36 of the fault list."""
    portal.sandbox.fault(path=path, status=429, body=f'{{"policyName":"{policy}"}}')

    found = portal.read("contacts", "full" if mode == "full" else "incremental")

    assert found.by_id == portal.records("contacts")
    assert portal.context.meter.throttled_seconds >= least


def test_the_budget_for_searches_is_kept_and_used(portal: Portal) -> None:
    """Cases 36 and 38 of the fault list: five a second by HubSpot's own count, no 429."""
    portal.vendor.quotas.limits = Limits(ten_seconds=100, search_second=5, daily=1_000)
    stopping = threading.Event()
    context = Context(
        throttles=open_throttles(None, stopping=stopping), stopping=stopping, clock=lambda: NOW
    )
    environment = portal.sandbox.environment()
    settings = load(
        hubspot.Settings,
        {
            "base_url": environment["HUBSPOT_BASE_URL"],
            "api_token": environment["HUBSPOT_API_TOKEN"],
        },
    )

    with hubspot.connect(settings, context) as reader:
        pages = list(reading(reader, "contacts", "incremental", now=NOW, page_size=34))

    told = portal.sandbox.stats()["hubspot"]
    assert len(pages) == 13
    assert told["rate_limited"] == 0
    assert told["peak_1s"]["search"] == 5


def test_the_size_of_the_budget_is_learned_from_headers(portal: Portal) -> None:
    told = {"Max": "20", "Remaining": "1", "Interval-Milliseconds": "10000"}
    headers = {f"X-HubSpot-RateLimit-{name}": value for name, value in told.items()}
    portal.sandbox.fault(path=LIST, headers=headers)

    found = portal.read("contacts", page_size=100)

    assert found.by_id == portal.records("contacts")
    assert portal.context.meter.throttled_seconds >= 9


def test_what_other_apps_used_of_the_day_counts(portal: Portal) -> None:
    portal.vendor.quotas.limits = Limits(daily=250_000)
    portal.vendor.quotas.used_today = 249_997

    with pytest.raises(RateLimited):
        portal.read("contacts", page_size=20)
    assert portal.sandbox.stats()["hubspot"]["rate_limited"] == 0


def test_a_server_that_stays_down_fails_the_stream(portal: Portal) -> None:
    portal.sandbox.fault(path=LIST, times=None, status=503)

    with pytest.raises(TransientError, match="503"):
        portal.read("contacts")


def test_no_message_holds_the_token(portal: Portal) -> None:
    """Case 91 of the fault list."""
    token = portal.sandbox.environment()["HUBSPOT_API_TOKEN"]
    body = f'{{"status":"error","message":"no good: {token}","category":"X"}}'
    portal.sandbox.fault(path=LIST, status=400, body=body)

    with pytest.raises(SyncError) as caught:
        portal.read("contacts")
    assert token not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({}, "set HUBSPOT_API_TOKEN, or for OAuth all of"),
        ({"client_id": "x", "refresh_token": "y"}, "set HUBSPOT_API_TOKEN, or for OAuth all of"),
        ({"api_token": "x", "associations": "contacts"}, "HUBSPOT_ASSOCIATIONS is not valid"),
        ({"api_token": "x", "api_version": "v1"}, "HUBSPOT_API_VERSION is not valid"),
    ],
    ids=str,
)
def test_settings_that_do_not_work_are_refused_in_a_sentence(
    given: dict[str, str], sentence: str
) -> None:
    with pytest.raises(ConfigError, match=sentence):
        load(hubspot.Settings, given)


def test_pairs_are_a_comma_list_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUBSPOT_API_TOKEN", "pat-na1-x")
    monkeypatch.setenv("HUBSPOT_ASSOCIATIONS", "deals:contacts, tickets:contacts")

    settings = load(hubspot.Settings)

    assert settings.associations == ("deals:contacts", "tickets:contacts")
