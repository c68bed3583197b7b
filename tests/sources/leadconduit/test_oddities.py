"""LeadConduit's odd values, each as it ends in the warehouse. One sync for all of these tests."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from connectors.sandbox.leadconduit.records import event, lead, object_id
from connectors.sources import leadconduit
from connectors.warehouse.engine import Warehouse
from tests.sources.one_sync import synced
from tests.sources.pretend import NOW, Pretend

LONG_NAME = ".".join(["custom"] + ["x" * 60] * 3 + ["y" * 50])  # 240 characters
NAMES = ("events", "leads", "fields", "flows")


@dataclass(frozen=True, slots=True)
class Stored:
    """Rows by stream and key, and the ids of leads that were made odder than their like."""

    rows: dict[str, dict[Any, dict[str, Any]]]
    odd: str
    retyped: str


def make_odder(pretend: Pretend) -> tuple[str, str]:
    book, at = pretend.vendor.book, NOW - timedelta(days=2)
    odd, retyped = object_id(at, 900), object_id(at, 901)
    fields = lead(7, odd) | {
        LONG_NAME: {"normal": "deep", "raw": "deep", "valid": True},
        "note_hge": "“quoted”\n\tand 🏠 \\u0041",
        "loan_amount": {"normal": 0.1, "raw": "0.1", "valid": True},
        "empty": {},
    }
    prices = {"cost": 0.1, "purchase_price": 19.99, "flow_caps": {"day": 5}, "step.key": {"a": 1}}
    book.add(event(odd, "source", at, fields, reason="No {{field}} “given”", **prices))
    book.add(event(retyped, "source", at, lead(8, retyped) | {"state": "TX", "email": "a@b.cd"}))
    book.leads += [odd, retyped]
    for number, kind in enumerate(("feedback-sent", "something-new"), start=910):
        book.add(event(object_id(at, number), kind, at, fields, outcome="skip"))
    pretend.fault(path="/fields$", edit=('"name":"Field 3"', '"name":"Field\n3"'))
    return odd, retyped


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Generator[Stored]:
    folder = tmp_path_factory.mktemp("odd")
    with synced(leadconduit.SOURCE, folder, make_odder) as (pretend, warehouse, (odd, retyped)):
        yield Stored({name: pretend.stored(warehouse, name) for name in NAMES}, odd, retyped)


def test_a_value_is_now_an_object_and_now_text(stored: Stored) -> None:
    typed, plain = stored.rows["leads"][stored.odd], stored.rows["leads"][stored.retyped]

    assert (typed["state"], plain["state"]) == ("CO", "TX")
    assert (typed["email"], plain["email"]) == ("ana.7@example.com", "a@b.cd")
    assert isinstance(typed["lead"]["email"], dict)
    assert plain["lead"]["email"] == "a@b.cd"


def test_names_of_fields_are_long_and_have_dots(stored: Stored) -> None:
    """PostgreSQL has 63 bytes for a column; the vendor's name is kept beside the column's."""
    row = stored.rows["leads"][stored.odd]

    assert row[LONG_NAME] == "deep"
    assert row[f"custom.{'x' * 100}.field"] == "long name"
    assert row["agent.phone_1"] == "5125550199"
    assert max(map(len, stored.rows["fields"])) > 150


def test_custom_fields_with_a_suffix_are_columns(stored: Stored) -> None:
    row = stored.rows["leads"][stored.retyped]

    assert (row["owner_hge"], row["salesrabbit_lead_id_hge"]) == ("Rep", "20008")


def test_milliseconds_since_1970_are_stored_as_numbers_and_as_instants(stored: Stored) -> None:
    row = stored.rows["events"][stored.odd]

    began = NOW - timedelta(days=2)
    assert row["start_timestamp"] == began.timestamp() * 1000
    assert row["started_at"] == began
    assert row["ended_at"] == began + timedelta(milliseconds=1333)


def test_the_time_of_submission_is_text_with_a_zone(stored: Stored) -> None:
    assert stored.rows["leads"][stored.odd]["submitted_at"] == NOW - timedelta(days=2)


def test_a_birthday_is_midnight_utc_and_shifts_no_day(stored: Stored) -> None:
    assert stored.rows["leads"][stored.odd]["dob"] == datetime(1988, 10, 1, tzinfo=UTC)


def test_prices_are_exact(stored: Stored) -> None:
    row = stored.rows["leads"][stored.odd]

    assert [Decimal(str(row[name])) for name in ("cost", "purchase_price", "loan_amount")] == [
        Decimal("0.1"),
        Decimal("19.99"),
        Decimal("0.1"),
    ]


def test_a_reason_is_free_text(stored: Stored) -> None:
    assert stored.rows["events"][stored.odd]["reason"] == "No {{field}} “given”"


def test_texts_with_quotes_lines_and_emoji_are_as_they_were(stored: Stored) -> None:
    row = stored.rows["leads"][stored.odd]

    assert row["note_hge"] == row["lead"]["note_hge"] == "“quoted”\n\tand 🏠 \\u0041"


def test_types_and_outcomes_nobody_documented_are_stored(stored: Stored) -> None:
    rows = stored.rows["events"].values()

    assert {"feedback-sent", "something-new"} <= {row["type"] for row in rows}
    assert "skip" in {row["outcome"] for row in rows}


def test_members_that_nobody_documented_are_columns_those_of_a_step_are_appended(
    stored: Stored,
) -> None:
    row = stored.rows["events"][stored.odd]

    assert row["flow_caps"] == {"day": 5}
    assert row["appended"] == {"step.key": {"a": 1}}


def test_a_masked_value_is_its_asterisks(stored: Stored) -> None:
    assert "*****" in {row["postal_code"] for row in stored.rows["leads"].values()}


def test_control_characters_in_the_catalogue_are_read(stored: Stored) -> None:
    assert "Field\n3" in {row["name"] for row in stored.rows["fields"].values()}


def test_bodies_are_any_text_and_a_nul_in_one_costs_no_event(
    pretend: Pretend, sqlite: Warehouse
) -> None:
    """Case 72 of the fault list. Whole requests are read only when the setting says so."""
    _, reports = pretend.sync(sqlite, "full", exclude="")

    rows, truth = pretend.stored(sqlite, "events"), pretend.truth("events")
    assert rows.keys() == truth.keys()
    whole = sum(name in record for record in truth.values() for name in ("request", "transactions"))
    assert reports["events"].counts.values_rejected == whole > 0  # kept in sync_rejects
    assert all(type(record.get("transactions", [])) is list for record in truth.values())
