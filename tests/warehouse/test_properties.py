"""What holds for any records: stored as sent, once, in whatever order and batches they come."""

from __future__ import annotations

from collections.abc import Generator
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import DBAPIError

from connectors.model import FieldType, Stream
from connectors.warehouse.engine import Warehouse
from connectors.warehouse.migrate import migrate
from connectors.warehouse.values import as_json
from tests import servers
from tests.warehouse.loading import load, rows, types
from tests.warehouse.shop import same

TYPED = Stream(
    name="typed",
    fields={
        "text": FieldType.TEXT,
        "integer": FieldType.INTEGER,
        "numeric": FieldType.NUMERIC,
        "boolean": FieldType.BOOLEAN,
        "date": FieldType.DATE,
        "timestamp": FieldType.TIMESTAMP,
        "json": FieldType.JSON,
    },
)
VERSIONED = Stream(name="versioned", version="changed", fields={"changed": FieldType.TIMESTAMP})
LOOSE = Stream(name="loose")


@pytest.fixture(scope="module", params=["sqlite", "postgres", "debian_postgres"])
def shared(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Generator[Warehouse]:
    """One warehouse for all examples of this module; each example empties its table."""
    if request.param == "sqlite":
        folder: Path = tmp_path_factory.mktemp("properties")
        warehouse = Warehouse.open(f"sqlite:///{folder / 'w.db'}")
        migrate(warehouse)
        yield warehouse
        warehouse.close()
        return
    url: str = request.getfixturevalue(f"{request.param}_url")
    with servers.postgres_database(url) as own:
        warehouse = Warehouse.open(own)
        migrate(warehouse)
        yield warehouse
        warehouse.close()


def emptied(warehouse: Warehouse, stream: Stream) -> None:
    """Forget the stream's table and columns."""
    with warehouse.begin() as db:
        db.exec_driver_sql(f'DROP TABLE IF EXISTS "acme_{stream.name}"')
        db.exec_driver_sql(f"DELETE FROM sync_columns WHERE stream = '{stream.name}'")
        db.exec_driver_sql("DELETE FROM sync_rejects")


TEXT = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=40)
ZONES = st.sampled_from([UTC, timezone(timedelta(hours=-5)), timezone(timedelta(hours=5.75))])
MOMENTS = st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1), timezones=ZONES)  # noqa: DTZ001
DECIMALS = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**25), max_value=10**25)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
JSON_DOCUMENTS = st.lists(JSON_VALUES, max_size=3) | st.dictionaries(TEXT, JSON_VALUES, max_size=3)
INT64 = st.integers(-(2**63), 2**63 - 1)
SENT: dict[str, st.SearchStrategy[tuple[Any, Any]]] = {
    "text": TEXT.map(lambda v: (v, v)),
    "integer": INT64.map(lambda v: (v, v)) | INT64.map(lambda v: (str(v), v)),
    "numeric": DECIMALS.map(lambda v: (v, v.normalize() + 0))
    | DECIMALS.map(lambda v: (str(v), v.normalize() + 0)),
    "boolean": st.booleans().map(lambda v: (v, v))
    | st.booleans().map(lambda v: ("true" if v else "false", v)),
    "date": st.dates(date(1, 1, 1), date(9999, 12, 31)).map(lambda v: (v.isoformat(), v)),
    "timestamp": MOMENTS.map(lambda v: (v.isoformat(), v.astimezone(UTC)))
    | MOMENTS.map(
        lambda v: (v.astimezone(UTC).isoformat().replace("+00:00", "Z"), v.astimezone(UTC))
    ),
    "json": JSON_DOCUMENTS.map(lambda v: (v, v)) | JSON_DOCUMENTS.map(lambda v: (as_json(v), v)),
}
NOTHING = st.just((None, None))
RECORDS = st.lists(
    st.fixed_dictionaries({name: NOTHING | sent for name, sent in SENT.items()}), max_size=12
)
SLOWLY = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])


@SLOWLY
@given(RECORDS)
def test_what_is_read_back_is_what_was_sent(
    shared: Warehouse, records: list[dict[str, tuple[Any, Any]]]
) -> None:
    """Case 93 of the fault list."""
    emptied(shared, TYPED)
    sent = [{"id": str(n)} | {k: v[0] for k, v in r.items()} for n, r in enumerate(records)]

    counts = load(shared, TYPED, sent)

    assert counts.values_rejected == counts.rejected == 0
    stored = rows(shared, TYPED)
    for n, record in enumerate(records):
        expected = {name: pair[1] for name, pair in record.items()}
        assert {name: stored[str(n)][name] for name in expected} == expected
    again = load(shared, TYPED, sent)
    assert again.unchanged == len(sent)


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[int]]:
    """Sightings of a few keys, the same ones shuffled, and where to cut them into batches."""
    seconds = draw(st.lists(st.integers(0, 1000), unique=True, max_size=15))
    sightings = [
        {
            "id": draw(st.sampled_from("abcd")),
            "changed": datetime.fromtimestamp(s, UTC).isoformat(),
            "v": draw(TEXT),
        }
        for s in seconds
    ]
    return sightings, draw(st.permutations(sightings)), draw(st.lists(st.integers(1, 5)))


