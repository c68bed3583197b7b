"""Where a stream goes on: stored with the rows, understood or refused, never guessed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from connectors.errors import ConfigError, FencedOff
from connectors.model import Counts
from connectors.warehouse import checkpoints, runs
from connectors.warehouse.checkpoints import State, Unfinished
from connectors.warehouse.engine import Warehouse, execute
from connectors.warehouse.runs import Status
from tests.warehouse.books import one, running

AT = datetime(2026, 2, 3, 4, 5, 6, 789, tzinfo=UTC)
STATE = State(
    cursor={"until": "2026-02-03T04:05:06Z", "zähler": 2**70},
    reads={
        "full": Unfinished(
            started_at=AT,
            run_id="a",
            until=AT,
            position={"after": "12"},
            rejected=3,
            incomplete=("a folder could not be read",),
        ),
        "backfill": Unfinished(started_at=AT, run_id="b", since=AT - timedelta(days=1), until=AT),
    },
)


def test_a_state_comes_back_as_it_was(warehouse: Warehouse) -> None:
    with warehouse.begin() as conn:
        checkpoints.save(conn, "hubspot", "contacts", STATE, "a")
        checkpoints.save(conn, "hubspot", "deals", State(cursor={"x": None}), "a")
        assert checkpoints.load(conn, "hubspot", "contacts") == STATE
        checkpoints.save(conn, "hubspot", "contacts", State(cursor=STATE.cursor), "b")

    assert checkpoints.load(warehouse, "hubspot", "contacts") == State(cursor=STATE.cursor)
    assert checkpoints.load(warehouse, "hubspot", "deals").cursor == {"x": None}


def test_a_stream_without_a_row_has_no_cursor_so_that_everything_is_read(
    warehouse: Warehouse,
) -> None:
    """Case 22 of the fault list: the state's row was deleted by hand."""
    with warehouse.begin() as conn:
        checkpoints.save(conn, "hubspot", "contacts", STATE, "a")
        assert checkpoints.forget(conn, "hubspot", "contacts")
        assert not checkpoints.forget(conn, "hubspot", "contacts")

    assert checkpoints.load(warehouse, "hubspot", "contacts") == State()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("state_version = 2", "has format 2, this version reads 1"),
        ("reads = '{\"full\": {}}'", "damaged"),
        ("reads = '[]'", "damaged"),
        ('reads = \'{"full": {"started_at": "soon", "since": null, "until": null}}\'', "damaged"),
    ],
)
def test_a_state_that_cannot_be_read_is_explained(
    warehouse: Warehouse, damage: str, said: str
) -> None:
    with warehouse.begin() as conn:
        checkpoints.save(conn, "hubspot", "contacts", STATE, "a")
        conn.exec_driver_sql(f"UPDATE sync_checkpoints SET {damage}")

    with pytest.raises(ConfigError, match=f"hubspot.contacts.*{said}.*forget"):
        checkpoints.load(warehouse, "hubspot", "contacts")


def test_equal_states_are_equal_text(sqlite_warehouse_url: str) -> None:
    from connectors.warehouse.migrate import migrate

    warehouse = Warehouse.open(sqlite_warehouse_url)
    migrate(warehouse)
    with warehouse.begin() as conn:
        checkpoints.save(conn, "s", "a", State(cursor={"b": 1, "a": {"d": 2, "c": 3}}), "r")

    assert one(warehouse, "SELECT cursor, reads FROM sync_checkpoints") == (
        '{"a":{"c":3,"d":2},"b":1}',
        "{}",
    )
    warehouse.close()


def test_a_fenced_batch_takes_its_checkpoint_with_it(warehouse: Warehouse) -> None:
    run = running(warehouse, "a")
    runs.finish(warehouse, "a", Status.FAILED)

    with pytest.raises(FencedOff), warehouse.begin() as conn:  # noqa: PT012 - the block is the transaction
        checkpoints.save(conn, "hubspot", "contacts", STATE, "a")
        runs.count_batch(conn, run, "contacts", Counts(read=1, inserted=1))

    assert checkpoints.load(warehouse, "hubspot", "contacts") == State()


def test_the_document_names_its_version() -> None:
    assert STATE.as_json()["version"] == 1
    assert STATE.as_json()["reads"]["full"] == {
        "since": None,
        "until": "2026-02-03T04:05:06.000789Z",
        "started_at": "2026-02-03T04:05:06.000789Z",
        "position": {"after": "12"},
        "run_id": "a",
        "rejected": 3,
        "incomplete": ["a folder could not be read"],
    }


def test_a_read_begun_by_an_older_version_is_understood(warehouse: Warehouse) -> None:
    """Case 92 of the fault list: that version did not write down what the read had lost."""
    begun = '{"since": null, "until": null, "started_at": "2026-02-03T04:05:06Z"'
    reads = f'{{"full": {begun}, "position": {{"after": "12"}}, "run_id": "a"}}}}'
    with warehouse.begin() as conn:
        checkpoints.save(conn, "hubspot", "contacts", State(), "a")
        execute(conn, "UPDATE sync_checkpoints SET reads = :reads", {"reads": reads})

    read = checkpoints.load(warehouse, "hubspot", "contacts").reads["full"]

    assert (read.position, read.rejected, read.incomplete) == ({"after": "12"}, 0, ())


def test_a_checkpoint_is_stamped_by_the_database(warehouse: Warehouse) -> None:
    with warehouse.begin() as conn:
        checkpoints.save(conn, "s", "a", STATE, "r")
        stale = execute(
            conn, "SELECT 1 FROM sync_checkpoints WHERE updated_at > clock_timestamp()"
        ).first()

    assert stale is None
    assert one(warehouse, "SELECT run_id, state_version FROM sync_checkpoints") == ("r", 1)
