"""The pretend Athena, asked by boto3 and PyAthena as others would, and by hand."""

from __future__ import annotations

from collections.abc import Generator
from datetime import UTC, datetime
from decimal import Decimal
from importlib import import_module
from typing import Any

import httpx
import pytest

from connectors.sandbox import Sandbox
from connectors.sandbox.salespro import SalesPro
from connectors.sandbox.salespro.queries import java
from connectors.sandbox.salespro.vendor import DATABASE, KEY, SECRET
from tests.sandbox.athena import WHERE, connected, ended, refused, start

NOW = datetime(2026, 6, 15, 18, 30, tzinfo=UTC)
TOKEN = "a-client-request-token-of-32-characters"


@pytest.fixture
def sandbox() -> Generator[Sandbox]:
    with Sandbox(seed=3, scale=0.2, only=["salespro"], now=NOW) as running:
        yield running
        assert running.stats()["salespro"]["defects"] == []


@pytest.fixture
def vendor(sandbox: Sandbox) -> SalesPro:
    found: SalesPro = sandbox.vendor("salespro")
    return found


@pytest.fixture
def client(sandbox: Sandbox) -> Any:
    return connected(sandbox)


def test_boto3_reads_it_unchanged(client: Any, vendor: SalesPro) -> None:
    query = start(client, "SELECT estimate_id, is_sale, sale_amount FROM estimate")
    assert ended(client, query)["Status"]["State"] == "SUCCEEDED"

    pages = list(
        client.get_paginator("get_query_results").paginate(
            QueryExecutionId=query, PaginationConfig={"PageSize": 10}
        )
    )

    rows = [row["Data"] for page in pages for row in page["ResultSet"]["Rows"]]
    assert rows[0] == [{"VarCharValue": n} for n in ("estimate_id", "is_sale", "sale_amount")]
    keys = {row[0]["VarCharValue"] for row in rows[1:]}
    assert keys == set(vendor.ledger["estimates"].live_keys())
    assert len(pages) == 3
    info = pages[-1]["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]
    assert [(c["Name"], c["Type"], c["Precision"], c["Scale"]) for c in info] == [
        ("estimate_id", "varchar", 2147483647, 0),
        ("is_sale", "boolean", 0, 0),
        ("sale_amount", "decimal", 12, 2),
    ]


def test_pyathena_reads_it_unchanged(sandbox: Sandbox, vendor: SalesPro) -> None:
    """By its default cursor, which types values itself, and by rows as dictionaries."""
    pyathena: Any = import_module("pyathena")
    cursors: Any = import_module("pyathena.cursor")
    with pyathena.connect(
        aws_access_key_id=KEY,
        aws_secret_access_key=SECRET,
        region_name="us-east-1",
        endpoint_url=sandbox.environment()["SALESPRO_BASE_URL"],
        s3_staging_dir=WHERE,
        schema_name=DATABASE,
        poll_interval=0.01,
    ) as connection:
        rows = connection.cursor(cursors.DictCursor).execute("SELECT * FROM estimate").fetchall()
        (one,) = connection.cursor().execute(
            "SELECT true, CAST(1.5 AS DECIMAL(12,2)), NULL, '', TIMESTAMP '2026-01-02 03:04:05'"
        )

    assert {row["estimate_id"] for row in rows} == set(vendor.ledger["estimates"].live_keys())
    moment = datetime(2026, 1, 2, 3, 4, 5)  # noqa: DTZ001 - the export's times have no zone
    assert one == (True, Decimal("1.50"), None, "", moment)


def test_the_first_page_alone_has_the_header_and_the_last_no_token(client: Any) -> None:
    query = start(client, "SELECT n FROM range(2500) t(n)")
    ended(client, query)
    sizes: list[int] = []
    token: dict[str, str] = {}
    while True:
        page = client.get_query_results(QueryExecutionId=query, **token)
        sizes.append(len(page["ResultSet"]["Rows"]))
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}

    assert sizes == [1000, 1000, 501]


