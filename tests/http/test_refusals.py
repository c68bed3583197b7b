"""The HTTP client: answers that say no, and what may be told of them."""

from __future__ import annotations

import json
import logging

import pytest

from connectors.errors import AccessError, ContractError, CredentialsError, SyncError
from tests.http.misbehaving import TOKEN, Reply, Vendor, World


def test_an_expired_token_is_renewed_once_and_the_request_repeated(
    vendor: Vendor, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """Case 40 of the fault list."""
    caplog.set_level(logging.DEBUG)
    vendor.serve(Reply(), Reply(status=401), Reply(), Reply(status=401))
    renewals: list[str] = []

    def renew() -> dict[str, str]:
        renewals.append(f"Bearer fresh-token-{len(renewals)}")
        return {"Authorization": renewals[-1]}

    with world.client(vendor.url, reauthorize=renew) as client:
        client.get("/x", {"page": 1})
        client.get("/x", {"page": 2})
        with pytest.raises(CredentialsError, match="Renew the credential"):
            client.get("/x", {"page": 3})

    pages = [path.rpartition("=")[2] for _, path, _, _ in vendor.asked]
    assert pages == ["1", "2", "2", "3", "3"]
    assert [h["authorization"] for _, _, h, _ in vendor.asked][2:4] == [renewals[0]] * 2
    assert len(renewals) == 2
    assert "fresh-token" not in caplog.text


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, CredentialsError),
        (403, AccessError),
        (404, ContractError),
        (400, ContractError),
        (414, ContractError),
        (422, ContractError),
        (304, ContractError),
    ],
)
def test_a_refusal_is_sorted_by_who_must_act_and_not_repeated(
    vendor: Vendor, world: World, status: int, kind: type[SyncError]
) -> None:
    """Cases 42 and 43 of the fault list."""
    vendor.serve(Reply(status=status))

    with world.client(vendor.url) as client, pytest.raises(kind, match=f"GET /hub/x: {status}"):
        client.get("/x")

    assert len(vendor.asked) == 1


def test_messages_hold_no_secret_no_query_and_no_record(
    vendor: Vendor, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """Case 91 of the fault list."""
    caplog.set_level(logging.DEBUG)
    body = json.dumps({"message": f"token {TOKEN} lacks scope", "category": "MISSING_SCOPES"})
    personal = b'{"message": "ann@example.com is not valid"}'
    vendor.serve(Reply(status=403, body=body.encode()), Reply(status=422, body=personal))

    with world.client(vendor.url) as client:
        with pytest.raises(AccessError) as refused:
            client.get("/x", {"email": "ann@example.com", "key": TOKEN})
        with pytest.raises(ContractError) as unprocessable:
            client.post("/x", json={"email": "ann@example.com"})

    assert "MISSING_SCOPES, token *** lacks scope" in str(refused.value)
    told = f"{refused.value} {unprocessable.value} {caplog.text}"
    assert TOKEN not in told
    assert "ann@example.com" not in told
