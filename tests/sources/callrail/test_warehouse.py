"""CallRail into a warehouse: equal to the ledger, odd values included."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from connectors.model import Deletes
from connectors.sources import callrail
from connectors.sources.callrail.days import instant
from connectors.warehouse.engine import Warehouse
from connectors.warehouse.runs import Status
from tests.sources.pretend import Pretend


def test_full_then_incremental_runs_equal_the_ledger(pretend: Pretend, sqlite: Warehouse) -> None:
    first, _ = pretend.sync(sqlite, "full")
    pretend.later(minutes=10)
    second, reports = pretend.sync(sqlite)
    pretend.later(minutes=10)
    third, _ = pretend.sync(sqlite)

    assert (first, second, third) == (Status.SUCCESS,) * 3, reports
    assert pretend.differing(sqlite) == {}
    calls, truth = pretend.stored(sqlite, "calls"), pretend.truth("calls")
    assert all(calls[key]["note"] == truth[key]["note"] for key in truth)
    assert all(calls[key]["start_time"] == instant(truth[key]["start_time"]) for key in truth)
    assert reports["calls"].counts.deleted == 1


def test_odd_shapes_of_values_end_in_one_type_each(pretend: Pretend, sqlite: Warehouse) -> None:
    """Amounts and seconds as text or number, ids as numbers, dates of accounts, text and flags."""
    _, reports = pretend.sync(sqlite, "full")

    calls, truth = pretend.stored(sqlite, "calls"), pretend.truth("calls")
    assert all(report.counts.values_rejected == 0 for report in reports.values())
    for key, record in truth.items():
        seconds, value = record["recording_duration"], record["value"]
        assert calls[key]["recording_duration"] == (None if seconds is None else int(seconds))
        assert float(calls[key]["value"] or 0) == float(value or 0)
        assert calls[key]["speaker_percent"] == record["speaker_percent"]
    account = next(iter(pretend.stored(sqlite, "accounts").values()))
    local = datetime.strptime(
        pretend.truth("accounts")[account["id"]]["created_at"], "%Y-%m-%d %H:%M:%S %z"
    )
    assert account["created_at"] == local.astimezone(ZoneInfo("UTC"))


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 403},
        {"html": True},
        {"cut": 0.5},
        {"edit": (r'"total_records":\d+', '"total_records":5000')},
        {"body": '{"calls": []}'},
    ],
    ids=["403", "200 html", "cut", "total that lies", "empty without counts"],
)
def test_no_fault_of_calls_ends_as_a_green_run_or_deletes_any(
    pretend: Pretend, sqlite: Warehouse, fault: dict[str, Any]
) -> None:
    """Cases 42, 44, 63 and 64 of the fault list."""
    pretend.sync(sqlite, "full")
    before = pretend.stored(sqlite, "calls").keys()
    pretend.later(minutes=10)
    pretend.fault(path="/calls.json$", times=None, **fault)

    status, _ = pretend.sync(sqlite)

    assert status is not Status.SUCCESS
    assert before <= pretend.stored(sqlite, "calls").keys()
    pretend.sandbox.faults.clear()
    status, reports = pretend.sync(sqlite)
    assert status is Status.SUCCESS, reports
    assert pretend.stored(sqlite, "calls").keys() == pretend.truth("calls").keys()


def test_every_dated_stream_deletes_by_its_window() -> None:
    dated = {stream.name: stream.deletes for stream in callrail.STREAMS if stream.window}

    assert dated == {
        "calls": Deletes.WINDOW,
        "form_submissions": Deletes.WINDOW,
        "text_conversations": Deletes.WINDOW,
        "text_messages": Deletes.UNSEEN,
        "call_summaries": Deletes.UNSEEN,
    }
    assert all(stream.sees for stream in callrail.STREAMS)


def test_the_lookback_can_be_set(pretend: Pretend) -> None:
    with pretend.reader(lookback_days=7) as reader:
        spans = {s.name: s.window.lookback.days for s in reader.streams() if s.window}

    assert spans["calls"] == 7
    assert spans["text_messages"] == 1
