"""The flow of `flows.sync_source` over the listed source: same body, same hooks."""

from __future__ import annotations

from typing import Annotated, Literal

from prefect import flow
from prefect.client.schemas.objects import State
from pydantic import Field

from connectors.model import Mode
from connectors.sync import Options
from flows import hooks
from flows.sync_source import run
from tests.flows.listed import SOURCE


@flow(
    name="sync-source",
    flow_run_name="{source} {mode}",
    persist_result=False,
    on_running=[hooks.open_run],
    on_completion=[hooks.close_completed],
    on_failure=[hooks.close_failed],
    on_cancellation=[hooks.close_cancelled],
    on_crashed=[hooks.close_crashed],
)
def sync_listed(
    source: Literal["listed"] = "listed",
    mode: Mode = "full",
    streams: list[str] | None = None,
    page_size: Annotated[int, Field(ge=1)] = 10,
) -> State:
    """Bring the warehouse up to date with the list."""
    asked = None if streams is None else tuple(streams)
    return run(SOURCE, Options(streams=asked, mode=mode, page_size=page_size, batch_size=10))
