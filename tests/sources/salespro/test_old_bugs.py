"""What the system before this one got wrong with SalesPro, a test for each."""

from __future__ import annotations

from decimal import Decimal

import pytest

from connectors.errors import ContractError, TransientError
from connectors.settings import load
from connectors.sources import salespro
from connectors.warehouse import checkpoints, history
from connectors.warehouse.engine import Warehouse
from connectors.warehouse.runs import Status
from tests.sources.salespro.export import TABLE, Account, ago


@pytest.fixture
def scale() -> float:
    return 0.2


def test_the_text_false_is_not_a_sale(pretend: Account, sqlite: Warehouse) -> None:
    """`bool("false")` made a sale of every estimate that had any value there."""
    pretend.empty()
    for key, is_sale in (("no", "false"), ("yes", "true"), ("open", None)):
        pretend.insert("estimate", estimate_id=key, is_sale=is_sale, has_credit_app=is_sale)

    pretend.load(sqlite, "estimates", mode="full")

    rows = pretend.stored(sqlite, "estimates")
    sales = {key: row["is_sale"] for key, row in rows.items()}
    assert sales == {"no": False, "yes": True, "open": None}
    assert sales == {key: row["has_credit_app"] for key, row in rows.items()}


def test_an_estimate_without_a_document_count_is_not_dropped(
    pretend: Account, sqlite: Warehouse
) -> None:
    """`int("")` of a NULL raised, and the estimate was only mentioned in the log."""
    pretend.empty()
    pretend.insert("estimate", estimate_id="e", document_count=None)

    pretend.load(sqlite, "estimates", mode="full")

    assert pretend.stored(sqlite, "estimates")["e"]["document_count"] is None


def test_credit_applications_are_stored_with_their_times(
    pretend: Account, sqlite: Warehouse
) -> None:
    """Every row failed, for the model had no column for the times; the run was a success."""
    status, _ = pretend.load(sqlite, "credit_applications", mode="full")

    stored, truth = (
        pretend.stored(sqlite, "credit_applications"),
        pretend.truth("credit_applications"),
    )
    assert status is Status.SUCCESS
    assert set(stored) == set(truth) != set()
    assert all(row["created_at"] is not None for row in stored.values())


@pytest.mark.parametrize(
    ("stream", "key", "column"),
    [
        ("customers", "customer_id", "customer_last_name"),
        ("estimates", "estimate_id", "city"),
        ("credit_applications", "leap_credit_app_id", "credit_app_status"),
    ],
)
def test_rows_that_are_there_are_updated_and_counted_so(
    pretend: Account, sqlite: Warehouse, stream: str, key: str, column: str
) -> None:
    """Rows were matched on a column that none has, so each was created and then ignored."""
    pretend.empty()
    pretend.insert(TABLE[stream], **{key: "k", column: "before"}, updated_at=ago(hours=2))
    pretend.load(sqlite, stream, mode="full")
    change = f'UPDATE "{TABLE[stream]}" SET "{column}" = ?, updated_at = ?'
    pretend.sql(change, "after", ago(hours=1))

    _, reports = pretend.load(sqlite, stream)

    (row,) = pretend.stored(sqlite, stream).values()
    assert row[column] == "after"
    assert (reports[stream].counts.inserted, reports[stream].counts.updated) == (0, 1)


def test_a_full_run_reads_everything_again_whatever_the_checkpoint(
    pretend: Account, sqlite: Warehouse
) -> None:
    """The flag that should force it was written to one name and read from another."""
    pretend.load(sqlite, "estimates", mode="full")
    pretend.insert("estimate", estimate_id="ancient", updated_at=ago(days=900))
    pretend.load(sqlite, "estimates")
    assert "ancient" not in pretend.stored(sqlite, "estimates")

    _, reports = pretend.load(sqlite, "estimates", mode="full")

    assert "ancient" in pretend.stored(sqlite, "estimates")
    assert reports["estimates"].counts.read == len(pretend.truth("estimates")) + 1


