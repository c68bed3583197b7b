"""LeadConduit: what is read of each stream, and the values of leads."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors.errors import ConfigError
from connectors.sources import leadconduit
from connectors.sources.leadconduit.values import flat, instant_of, plain, without_secrets
from tests.sources.pretend import NOW, Pretend

NAMES = [stream.name for stream in leadconduit.STREAMS]


@pytest.mark.parametrize("name", NAMES)
def test_a_full_read_gives_every_record(pretend: Pretend, name: str) -> None:
    assert pretend.complete(pretend.read(name, page_size=30), name)


def test_an_event_is_read_as_it_is_with_its_ids_beside(pretend: Pretend) -> None:
    truth = pretend.truth("events")

    for record in pretend.read("events").records:
        told = truth[record["id"]]
        assert json.loads(record["vars"]) == told["vars"]
        assert record["outcome"] == told["outcome"]
        assert record["lead_id"] == told["vars"]["lead"]["id"]
        assert record["flow_name"] == told["vars"]["flow"]["name"]
        assert record["started_at"] == instant_of(told["start_timestamp"])


def test_an_incremental_read_sees_a_lead_that_began_before_and_ended_after(
    pretend: Pretend,
) -> None:
    """Ids are as old as the lead: one may appear below an id already passed (case 52)."""
    before = pretend.context.clock()
    pretend.later(minutes=10)

    gathered = pretend.incremental("events", before)

    truth = pretend.truth("events")
    new = {key for key in truth if int(key[:8], 16) >= (before - timedelta(minutes=31)).timestamp()}
    assert new == pretend.keys("events", gathered)
    assert any(int(key[:8], 16) < before.timestamp() - 60 for key in new)


@pytest.mark.parametrize("dated_by", ["id", "end"])
def test_both_readings_of_created_at_give_the_same_leads(pretend: Pretend, dated_by: str) -> None:
    pretend.vendor.dated_by = dated_by
    before = pretend.context.clock()
    pretend.later(minutes=10)

    found = pretend.keys("leads", pretend.incremental("leads", before))

    assert set(list(pretend.truth("leads"))[-3:]) <= found


def test_an_event_later_than_the_window_waits_for_the_next_run(pretend: Pretend) -> None:
    """Case 53 of the fault list."""
    pretend.vendor.book.submit(NOW + timedelta(seconds=90))

    gathered = pretend.read("leads", until=NOW)

    assert len(gathered.records) == len(pretend.truth("leads")) - 1


@pytest.mark.parametrize("forgets", [False, True])
def test_an_interrupted_read_goes_on_after_its_last_id(pretend: Pretend, forgets: bool) -> None:
    """The stored id may have expired meanwhile: compared as usual, or refused."""
    first = pretend.until_page("events", 3, page_size=30)
    pretend.vendor.forgets_ids = forgets
    if forgets:
        last = first[-1].position or {}
        began = datetime.fromtimestamp(int(str(last["after_id"])[:8], 16), UTC)
        pretend.vendor.retention = NOW - began - timedelta(minutes=1)

    rest = pretend.read("events", page_size=30, position=first[-1].position)

    seen = {record["id"] for page in [*first, *rest.pages] for record in page.records}
    assert rest.error is None
    assert seen == set(pretend.truth("events"))


def test_a_checkpoint_older_than_the_retention_is_said(pretend: Pretend) -> None:
    gathered = pretend.incremental("events", NOW - timedelta(days=120))

    assert "can no longer be read" in gathered.incomplete[0]
    assert gathered.records


def test_rules_that_are_ignored_give_no_other_leads(pretend: Pretend) -> None:
    pretend.vendor.ignores_rules = True

    assert pretend.complete(pretend.read("leads", page_size=30), "leads")


def test_heavy_fields_are_not_asked_for_unless_wanted(pretend: Pretend) -> None:
    slim = pretend.read("events").records
    whole = pretend.read("events", settings={"exclude": ""}).records

    assert not any({"transactions", "request", "mappings"} & record.keys() for record in slim)
    assert any("transactions" in record for record in whole)


def test_null_stands_for_an_empty_list(pretend: Pretend) -> None:
    pretend.vendor.entities_null = True

    gathered = pretend.read("entities")

    assert gathered.records == []
    assert gathered.error is None


def typed(normal: Any, **more: Any) -> dict[str, Any]:
    return {"normal": normal, "raw": "x", "valid": True, **more}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("  hi  ", "  hi  "),
        (typed("5125551234x201", extension="201"), "5125551234x201"),
        (typed("", valid=False), ""),
        (typed(None, valid=False), None),
        (typed(value=1, normal=False), False),
        (typed("TX", name="Texas"), "TX"),
        (typed("123 Main Street #4", number="123", name="Main Street #4"), "123 Main Street #4"),
        (typed("***", masked=True), "***"),
        (typed("1988-10-01T00:00:00.000Z", age=38.1, year=1988), "1988-10-01T00:00:00.000Z"),
        (typed("2014-06-02"), "2014-06-02"),
        (typed("10-20", min=10, max=20), "10-20"),
        ([typed("a"), "b"], ["a", "b"]),
        ({"raw": "x", "valid": False}, None),
        (None, None),
    ],
)
def test_the_value_of_a_typed_field_is_its_normal_form(value: Any, expected: Any) -> None:
    assert plain(value) == expected


def test_fields_of_fields_have_dotted_names() -> None:
    fields = {"agent": {"phone_1": typed("1"), "name": "Bo"}, "empty": {}}

    assert flat(fields) == {"agent.phone_1": "1", "agent.name": "Bo", "empty": {}}


def test_a_field_without_end_stays_json() -> None:
    """Case 75 of the fault list."""
    deep: dict[str, Any] = {"x": 1}
    for _ in range(400):
        deep = {"x": deep}

    assert list(flat(deep)) == ["x.x.x.x.x.x.x.x.x"]


def test_a_field_named_like_one_of_the_event_is_kept_apart(pretend: Pretend) -> None:
    lead_row = pretend.read("leads").records[4]  # every fifth failed

    assert lead_row["reason"] == "Duplicate lead"
    assert lead_row["lead.reason"] == "moved house"


def test_what_steps_append_under_names_of_their_own_shares_one_column(pretend: Pretend) -> None:
    records = pretend.read("events").records

    appended = [record["appended"] for record in records if record["type"] == "recipient"]
    assert all("trustedform" in one or "briteverify" in one for one in appended)
    assert not any("trustedform" in record for record in records)


@pytest.mark.parametrize("value", [None, "x", True, 10**30, -(10**30), 1.5])
def test_a_number_that_is_no_time_gives_none(value: object) -> None:
    assert instant_of(value) is None


def test_no_key_or_credential_is_read(pretend: Pretend) -> None:
    gathered = [pretend.read(name, settings={"exclude": ""}) for name in NAMES]

    text = str([one.records for one in gathered])
    assert "hidden-" not in text
    assert pretend.sandbox.environment()["LEADCONDUIT_API_KEY"] not in text
    assert without_secrets({"a": [{"api_key": "k", "id": 1}]}) == {"a": [{"id": 1}]}


def test_credentials_are_never_asked_for(pretend: Pretend) -> None:
    with pretend.reader() as reader, pytest.raises(ConfigError):
        reader._client.get("/credentials")  # type: ignore[attr-defined] # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
