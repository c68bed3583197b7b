from __future__ import annotations

import pytest

from connectors.model import FieldType, Stream
from connectors.warehouse import history, runs
from connectors.warehouse.engine import Warehouse
from connectors.warehouse.load import Batch
from tests.warehouse.loading import opened, rejects, rows, start_run

pytestmark = pytest.mark.prefect

WRONG = Stream(name="owners", fields={"team": FieldType.INTEGER})
RIGHT = Stream(name="owners", fields={"team": FieldType.TEXT})


def test_a_replay_stores_what_fits_now_and_does_not_make_the_source_fresh(books: Warehouse) -> None:
    from flows.replay import replay_rejects

    for stream, records in ((WRONG, [{"id": "1", "team": "north"}]), (RIGHT, [])):
        run = start_run(books, "hubspot")
        opened(books, run, stream).write(Batch(records=records), None)
        runs.finish(books, run.run_id, runs.Status.FAILED)
    assert len(rejects(books)) == 1

    state = replay_rejects(source="hubspot", return_state=True)

    assert state.is_completed()
    assert state.message == "1 rejects resolved, 0 still refused."
    assert rows(books, RIGHT, "hubspot")["1"]["team"] == "north"
    assert rejects(books) == []
    (fleet,) = history.sources(books)
    assert fleet["status"] == "SUCCESS"
    assert fleet["last_success_at"] is None
