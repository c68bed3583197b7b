"""HubSpot by OAuth: refresh tokens that serve once are never lost between two steps."""

from __future__ import annotations

import json
import stat
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.errors import ConfigError, CredentialsError
from connectors.sandbox.hubspot.access import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN
from tests.sources.hubspot.portal import NOW, Gathered, Portal, reading

TOKEN_PATH = "oauth/2026-09/token$"


@pytest.fixture
def oauth(tmp_path: Path) -> dict[str, Any]:
    return {
        "api_token": None,
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "refresh_token": REFRESH_TOKEN,
        "token_file": tmp_path / "hubspot-token.json",
    }


def kept(oauth: dict[str, Any]) -> dict[str, Any]:
    return json.loads(oauth["token_file"].read_text())


@pytest.mark.parametrize("version", ["2026-09", "v3"])
def test_a_refresh_token_brings_records(
    portal: Portal, oauth: dict[str, Any], version: str
) -> None:
    found = portal.read("deals", settings=oauth | {"api_version": version})

    assert found.by_id == portal.records("deals")


def test_a_living_access_token_is_used_again_by_the_next_run(
    portal: Portal, oauth: dict[str, Any]
) -> None:
    for _ in range(3):
        portal.read("deals", settings=oauth)

    assert portal.sandbox.stats()["hubspot"]["endpoints"]["oauth"] == 1


def test_a_token_that_expires_in_mid_run_is_refreshed_once_and_the_page_repeated(
    portal: Portal, oauth: dict[str, Any]
) -> None:
    """Case 40 of the fault list."""
    portal.sandbox.fault(
        path="contacts$", nth=3, call=lambda: portal.sandbox.clock.advance(timedelta(minutes=31))
    )

    found = portal.read("contacts", settings=oauth, page_size=100)

    stats = portal.sandbox.stats()["hubspot"]
    assert found.by_id == portal.records("contacts")
    assert stats["endpoints"]["oauth"] == 2
    assert stats["statuses"]["401"] == 1


def test_the_next_refresh_token_is_on_disk_before_the_access_token_is_used(
    portal: Portal, oauth: dict[str, Any]
) -> None:
    """Case 41 of the fault list."""
    seen: list[dict[str, Any]] = []
    portal.sandbox.fault(path="schemas$", call=lambda: seen.append(kept(oauth)))

    portal.read("deals", settings=oauth)

    assert seen[0]["refresh_token"] == "sandbox-refresh-1"
    assert seen[0]["previous"] == REFRESH_TOKEN


def test_the_token_file_is_its_owners_alone(portal: Portal, oauth: dict[str, Any]) -> None:
    portal.read("deals", settings=oauth)

    assert stat.S_IMODE(oauth["token_file"].stat().st_mode) == 0o600
    assert not list(oauth["token_file"].parent.glob("*.new"))


def test_a_token_lost_between_answer_and_disk_says_to_authorise_again(
    portal: Portal, oauth: dict[str, Any]
) -> None:
    """Case 41 of the fault list."""
    portal.vendor.access.refresh_tokens = {"sandbox-refresh-9"}  # the answer nobody received

    with pytest.raises(CredentialsError, match="Authorise the app again"):
        portal.read("deals", settings=oauth)


def test_a_newly_configured_token_replaces_the_chain_in_the_file(
    portal: Portal, oauth: dict[str, Any]
) -> None:
    portal.read("deals", settings=oauth)
    portal.vendor.access.refresh_tokens = {"granted-anew"}
    portal.vendor.access.expire()

    found = portal.read("deals", settings=oauth | {"refresh_token": "granted-anew"})

    assert found.list
    assert kept(oauth)["previous"] == "granted-anew"


def test_the_token_before_is_tried_when_the_newest_is_refused(
    portal: Portal, oauth: dict[str, Any]
) -> None:
    portal.read("deals", settings=oauth)
    portal.vendor.access.refresh_tokens = {REFRESH_TOKEN}  # HubSpot forgot the last exchange
    portal.vendor.access.expire()

    assert portal.read("deals", settings=oauth).list


def test_a_file_that_cannot_be_written_is_found_out_before_a_token_is_spent(
    portal: Portal, oauth: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "a-file").touch()
    nowhere = tmp_path / "a-file" / "token.json"

    with pytest.raises(ConfigError, match="HUBSPOT_TOKEN_FILE"):
        portal.read("deals", settings=oauth | {"token_file": nowhere})
    assert portal.vendor.access.refresh_tokens == {REFRESH_TOKEN}


def test_a_damaged_file_is_not_overwritten(portal: Portal, oauth: dict[str, Any]) -> None:
    oauth["token_file"].write_text('{"refresh_token": "sandbox-ref')

    with pytest.raises(ConfigError, match="cannot be read"):
        portal.read("deals", settings=oauth)
    assert portal.vendor.access.refresh_tokens == {REFRESH_TOKEN}


def test_workers_share_one_exchange(portal: Portal, oauth: dict[str, Any]) -> None:
    found: list[Gathered] = []

    def work() -> None:
        with portal.reader(**oauth) as reader:
            found.append(Gathered(list(reading(reader, "deals", now=NOW))))

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert [len(each.list) for each in found] == [160] * 4
    assert portal.sandbox.stats()["hubspot"]["endpoints"]["oauth"] == 1
