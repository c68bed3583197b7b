"""Prefect's state hooks: the second line that opens and closes a run's row.

`on_running` fires in the flow's process before its body. The others may run there, in
another process that knows nothing of the run, seconds later, or twice; each is one
compare-and-set, so that the first to close a row wins. Prefect calls hooks by position
or by keyword: the parameters must be named exactly so. What a hook raises is logged with
its traceback and forgotten.
"""

from __future__ import annotations

from typing import Any

from prefect import Flow
from prefect.client.schemas.objects import FlowRun, State
from prefect.utilities.callables import get_parameter_defaults

from connectors.errors import SyncError
from connectors.secrets import scrub
from connectors.warehouse.runs import Status
from flows import tracking
from flows.tracking import Ending


def open_run(flow: Flow[..., Any], flow_run: FlowRun, state: State) -> None:  # noqa: ARG001
    """Open the row as PENDING and start the beat.

    A deployed run knows only the parameters that somebody set: the flow's defaults join them.
    """
    given = get_parameter_defaults(flow.fn) | flow_run.parameters
    try:
        deployed_as = tracking.deployment_name(flow_run)
        _ = tracking.begin(str(flow_run.id), flow_run.name, given, deployed_as)
    except SyncError:
        return  # the body tries again, and there it ends the run with one sentence


def close_completed(flow: Flow[..., Any], flow_run: FlowRun, state: State) -> None:  # noqa: ARG001
    """See to it that a completed run has no open row: its body closed it as it ended."""
    _close(flow_run, Status.FAILED, "The flow ended without closing its row.")


def close_failed(flow: Flow[..., Any], flow_run: FlowRun, state: State) -> None:  # noqa: ARG001
    """Close the row of a run that failed before or outside its body."""
    _close(flow_run, Status.FAILED, state.message or "The flow failed.")


def close_cancelled(flow: Flow[..., Any], flow_run: FlowRun, state: State) -> None:  # noqa: ARG001
    """Close the row of a run that was cancelled."""
    _close(flow_run, Status.CANCELLED, "Cancelled by a person.")


def close_crashed(flow: Flow[..., Any], flow_run: FlowRun, state: State) -> None:  # noqa: ARG001
    """Close the row of a run whose process ended without a word."""
    _close(flow_run, Status.FAILED, f"The process died: {state.message or 'no reason is known.'}")


def _close(flow_run: FlowRun, status: Status, reason: str) -> None:
    tracking.close(str(flow_run.id), Ending(status, scrub(reason)))
