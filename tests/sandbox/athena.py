"""A client of the pretend Athena, as boto3 makes it."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest

from connectors.sandbox import Sandbox
from connectors.sandbox.salespro.vendor import DATABASE, KEY, SECRET

WHERE = "s3://sandbox-results/x/"


def connected(sandbox: Sandbox, key: str = KEY, secret: str = SECRET) -> Any:
    """Boto3's client with all it does by itself, its own retries excepted."""
    config = import_module("botocore.config").Config(retries={"total_max_attempts": 1})
    session = import_module("boto3").session.Session(key, secret, region_name="us-east-1")
    return session.client(
        "athena", endpoint_url=sandbox.environment()["SALESPRO_BASE_URL"], config=config
    )


def start(client: Any, sql: str, database: str = DATABASE, **more: Any) -> str:
    started = client.start_query_execution(
        QueryString=sql,
        QueryExecutionContext={"Database": database},
        ResultConfiguration={"OutputLocation": WHERE},
        **more,
    )
    identifier: str = started["QueryExecutionId"]
    return identifier


def ended(client: Any, query_id: str) -> dict[str, Any]:
    """Look until it is done; each look moves the pretend query on, so a few are enough."""
    for _ in range(10):
        found: dict[str, Any] = client.get_query_execution(QueryExecutionId=query_id)
        execution: dict[str, Any] = found["QueryExecution"]
        if execution["Status"]["State"] not in {"QUEUED", "RUNNING"}:
            return execution
    pytest.fail(f"query {query_id} did not end")


def refused(call: Any, **asked: Any) -> tuple[str, str]:
    """The code and message of the error that a call ends with."""
    error: Any = import_module("botocore.exceptions").ClientError
    with pytest.raises(error) as caught:
        call(**asked)
    said = caught.value.response["Error"]
    return said["Code"], said["Message"]