def test_a_query_that_failed_is_no_success_with_nothing_to_do(
    pretend: Account, sqlite: Warehouse
) -> None:
    """A failed count was taken for zero rows, a failed page for the end of the result."""
    pretend.load(sqlite, "estimates", mode="full")
    checkpoint = checkpoints.load(sqlite, "salespro", "estimates").cursor
    pretend.advance(hours=1)
    pretend.vendor.fails = {"FROM estimate": "HIVE_CURSOR_ERROR: it broke"}
    status, reports = pretend.load(sqlite, "estimates")
    assert status is Status.FAILED
    assert "HIVE_CURSOR_ERROR" in str(reports["estimates"].error)

    pretend.vendor.fails = {}
    pretend.fault(contains="MaxResults", times=None, status=500, body="")
    status, reports = pretend.load(sqlite, "estimates")

    assert status is Status.FAILED
    assert checkpoints.load(sqlite, "salespro", "estimates").cursor == checkpoint


def test_the_checkpoint_goes_by_the_export_and_not_by_when_a_run_ended(
    pretend: Account, sqlite: Warehouse
) -> None:
    """Rows that the nightly export showed after a run, dated before it, were lost."""
    pretend.load(sqlite, "estimates", mode="full")
    for hour in range(1, 25, 6):
        pretend.advance(hours=6)
        pretend.load(sqlite, "estimates")
        pretend.insert("estimate", estimate_id=f"late {hour}", updated_at=ago(hours=hour))
    pretend.advance(hours=1)

    pretend.load(sqlite, "estimates")

    found = {key for key in pretend.stored(sqlite, "estimates") if key.startswith("late")}
    assert found == {"late 1", "late 7", "late 13", "late 19"}


def test_rows_of_one_moment_or_of_none_arrive_once_and_in_one_scan(
    pretend: Account, sqlite: Warehouse
) -> None:
    """Row numbers over one time that thousands share doubled some and lost others (case 49 of
    the fault list); rows without a time had no number at all. Each chunk was a scan of its own.
    """
    pretend.empty()
    pretend.book.multiply("estimate", 3000)
    pretend.sql("UPDATE estimate SET updated_at = ?, created_at = NULL", ago(hours=1))
    pretend.sql("UPDATE estimate SET updated_at = NULL WHERE estimate_id LIKE '%77'")

    _, reports = pretend.load(sqlite, "estimates", mode="full", page_size=200, batch_size=500)

    counts = reports["estimates"].counts
    assert (counts.read, counts.inserted) == (3000, 3000)
    assert len(pretend.queries()) == 1


def test_no_more_rows_than_usual_are_left_for_never(pretend: Account, sqlite: Warehouse) -> None:
    """At most 50,000 results were read, and then the time of the run was kept as reached.

    A limited run of ours leaves its checkpoint where it was, and no other run is limited.
    """
    pretend.load(sqlite, "lead_results", mode="full")
    checkpoint = checkpoints.load(sqlite, "salespro", "lead_results").cursor
    pretend.advance(hours=1)
    for number in range(9):
        pretend.result(f"r{number}", ("Notes", "x"))

    pretend.load(sqlite, "lead_results", max_records=4)
    assert checkpoints.load(sqlite, "salespro", "lead_results").cursor == checkpoint

    pretend.load(sqlite, "lead_results")
    assert {f"r{number}" for number in range(9)} <= set(pretend.stored(sqlite, "lead_results"))


def test_every_answer_is_stored_and_stored_again(pretend: Account, sqlite: Warehouse) -> None:
    """Thirteen of forty-eight columns were written; two could never be reached."""
    pretend.empty()
    labels = ("Job Size", "Customer's Final Price Commitment", "Deposit Amount")
    for hours, amount in ((2, "$1.00"), (1, "$2,000.00")):
        told = [*((label, amount) for label in labels), ("Financing", amount), ("Notes", amount)]
        pretend.result("e", *told, updated_at=ago(hours=hours))
        pretend.load(sqlite, "lead_results")

    row = pretend.stored(sqlite, "lead_results")["e"]

    money = ("job_size", "customers_final_price_commitment", "deposit_amount")
    assert {row[column] for column in money} == {Decimal(2000)}
    assert (row["financing"], row["notes"]) == ("$2,000.00", "$2,000.00")


