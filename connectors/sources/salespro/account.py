"""Who we are at AWS: the client of an account and the budget that is its."""

from __future__ import annotations

import hashlib
from collections.abc import MutableMapping
from datetime import timedelta
from importlib import import_module
from typing import Any

import msgspec
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from botocore.parsers import ResponseParserError

from connectors.errors import ConfigError
from connectors.sources.salespro.answers import PAGE
from connectors.sources.salespro.settings import Settings
from connectors.throttle import Rate

START, LOOK = "start", "look"
STARTS_PER_SECOND, LOOKS_PER_SECOND = 20, 100  # documented, per account and region
SECOND = timedelta(seconds=1)
OK = 200


def open_client(settings: Settings) -> Any:
    """Return boto3's client; it asks nothing yet.

    Raises `ConfigError` where region, base URL or the machine's AWS profile make no sense.
    """
    secret, session = settings.secret_access_key, settings.session_token
    library: Any = import_module("boto3")  # untyped, and a second to import: only here
    try:
        client = library.session.Session(
            aws_access_key_id=settings.access_key_id,
            aws_secret_access_key=secret.get_secret_value() if secret else None,
            aws_session_token=session.get_secret_value() if session else None,
            region_name=settings.server_region,
        ).client(
            "athena",
            endpoint_url=settings.base_url,
            config=Config(
                retries={"total_max_attempts": 1},
                connect_timeout=10,
                read_timeout=60,
                parameter_validation=False,  # Athena judges; here it would cost each page time
            ),
        )
    except (BotoCoreError, ValueError) as error:
        raise ConfigError(
            f"salespro: boto3 cannot be set up ({type(error).__name__}). Check"
            " SALESPRO_SERVER_REGION, SALESPRO_BASE_URL and AWS_PROFILE"
        ) from error
    client.meta.events.register("before-parse.athena.GetQueryResults", decode)
    return client


def decode(
    response_dict: MutableMapping[str, Any],
    customized_response_dict: MutableMapping[str, Any],
    **_: Any,
) -> None:
    """Decode a result page in place of boto3, whose parser takes ten times as long.

    Boto3 calls this before it parses; what stands in `customized_response_dict` is its answer's.
    Raises `ResponseParserError` as it would.
    """
    if response_dict["status_code"] != OK:
        return
    try:
        page = PAGE.decode(response_dict["body"])
    except msgspec.DecodeError as error:
        raise ResponseParserError("no page of a result") from error
    response_dict["body"] = b"{}"
    if page.result_set is not None:
        customized_response_dict.update(ResultSet=page.result_set, NextToken=page.next_token)


def account(settings: Settings) -> str:
    """Name whose budget is spent: the key's, or the machine's identity's."""
    who = f"{settings.access_key_id or 'machine'}:{settings.server_region}"
    return f"salespro:{hashlib.sha256(who.encode()).hexdigest()[:12]}"


def rates(settings: Settings) -> dict[str, list[Rate]]:
    """Return the windows of both classes of call."""
    starts = settings.budget or STARTS_PER_SECOND
    return {
        START: [Rate(limit=starts, period=SECOND)],
        LOOK: [Rate(limit=LOOKS_PER_SECOND, period=SECOND)],
    }
