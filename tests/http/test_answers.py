"""The HTTP client: what it makes of an answer."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from connectors.errors import (
    ContractError,
    CredentialsError,
    RateLimited,
    SyncError,
    TransientError,
)
from connectors.http import Answer
from tests.http.misbehaving import NOW, TOKEN, Reply, Vendor, World


def test_an_answer_decodes_to_exact_numbers(vendor: Vendor, world: World) -> None:
    vendor.serve(Reply(body=b'{"amount": 0.10, "big": 123456789012345678901234567890}'))

    with world.client(vendor.url) as client:
        answer = client.get("/deals", {"limit": 100, "after": "a b"})

    assert answer.json() == {"amount": Decimal("0.10"), "big": 123456789012345678901234567890}
    command, path, headers, _ = vendor.asked[0]
    assert (command, path) == ("GET", "/hub/deals?limit=100&after=a+b")
    assert headers["authorization"] == f"Bearer {TOKEN}"
    assert world.context.meter.requests == 1


class Listing(msgspec.Struct):
    results: list[dict[str, Any]]


def test_an_answer_of_another_shape_is_a_broken_contract(vendor: Vendor, world: World) -> None:
    vendor.serve(Reply(body=b'{"results": [{"email": "ann@example.com"}]}'), Reply(body=b"[7]"))

    with world.client(vendor.url) as client:
        listing = client.get("/contacts", shape=Listing).decode(Listing)
        with pytest.raises(ContractError, match=r"GET /hub/contacts: 200, unexpected shape"):
            client.get("/contacts", shape=Listing)

    assert listing.results == [{"email": "ann@example.com"}]
    assert world.waits == []


@pytest.mark.parametrize(
    ("body", "value"),
    [(b'{"a": "\\ud800"}', "\ud800"), (b'{"a": "\xff"}', "\udcff"), (b'{"a": -Infinity}', None)],
)
def test_one_bad_value_does_not_cost_the_page(
    vendor: Vendor, world: World, body: bytes, value: str | None
) -> None:
    """Cases 73 and 77 of the fault list: the warehouse refuses the value, not the page."""
    vendor.serve(Reply(body=body))

    with world.client(vendor.url) as client:
        decoded = client.get("/x", shape=dict[str, Any]).json()

    assert decoded["a"] == (float("-inf") if value is None else value)


def test_a_question_is_posted_and_retried_like_a_get(vendor: Vendor, world: World) -> None:
    vendor.serve(Reply(status=502), Reply())

    with world.client(vendor.url) as client:
        client.post("/search", json={"limit": 200}, cost_class="search")

    assert [json.loads(body) for _, _, _, body in vendor.asked] == [{"limit": 200}] * 2


def test_a_status_that_the_source_accepts_is_an_answer(vendor: Vendor, world: World) -> None:
    vendor.serve(Reply(status=404, body=b"gone"), Reply(status=204, body=b""))

    with world.client(vendor.url) as client:
        assert client.get("/x", accept=(200, 404)).status == 404
        assert client.get("/x", accept=(204,)).content == b""


def test_a_source_may_read_answers_its_own_way(vendor: Vendor, world: World) -> None:
    """Case 44 of the fault list: 200 with an error inside."""
    vendor.serve(
        Reply(body=b'{"error": "busy"}'), Reply(), Reply(status=477, body=b'{"error": "moving"}')
    )

    def classify(answer: Answer) -> SyncError | None:
        match answer.status, answer.json():
            case 200, {"error": "busy"}:
                return TransientError("the vendor is busy", retry_after=11)
            case 477, _:
                return RateLimited("the portal is moving", resume_at=NOW)
            case _:
                return None

    with world.client(vendor.url, classify=classify) as client:
        assert client.get("/x").json() == {"ok": True}
        with pytest.raises(RateLimited, match="moving"):
            client.get("/x")

    assert world.waits == [11]


def test_an_answer_the_source_cannot_read_is_sorted_by_its_status(
    vendor: Vendor, world: World
) -> None:
    vendor.serve(Reply(status=502, body=b"<html>"), Reply(status=401, body=b"<html>"))

    def classify(answer: Answer) -> SyncError | None:
        return ContractError("odd") if answer.json() == [] else None

    with world.client(vendor.url, classify=classify) as client, pytest.raises(CredentialsError):
        client.get("/x")

    assert len(vendor.asked) == 2


def test_a_login_page_is_a_failure_and_not_zero_rows(vendor: Vendor, world: World) -> None:
    """Case 44 of the fault list."""
    vendor.serve(Reply(body=b"<!doctype html><form>", headers={"Content-Type": "text/html"}))

    with world.client(vendor.url) as client, pytest.raises(ContractError, match="web page"):
        client.get("/x")

    assert len(vendor.asked) == 6


def test_a_body_that_is_not_json_is_left_alone_when_asked(vendor: Vendor, world: World) -> None:
    vendor.serve(Reply(body=b"<soap/>", headers={"Content-Type": "text/xml"}))

    with world.client(vendor.url) as client:
        answer = client.post("/soap", content=b"<ask/>", shape=None)

    assert answer.content == b"<soap/>"
    assert vendor.asked[0][3] == b"<ask/>"