def test_null_has_no_member_and_empty_text_has_one(client: Any) -> None:
    query = start(client, "SELECT NULL AS a, '' AS b, false AS c, 12500000.0::DOUBLE AS d")
    ended(client, query)

    row = client.get_query_results(QueryExecutionId=query)["ResultSet"]["Rows"][1]["Data"]

    assert row == [{}, {"VarCharValue": ""}, {"VarCharValue": "false"}, {"VarCharValue": "1.25E7"}]


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.0, "0.0"),
        (99.5, "99.5"),
        (9999999.0, "9999999.0"),
        (1e7, "1.0E7"),
        (123456789.125, "1.23456789125E8"),
        (-0.0001, "-1.0E-4"),
        (1e300, "1.0E300"),
        (float("nan"), "NaN"),
        (float("-inf"), "-Infinity"),
    ],
)
def test_doubles_are_written_as_java_does(number: float, text: str) -> None:
    assert java(number) == text


def test_a_query_is_queued_then_running_then_done(client: Any, vendor: SalesPro) -> None:
    vendor.adjust({"queued": 1, "running": 1})
    query = start(client, "SELECT 1")
    early = refused(client.get_query_results, QueryExecutionId=query)
    states = [
        client.get_query_execution(QueryExecutionId=query)["QueryExecution"]["Status"]["State"]
        for _ in range(3)
    ]

    assert states == ["QUEUED", "RUNNING", "SUCCEEDED"]
    assert early == (
        "InvalidRequestException",
        "Query has not yet finished. Current state: QUEUED",
    )


def test_scanned_are_the_tables_and_not_the_result(client: Any) -> None:
    scanned = [
        ended(client, start(client, sql))["Statistics"]["DataScannedInBytes"]
        for sql in ("SELECT * FROM estimate", "SELECT * FROM estimate WHERE 1 = 0", "SELECT 1")
    ]

    assert scanned[0] == scanned[1] > 0 == scanned[2]


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        (
            "SELECT * FROM nothing",
            "TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog.home_genius_db.nothing' does",
        ),
        ("SELECT x FROM estimate", "COLUMN_NOT_FOUND: line 1:8: Column 'x' cannot be resolved"),
        ("SELECT CAST('a' AS INTEGER)", "GENERIC_USER_ERROR: Conversion Error"),
    ],
)
def test_a_query_that_cannot_work_fails_with_a_reason(client: Any, sql: str, reason: str) -> None:
    status = ended(client, start(client, sql))["Status"]

    assert status["State"] == "FAILED"
    assert status["StateChangeReason"].startswith(reason)
    assert status["AthenaError"]["Retryable"] is False


def test_what_is_no_query_is_refused_before_it_runs(client: Any, vendor: SalesPro) -> None:
    for sql in ("SELEC 1", "SELECT 1; SELECT 2", "DROP TABLE estimate", "COPY estimate TO 'x'"):
        code, _ = refused(client.start_query_execution, QueryString=sql, **places())
        assert code == "InvalidRequestException"
    code, message = refused(client.start_query_execution, QueryString="SELECT 1")
    assert (code, message[:27]) == ("InvalidRequestException", "No output location provided")
    assert vendor.queries.all() == []


def places() -> dict[str, Any]:
    return {
        "QueryExecutionContext": {"Database": DATABASE},
        "ResultConfiguration": {"OutputLocation": WHERE},
    }


def test_a_file_of_this_machine_cannot_be_read(client: Any) -> None:
    status = ended(client, start(client, "SELECT * FROM read_text('/etc/hostname')"))["Status"]

    assert status["State"] == "FAILED"


def test_a_start_with_a_token_happens_once(client: Any, vendor: SalesPro) -> None:
    first = start(client, "SELECT 1", ClientRequestToken=TOKEN)
    second = start(client, "SELECT 1", ClientRequestToken=TOKEN)
    code, message = refused(
        client.start_query_execution, QueryString="SELECT 2", ClientRequestToken=TOKEN, **places()
    )

    assert first == second
    assert len(vendor.queries.all()) == 1
    assert (code, message) == ("InvalidRequestException", "Idempotent parameters do not match")


