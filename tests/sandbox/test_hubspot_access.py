from __future__ import annotations

from datetime import timedelta

import httpx
import pytest

from connectors.sandbox import Sandbox
from connectors.sandbox.hubspot import HubSpot, Limits
from connectors.sandbox.hubspot.access import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, TOKEN
from tests.sandbox.hubspot import search, where


def test_bad_requests_are_refused_as_hubspot_does(client: httpx.Client) -> None:
    objects = "/crm/v3/objects"
    refused = [
        client.get(f"{objects}/contacts?limit=101"),
        client.get(f"{objects}/contacts?limit=51&propertiesWithHistory=email"),
        client.get(f"{objects}/contacts?after=x"),
        client.post(f"{objects}/contacts/search", content=b"{"),
        search(client, "contacts", limit=201),
        search(client, "contacts", after="9900"),
        search(client, "contacts", where("nonsense", "EQ", "1")),
        search(client, "contacts", where("email", "LIKE", "1")),
        client.post("/crm/objects/2026-09/contacts/search", json={"limit": 1}),
        client.post(f"{objects}/contacts/batch/read", json={"inputs": [{"id": "1"}] * 101}),
    ]
    assert {answer.status_code for answer in refused} == {400}
    assert {answer.json()["category"] for answer in refused} == {"VALIDATION_ERROR"}
    for path in ("/crm/v3/objects/2-999", "/crm/objects/2027-03/contacts", "/crm/v9/owners", "/x"):
        assert client.get(path).status_code == 404
    assert search(client, "contacts", where("lastmodifieddate", "GTE", "0")).status_code == 500


def test_a_token_must_be_known_well_formed_and_granted_the_scope(
    portal: HubSpot, client: httpx.Client
) -> None:
    """Case 42 of the fault list."""
    url, headers = "/crm/v3/objects/tickets", dict[str, str]
    assert client.get(url, headers={"Authorization": "Bearer pat-other"}).status_code == 401
    assert client.get(url, headers={"Authorization": ""}).status_code == 401
    malformed = client.get(url, headers=headers(Authorization=f"Bearer {TOKEN}\\n"))
    assert malformed.status_code == 530
    assert malformed.headers["content-type"] == "text/html"

    portal.access.scopes -= {"tickets"}
    refused = client.get(url)
    assert refused.status_code == 403
    assert refused.json()["category"] == "MISSING_SCOPES"
    assert refused.json()["errors"][0]["context"] == {"requiredScopes": ["tickets"]}
    assert client.get("/crm/v3/objects/deals").status_code == 200


def test_an_object_that_is_not_activated_is_refused(portal: HubSpot, client: httpx.Client) -> None:
    portal.adjust({"disabled": ["appointments"]})

    assert client.get("/crm/v3/objects/0-421").status_code == 400


@pytest.mark.parametrize("path", ["/oauth/v1/token", "/oauth/2026-09/token"])
def test_oauth_tokens_expire_and_refresh_tokens_serve_once(
    path: str, hubspot: Sandbox, client: httpx.Client
) -> None:
    """Cases 40 and 41 of the fault list."""
    form = {
        "grant_type": "refresh_token",
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "refresh_token": REFRESH_TOKEN,
    }
    issued = client.post(path, data=form).json()
    headers = {"Authorization": f"Bearer {issued['access_token']}"}
    assert client.get("/crm/v3/owners", headers=headers).status_code == 200

    hubspot.clock.advance(timedelta(seconds=issued["expires_in"] + 5))
    expired = client.get("/crm/v3/owners", headers=headers)
    assert expired.status_code == 401
    assert "expired 5 second" in expired.json()["message"]
    assert client.post(path, data=form).status_code == 400
    assert client.post(path, data=form | {"refresh_token": issued["refresh_token"]}).is_success


@pytest.mark.parametrize(
    ("limits", "path", "policy"),
    [
        (Limits(ten_seconds=2), "/crm/v3/owners", "TEN_SECONDLY_ROLLING"),
        (Limits(search_second=2), "/crm/v3/objects/deals/search", "SECONDLY"),
        (Limits(daily=2), "/crm/v3/objects/deals", "DAILY"),
    ],
)
def test_each_limit_answers_429_in_its_own_words(
    limits: Limits, path: str, policy: str, portal: HubSpot, client: httpx.Client
) -> None:
    """Case 36 of the fault list."""
    portal.quotas.limits = limits
    method = "POST" if path.endswith("search") else "GET"
    answers = [client.request(method, path, json={}) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    body = answers[2].json()
    assert (body["policyName"], body["errorType"]) == (policy, "RATE_LIMIT")
    assert "category" not in body
    assert "Retry-After" not in answers[2].headers


def test_rate_limit_headers_come_except_on_search(portal: HubSpot, client: httpx.Client) -> None:
    portal.adjust({"limits": {"ten_seconds": 190, "daily": 1000}})

    headers = client.get("/crm/v3/owners").headers
    assert headers["X-HubSpot-RateLimit-Max"] == "190"
    assert headers["X-HubSpot-RateLimit-Remaining"] == "189"
    assert headers["X-HubSpot-RateLimit-Interval-Milliseconds"] == "10000"
    assert headers["X-HubSpot-RateLimit-Daily-Remaining"] == "999"
    assert headers["x-hubspot-correlation-id"]
    assert "X-HubSpot-RateLimit-Max" not in search(client, "deals").headers


def test_a_url_above_eight_kilobytes_is_an_html_414(client: httpx.Client) -> None:
    answer = client.get("/crm/v3/objects/contacts", params={"properties": "x" * 8192})

    assert answer.status_code == 414
    assert answer.headers["content-type"] == "text/html"


def test_switches_are_set_over_http(hubspot: Sandbox, client: httpx.Client) -> None:
    url = f"{hubspot.base_url}/__set/hubspot"
    assert httpx.post(url, json={"missing_scopes": ["crm.lists.read"]}).status_code == 200
    assert client.post("/crm/v3/lists/search", json={}).status_code == 403
    assert httpx.post(url, json={"nonsense": 1}).status_code == 400
