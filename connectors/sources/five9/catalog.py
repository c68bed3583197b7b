"""The configuration of a domain: short lists, each read whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from connectors.model import Page, Record
from connectors.sources.five9.faults import FaultError
from connectors.sources.five9.soap import Five9Api

GONE = frozenset({"CampaignNotFoundFault", "ObjectNotFoundFault"})


@dataclass(frozen=True, slots=True)
class Listing:
    """The operation that lists a stream, and the children of its records that repeat."""

    operation: str
    lists: tuple[str, ...] = ()


LISTINGS = {
    "contact_fields": Listing("getContactFields", ("restrictions",)),
    "lists": Listing("getListsInfo"),
    "dispositions": Listing("getDispositions"),
    "campaigns": Listing("getCampaigns"),
    "users": Listing("getUsersGeneralInfo", ("mediaTypes",)),
    "agent_groups": Listing("getAgentGroups", ("agents",)),
    "skills": Listing("getSkills"),
}


def read(api: Five9Api, stream: str) -> Iterator[Page]:
    """Yield the one page of a configuration stream."""
    if stream == "campaign_lists":
        yield _campaign_lists(api)
        return
    listing = LISTINGS[stream]
    records = api.records(listing.operation, listing.lists)
    yield Page(records=[without_password(record) for record in records])


def without_password(record: Record) -> Record:
    """Return a record without the password that Five9 gives for users."""
    return {name: member for name, member in record.items() if name.lower() != "password"}


def _campaign_lists(api: Five9Api) -> Page:
    records: list[Record] = []
    notes: list[str] = []
    for campaign in api.records("getCampaigns", campaignType="OUTBOUND"):
        name = campaign["name"]
        try:
            found = api.records("getListsForCampaign", campaignName=name)
        except FaultError as error:
            if error.fault not in GONE:
                raise
            notes.append("a campaign was deleted while the lists of campaigns were read")
            continue
        records += [{"campaignName": name, **record} for record in found]
    return Page(records=records, notes=notes)