def test_a_stopped_query_is_cancelled_and_has_no_result(client: Any, vendor: SalesPro) -> None:
    vendor.adjust({"endless": ["SELECT"]})
    query = start(client, "SELECT 1")
    client.stop_query_execution(QueryExecutionId=query)

    assert ended(client, query)["Status"]["State"] == "CANCELLED"
    code, message = refused(client.get_query_results, QueryExecutionId=query)
    assert code == "InvalidRequestException"
    assert message.endswith("Final query state: CANCELLED")


def test_only_so_many_queries_run_at_a_time(client: Any, vendor: SalesPro) -> None:
    vendor.adjust({"concurrent": 1})
    first = start(client, "SELECT 1")

    code, _ = refused(client.start_query_execution, QueryString="SELECT 2", **places())
    ended(client, first)

    assert code == "TooManyRequestsException"
    assert start(client, "SELECT 2")


def test_a_foreign_token_or_query_is_refused(client: Any, vendor: SalesPro) -> None:
    one, other = (start(client, "SELECT n FROM range(9) t(n)") for _ in range(2))
    ended(client, one)
    ended(client, other)
    page = client.get_query_results(QueryExecutionId=one, MaxResults=5)

    crossed = refused(client.get_query_results, QueryExecutionId=other, NextToken=page["NextToken"])
    vendor.queries.forget(one)

    assert crossed[0] == "InvalidRequestException"
    assert "was not found" in refused(client.get_query_execution, QueryExecutionId=one)[1]


def test_a_table_s_columns_are_told_in_hive_s_words(client: Any) -> None:
    where = {"CatalogName": "AwsDataCatalog", "DatabaseName": DATABASE}

    found = client.get_table_metadata(TableName="estimate", **where)["TableMetadata"]

    types = {column["Name"]: column["Type"] for column in found["Columns"]}
    assert (
        types.items()
        >= {
            "estimate_id": "string",
            "sale_amount": "decimal(12,2)",
            "finance_amount": "double",
            "is_sale": "boolean",
            "document_count": "bigint",
            "updated_at": "timestamp",
        }.items()
    )
    assert refused(client.get_table_metadata, TableName="x", **where)[0] == "MetadataException"


@pytest.mark.parametrize(
    ("key", "secret", "code"),
    [
        ("AKIANOBODY", SECRET, "UnrecognizedClientException"),
        (KEY, "another secret", "InvalidSignatureException"),
    ],
)
def test_signatures_are_checked(sandbox: Sandbox, key: str, secret: str, code: str) -> None:
    client = connected(sandbox, key, secret)

    assert refused(client.list_work_groups)[0] == code


def test_a_request_without_a_signature_or_a_known_operation_is_refused(
    sandbox: Sandbox, client: Any
) -> None:
    unsigned = httpx.post(sandbox.environment()["SALESPRO_BASE_URL"], json={})

    assert (unsigned.status_code, unsigned.headers["x-amzn-errortype"]) == (
        400,
        "MissingAuthenticationTokenException",
    )
    assert refused(client.list_work_groups)[0] == "UnknownOperationException"


def test_a_switch_that_is_none_is_refused(vendor: SalesPro) -> None:
    with pytest.raises(ValueError, match="unknown switch"):
        vendor.adjust({"nonsense": 1})


def test_three_steps_do_everything_that_can_happen(sandbox: Sandbox, vendor: SalesPro) -> None:
    for _ in range(3):
        sandbox.step()

    for stream in ("customers", "estimates", "lead_results", "lead_result_line_items", "offices"):
        entries = sandbox.ledger("salespro", stream)
        assert any(entry.version > 1 for entry in entries), stream
    assert sum(e.deleted for e in sandbox.ledger("salespro", "credit_applications")) >= 3
    double = vendor.book.database.execute(
        "SELECT count(*) - count(DISTINCT estimate_id) FROM lead_results"
    ).fetchone()
    assert double is not None
    assert double[0] >= 3


def test_the_folder_of_csv_files_is_gone_afterwards() -> None:
    from pathlib import Path

    with Sandbox(seed=3, scale=0.1, only=["salespro"], now=NOW) as running:
        path = Path(running.environment()["SALESPRO_USERS_CSV"])
        assert path.read_text(encoding="utf-8").startswith("\ufeffobjectId,username")
    assert not path.parent.exists()