@SLOWLY
@given(histories())
def test_the_result_depends_neither_on_order_nor_on_batches(
    shared: Warehouse, history: tuple[list[dict[str, Any]], list[dict[str, Any]], list[int]]
) -> None:
    sightings, shuffled, cuts = history
    newest: dict[str, dict[str, Any]] = {}
    for sighting in sorted(sightings, key=lambda s: datetime.fromisoformat(s["changed"])):
        newest[sighting["id"]] = sighting
    emptied(shared, VERSIONED)
    batches: list[list[dict[str, Any]]] = []
    rest = shuffled
    for size in [*cuts, len(shuffled) or 1]:
        batches.append(rest[:size])
        rest = rest[size:]

    counts = load(shared, VERSIONED, *batches)

    stored = rows(shared, VERSIONED)
    assert {key: row["v"] for key, row in stored.items()} == {k: r["v"] for k, r in newest.items()}
    total = counts.inserted + counts.updated + counts.unchanged + counts.superseded
    assert total == counts.read == len(sightings)
    again = load(shared, VERSIONED, shuffled)
    assert (again.inserted, again.updated) == (0, 0)


@SLOWLY
@given(
    st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 3)), max_size=15),
    st.lists(st.integers(1, 5)),
)
def test_without_versions_the_last_sighting_wins_however_it_is_cut(
    shared: Warehouse, sightings: list[tuple[str, int]], cuts: list[int]
) -> None:
    emptied(shared, LOOSE)
    records = [{"id": key, "v": value} for key, value in sightings]
    batches: list[list[dict[str, Any]]] = []
    rest = records
    for size in [*cuts, len(records) or 1]:
        batches.append(rest[:size])
        rest = rest[size:]

    counts = load(shared, LOOSE, *batches)

    last = dict(sightings)
    assert {key: row.get("v") for key, row in rows(shared, LOOSE).items()} == last
    assert counts.inserted == len(last)
    assert counts.inserted + counts.updated + counts.unchanged + counts.superseded == len(records)
    again = load(shared, LOOSE, [{"id": key, "v": value} for key, value in last.items()])
    assert (again.inserted, again.updated, again.unchanged) == (0, 0, len(last))


LOOSE_VALUES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | DECIMALS
    | TEXT
    | st.dates().map(date.isoformat)
    | MOMENTS.map(datetime.isoformat)
    | st.dictionaries(TEXT, TEXT, max_size=2)
)


@SLOWLY
@given(st.lists(st.lists(LOOSE_VALUES, min_size=1, max_size=4), min_size=1, max_size=4))
def test_an_undeclared_column_only_widens_and_loses_nothing(
    shared: Warehouse, batches: list[list[Any]]
) -> None:
    emptied(shared, LOOSE)
    seen: list[FieldType | None] = []
    number = 0
    for values in batches:
        records = [{"id": f"{number + n}", "v": value} for n, value in enumerate(values)]
        number += len(values)

        counts = load(shared, LOOSE, records)

        assert counts.values_rejected == 0
        seen.append(types(shared, LOOSE).get("v"))
    order = [None, FieldType.BOOLEAN, FieldType.INTEGER, FieldType.NUMERIC, FieldType.TEXT]
    ranks = [order.index(kind) if kind in order else 3 for kind in seen]
    assert ranks == sorted(ranks)
    sent = [value for values in batches for value in values]
    stored = rows(shared, LOOSE)
    for n, value in enumerate(sent):
        assert same(value, stored[str(n)].get("v"), declared=False), (value, stored[str(n)])


@SLOWLY
@given(st.lists(st.text(max_size=100), unique=True, max_size=12))
def test_any_field_names_become_columns_of_their_own(shared: Warehouse, names: list[str]) -> None:
    """Cases 69 to 71 of the fault list, through the database."""
    emptied(shared, LOOSE)
    record = {name: f"value {n}" for n, name in enumerate(names)} | {"id": "1"}

    try:
        load(shared, LOOSE, [record])
    except DBAPIError as error:  # pragma: no cover - shown instead of the rows it quotes
        pytest.fail(f"{type(error.orig).__name__} for {names!r}")

    stored = rows(shared, LOOSE)["1"]
    assert {name: stored[name] for name in record} == record
