"""SalesPro: what is asked of Athena, and what becomes of its rows."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

from connectors.errors import ContractError
from connectors.model import FieldType
from tests.sources.pretend import NOW
from tests.sources.salespro.export import TABLE, Account, ago


@pytest.mark.parametrize("stream", TABLE)
def test_one_query_is_asked_per_stream_however_many_pages(pretend: Account, stream: str) -> None:
    gathered = pretend.read(stream, page_size=10)

    assert gathered.error is None
    assert pretend.asked("StartQueryExecution") == 1
    assert pretend.asked("GetQueryResults") > 2
    assert len(gathered.records) > 15


def test_a_page_has_a_thousand_rows_unless_fewer_are_wished(pretend: Account) -> None:
    pretend.book.multiply("customer", 2500)

    pretend.read("customers")
    usual = pretend.asked("GetQueryResults")
    pretend.read("customers", page_size=100)

    assert usual == 3
    assert pretend.asked("GetQueryResults") - usual == 26


def test_the_window_is_fixed_before_the_query_starts(pretend: Account) -> None:
    since, until = NOW - timedelta(days=1), NOW
    pretend.read("estimates", "incremental", since=since, until=until)

    (query,) = pretend.queries()
    assert query.sql == (
        "SELECT *, coalesce(updated_at, created_at) AS changed_at FROM estimate"
        " WHERE coalesce(updated_at, created_at) >= timestamp '2026-06-14 18:30:00.000'"
        " AND coalesce(updated_at, created_at) < timestamp '2026-06-15 18:30:00.000'"
    )


def test_no_query_pages_by_row_number_or_offset_or_counts_first(pretend: Account) -> None:
    for stream in TABLE:
        pretend.read(stream, page_size=10)

    assert not [q for q in pretend.queries() if re.search(r"row_number|offset|limit|count", q.sql)]


@pytest.mark.parametrize(
    ("changed", "arrives"),
    [(NOW - timedelta(days=1), True), (NOW - timedelta(milliseconds=1), True), (NOW, False)],
)
def test_a_window_takes_its_start_and_leaves_its_end(
    pretend: Account, changed: Any, *, arrives: bool
) -> None:
    pretend.insert("estimate", estimate_id="edge", updated_at=ago(changed))

    gathered = pretend.read("estimates", "incremental", since=NOW - timedelta(days=1), until=NOW)

    assert ("edge" in gathered.by("estimate_id")) is arrives


def test_a_row_that_was_never_updated_counts_by_its_creation(pretend: Account) -> None:
    pretend.insert("estimate", estimate_id="new", updated_at=None)

    gathered = pretend.read("estimates", "incremental", since=NOW - timedelta(days=1), until=NOW)

    assert gathered.by("estimate_id")["new"]["changed_at"] == ago(hours=1)


def test_times_are_those_of_the_zone_that_is_set(pretend: Account) -> None:
    zone = {"zone": "America/New_York"}
    pretend.read("estimates", "incremental", since=NOW, until=NOW + timedelta(1), settings=zone)

    (query,) = pretend.queries()
    assert "timestamp '2026-06-15 14:30:00.000'" in query.sql
    with pretend.reader(**zone) as reader:
        assert {s.zone for s in reader.streams()} == {"America/New_York", "UTC"}


def test_types_are_those_of_the_column_information(pretend: Account) -> None:
    gathered = pretend.read("estimates")

    kinds = gathered.pages[0].fields
    expected = {
        "is_sale": FieldType.BOOLEAN,
        "sale_amount": FieldType.NUMERIC,
        "finance_amount": FieldType.NUMERIC,
        "document_count": FieldType.INTEGER,
        "created_at": FieldType.TIMESTAMP,
        "zip_code": FieldType.TEXT,
    }
    assert expected.items() <= kinds.items()
    with pretend.reader() as reader:
        streams = {stream.name: stream for stream in reader.streams()}
        assert reader.fields(streams["estimates"]) == dict(kinds)


def test_null_and_empty_text_are_told_apart(pretend: Account) -> None:
    pretend.empty()
    pretend.insert("estimate", estimate_id="n", bank_name=None, loan_name="")

    record = pretend.read("estimates").by("estimate_id")["n"]

    assert (record["bank_name"], record["loan_name"]) == (None, "")


def test_values_are_the_text_that_athena_hands_out(pretend: Account) -> None:
    pretend.empty()
    row = {"sale_amount": "1234.50", "finance_amount": "1.25E7", "is_sale": "false"}
    pretend.insert("estimate", estimate_id="v", **row, document_count="0")

    record = pretend.read("estimates").by("estimate_id")["v"]

    assert {name: record[name] for name in row} == row
    assert record["document_count"] == "0"


def test_what_was_scanned_stands_in_the_report(pretend: Account) -> None:
    notes = pretend.read("estimates").notes

    (query,) = pretend.queries()
    assert notes == [f"estimates: query {query.id} scanned {query.scanned:,} bytes"]
    assert query.scanned > 10_000


def test_a_customer_is_kept_once_for_each_estimate(pretend: Account) -> None:
    pretend.empty()
    for estimate in ("e1", "e2", None):
        pretend.insert("customer", customer_id="c", estimate_id=estimate)

    assert set(pretend.read("customers").by("row_id")) == {"c/e1", "c/e2", "c/"}


@pytest.mark.parametrize(
    ("stream", "id_column"),
    [
        ("customers", "customer"),
        ("lead_results", "estimate"),
        ("lead_result_line_items", "estimate"),
    ],
)
def test_rows_without_an_id_are_left_out_and_counted(
    pretend: Account, stream: str, id_column: str
) -> None:
    gathered = pretend.read(stream)

    assert f"{stream}: 2 rows without {id_column} id were left out" in gathered.notes
    assert not [r for r in gathered.records if not r[f"{id_column}_id"]]


def test_an_activity_is_known_by_its_facts_or_by_an_id_of_its_own(pretend: Account) -> None:
    pretend.empty()
    for number in ("1", "2"):
        pretend.insert("user_activity", user_id="u", original_row_num=number)
    pretend.insert("user_activity", user_id="u", activity_note="", original_row_num="3")
    keys = {record["activity_id"] for record in pretend.read("user_activity").records}
    assert len(keys) == 2  # the row number is no fact, NULL and "" are two

    pretend.sql("ALTER TABLE user_activity ADD COLUMN id VARCHAR")
    pretend.sql("UPDATE user_activity SET id = 'a' || original_row_num")

    assert set(pretend.read("user_activity").by("activity_id")) == {"a1", "a2", "a3"}


def test_the_table_s_columns_cost_no_query_and_are_not_needed(pretend: Account) -> None:
    with pretend.reader() as reader:
        (estimates,) = [s for s in reader.streams() if s.name == "estimates"]
        assert len(reader.fields(estimates)) == 25  # all but the key
        pretend.vendor.metadata = False
        assert reader.fields(estimates) == {}
    assert pretend.asked("StartQueryExecution") == 0
    assert pretend.complete(pretend.read("estimates"), "estimates")


def test_two_columns_of_one_name_are_refused(pretend: Account) -> None:
    """As when the export grows a column of the name that we give to the time of change."""
    pretend.fault(contains="MaxResults", edit=('"updated_at"', '"changed_at"'), times=None)

    error = pretend.read("estimates").error

    assert isinstance(error, ContractError)
    assert "27 columns of 26 names" in str(error)
