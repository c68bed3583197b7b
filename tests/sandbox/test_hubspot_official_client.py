"""HubSpot's own Python client (v3) reads the sandbox unchanged, with its typed models."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from connectors.sandbox import Sandbox


@pytest.fixture(scope="module")
def sandbox() -> Generator[Sandbox]:
    with Sandbox(only=["hubspot"], scale=0.5) as running:
        yield running


@pytest.fixture(scope="module")
def crm(sandbox: Sandbox) -> Any:
    import hubspot

    environment = sandbox.environment()
    make: Any = hubspot.Client
    client = make(
        access_token=environment["HUBSPOT_API_TOKEN"], host=environment["HUBSPOT_BASE_URL"]
    )
    return client.crm


def test_it_lists_contacts_to_the_end(sandbox: Sandbox, crm: Any) -> None:
    records: list[Any] = []
    after = None
    while True:
        page = crm.contacts.basic_api.get_page(limit=100, after=after)
        records += page.results
        if page.paging is None:
            break
        after = page.paging.next.after

    truth = {e.id: e.record["properties"]["email"] for e in sandbox.ledger("hubspot", "contacts")}
    assert {one.id: one.properties["email"] for one in records} == truth
    assert all(one.updated_at.tzinfo for one in records)


def test_it_searches_contacts(sandbox: Sandbox, crm: Any) -> None:
    from hubspot.crm.contacts import PublicObjectSearchRequest

    request: Any = PublicObjectSearchRequest(
        filter_groups=[
            {"filters": [{"propertyName": "hs_object_id", "operator": "GT", "value": "99"}]}
        ],
        sorts=["hs_object_id"],
        properties=["email"],
        limit=10,
        after="0",
    )
    page = crm.contacts.search_api.do_search(public_object_search_request=request)

    ids = [int(e.id) for e in sandbox.ledger("hubspot", "contacts") if int(e.id) > 99]
    assert page.total == len(ids)
    assert [int(one.id) for one in page.results] == ids[:10]
    assert page.paging.next.after == "10"


def test_it_reads_a_batch_of_contacts(crm: Any) -> None:
    from hubspot.crm.contacts import BatchReadInputSimplePublicObjectId

    request: Any = BatchReadInputSimplePublicObjectId(
        inputs=[{"id": "51"}, {"id": "52"}], properties=["phone"], properties_with_history=[]
    )
    answer = crm.contacts.batch_api.read(batch_read_input_simple_public_object_id=request)

    assert answer.status == "COMPLETE"
    assert [one.id for one in answer.results] == ["51"]
    assert answer.errors[0].context == {"ids": ["52"]}
    assert "phone" in answer.results[0].properties


def test_it_reads_owners_pipelines_properties_and_schemas(crm: Any) -> None:
    assert crm.owners.owners_api.get_page(limit=5).results[0].email == "rep0@example.com"
    [first, *_] = crm.pipelines.pipelines_api.get_all(object_type="deals").results
    assert first.stages[1].metadata["isClosed"] == "true"
    names = {one.name for one in crm.properties.core_api.get_all(object_type="contacts").results}
    assert "lastmodifieddate" in names
    schemas = crm.schemas.core_api.get_all(archived=False).results
    assert {one.object_type_id for one in schemas} >= {"2-37778609", "2-42119425"}


def test_it_reads_associations(crm: Any) -> None:
    from hubspot.crm.associations.v4 import BatchInputPublicFetchAssociationsBatchRequest

    request: Any = BatchInputPublicFetchAssociationsBatchRequest(inputs=[{"id": "51"}])
    answer = crm.associations.v4.batch_api.get_page(
        from_object_type="contacts",
        to_object_type="2-37778609",
        batch_input_public_fetch_associations_batch_request=request,
    )

    [result] = answer.results
    assert [one.type_id for one in result.to[0].association_types] == [61]
