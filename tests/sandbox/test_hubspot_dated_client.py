"""HubSpot's own client for the dated dialect reads the sandbox unchanged."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest
from hubspot_sdk import HubSpot

from connectors.sandbox import Sandbox


@pytest.fixture
def contacts() -> Generator[Any]:
    """The client's contacts, typed, against a small portal."""
    with Sandbox(only=["hubspot"], scale=0.2) as sandbox:
        environment = sandbox.environment()
        with HubSpot(
            access_token=environment["HUBSPOT_API_TOKEN"],
            base_url=environment["HUBSPOT_BASE_URL"],
            max_retries=0,
        ) as client:
            yield client.crm.objects.contacts


def test_the_dated_client_lists_every_contact_page_by_page(contacts: Any) -> None:
    ids = [contact.id for contact in contacts.list(limit=30)]

    assert len(ids) == len(set(ids)) == 80
    assert ids == sorted(ids, key=int)


def test_the_dated_client_searches_by_id_and_reads_in_batches(contacts: Any) -> None:
    some = [contact.id for contact in contacts.list(limit=3).results]

    found = contacts.search(
        after="0",
        limit=10,
        properties=["email"],
        sorts=["hs_object_id"],
        filter_groups=[
            {"filters": [{"propertyName": "hs_object_id", "operator": "IN", "values": some}]}
        ],
    )
    read = contacts.batch.get(
        inputs=[{"id": key} for key in some], properties=["email"], properties_with_history=[]
    )

    assert found.total == 3
    assert [contact.id for contact in found.results] == some
    emails = {contact.id: contact.properties["email"] for contact in found.results}
    assert {contact.id: contact.properties["email"] for contact in read.results} == emails
