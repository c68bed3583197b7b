from __future__ import annotations

from typing import Any

import pytest

from connectors.model import FieldType, Stream
from connectors.warehouse import history, runs
from connectors.warehouse.engine import Warehouse
from connectors.warehouse.load import Batch
from tests.warehouse.loading import opened, rejects, rows, start_run

pytestmark = pytest.mark.prefect

WRONG = Stream(name="owners", fields={"team": FieldType.INTEGER})
RIGHT = Stream(name="owners", fields={"team": FieldType.TEXT})


def test_a_deployed_replay_is_filed_as_one_though_nobody_set_its_mode(books: Warehouse) -> None:
    from prefect import get_client
    from prefect.flow_engine import run_flow

    from flows.replay import replay_rejects

    with get_client(sync_client=True) as client:
        deployment = client.create_deployment(client.create_flow(replay_rejects), "replay")
        run = client.create_flow_run_from_deployment(deployment, parameters={"source": "hubspot"})
    state: Any = run_flow(replay_rejects, flow_run=run, return_type="state")

    assert state.is_completed()
    (row,) = history.recent(books)
    assert (row["source"], row["mode"]) == ("hubspot", "backfill")


def test_a_run_whose_deployment_was_deleted_since_has_its_row(books: Warehouse) -> None:
    from prefect import get_client
    from prefect.flow_engine import run_flow

    from flows.replay import replay_rejects

    with get_client(sync_client=True) as client:
        deployment = client.create_deployment(client.create_flow(replay_rejects), "gone")
        run = client.create_flow_run_from_deployment(deployment, parameters={"source": "hubspot"})
        client.delete_deployment(deployment)
        kept = client.create_flow_run(replay_rejects, parameters={"source": "hubspot"})
    kept.deployment_id = run.deployment_id
    state: Any = run_flow(replay_rejects, flow_run=kept, return_type="state")

    assert state.is_completed()
    (row,) = history.recent(books)
    assert (row["status"], row["deployment"]) == ("SUCCESS", None)


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