def test_the_newest_version_is_judged_by_the_export_s_time(
    pretend: Account, sqlite: Warehouse
) -> None:
    """Two times of loading were compared, and within a batch the first one stayed."""
    pretend.empty()
    for hours, note in ((1, "new"), (5, "old")):
        pretend.result("e", ("Notes", note), updated_at=ago(hours=hours))
    pretend.load(sqlite, "lead_results", mode="full")
    pretend.result("e", ("Notes", "older still"), updated_at=ago(hours=9))
    pretend.sql("DELETE FROM lead_results WHERE updated_at >= ?", ago(hours=6))

    _, reports = pretend.load(sqlite, "lead_results")

    assert pretend.stored(sqlite, "lead_results")["e"]["notes"] == "new"
    assert reports["lead_results"].counts.superseded == 1


def test_line_items_go_when_the_new_result_has_none(pretend: Account, sqlite: Warehouse) -> None:
    """They were replaced only by others."""
    pretend.empty()
    pretend.result("e", ("Job Type 1", "Roof"), updated_at=ago(hours=2))
    pretend.load(sqlite, "lead_result_line_items", mode="full")
    pretend.result("e", ("Notes", "no job"))

    pretend.load(sqlite, "lead_result_line_items")

    assert pretend.stored(sqlite, "lead_result_line_items") == {}


def test_every_stream_that_is_listed_can_be_read(pretend: Account) -> None:
    """Half of its readers called a method that did not exist."""
    for stream in salespro.STREAMS:
        gathered = pretend.read(stream.name)
        assert gathered.error is None
        assert gathered.records, stream.name


def test_history_and_streams_have_one_name(pretend: Account, sqlite: Warehouse) -> None:
    """The command looked for `customer`, the dashboard for `customers`."""
    pretend.load(sqlite, mode="full")

    (last,) = history.recent(sqlite)
    named = [row["stream"] for row in history.streams(sqlite, last["run_id"])]
    assert sorted(named) == sorted(stream.name for stream in salespro.STREAMS)


def test_one_database_is_named_in_one_place(pretend: Account) -> None:
    """Two defaults, one of them hard-coded."""
    assert load(salespro.Settings, {"s3_location": "s3://b/"}).database == "home_genius_db"

    error = pretend.read("estimates", settings={"database": "other_db"}).error

    assert isinstance(error, ContractError)
    assert {query.database for query in pretend.queries()} == {"other_db"}


def test_a_page_size_is_taken(pretend: Account, sqlite: Warehouse) -> None:
    """The scheduled path handed one over and raised `TypeError`."""
    status, _ = pretend.load(sqlite, "estimates", page_size=7)

    assert status is Status.SUCCESS
    rows = len(pretend.truth("estimates")) + 1  # the header
    assert pretend.asked("GetQueryResults") == -(-rows // 7)


def test_a_query_that_takes_too_long_does_not_run_on(pretend: Account) -> None:
    """The client gave up after 300 seconds; the query ran on and was billed."""
    pretend.vendor.endless = {"FROM estimate"}

    error = pretend.read("estimates", settings={"query_minutes": 1}).error

    assert isinstance(error, TransientError)
    assert [query.state for query in pretend.queries()] == ["CANCELLED"]
    assert pretend.asked("StopQueryExecution") == 1


def test_the_misspelt_name_of_the_secret_is_still_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its schedule looked for one name and its commands for the other."""
    monkeypatch.setenv("SALESPRO_S3_LOCATION", "s3://b/")
    monkeypatch.setenv("SALESPRO_ACCESS_KEY_ID", "AKIA")
    monkeypatch.setenv("SALESPRO_SECRETE_ACCESS_KEY", "spelt-with-an-e")

    secret = load(salespro.Settings).secret_access_key

    assert secret is not None
    assert secret.get_secret_value() == "spelt-with-an-e"
