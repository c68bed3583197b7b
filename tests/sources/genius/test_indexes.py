"""Genius is read along its indexes: no query sorts or scans."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from connectors.model import Request
from connectors.sandbox.genius import STREAMS as TABLES
from connectors.sources import genius
from connectors.sources.genius.columns import fields_of
from connectors.sources.genius.database import Column
from connectors.sources.genius.mysql import MySqlServer
from connectors.sources.genius.reading import GeniusReader
from connectors.sources.genius.tables import BY_STREAM
from connectors.sources.genius.times import Zone
from connectors.sources.genius.walks import route
from tests.sources.genius.database import Database, request
from tests.sources.genius.test_reading import long_ago

WINDOWED = [stream.name for stream in genius.STREAMS if stream.window]


def plans(database: Database, name: str, asked: Request) -> list[str]:
    """EXPLAIN of every query of a read's walks, at the start and after a key."""
    server = MySqlServer(database.settings(), database.context)
    table = BY_STREAM[name]
    fields = fields_of(table, server.columns(table.name), Zone("UTC"))
    after_of = {"updated_at": "2026-01-01 00:00:00", "marketsharp_id": "Ms-00003"}
    found: list[str] = []
    for walk in route(server, table, server.columns(table.name), asked, Zone("UTC")).walks:
        after = [after_of.get(name, 5) for name in walk.order]
        for stood in (None, after):
            statement, values = walk.statement(table, [f.expression for f in fields], stood, 100)
            rows = server.rows(f"EXPLAIN {statement}", values)
            found.append(" ".join((value or b"").decode() for value in rows[0]))
    server.close()
    return found


@pytest.mark.parametrize("name", TABLES)
def test_no_query_sorts_or_scans(filled: Database, name: str) -> None:
    with filled.reader() as reader:
        asked = [request(reader, name)]
        if name in WINDOWED:
            asked.append(request(reader, name, long_ago()))

        for one in asked:
            for plan in plans(filled, name, one):
                assert "filesort" not in plan
                assert "temporary" not in plan
                assert re.search(r"\b(PRIMARY|ix_\w+)\b", plan), plan


def test_a_late_page_touches_only_its_own_rows(some: Database) -> None:
    some.run(
        "INSERT INTO appointment_to_service SELECT seq, s.n, '2020-01-01', '2026-01-01'"
        " FROM seq_1_to_2000, (SELECT 1 n UNION SELECT 2 UNION SELECT 3) s"
    )
    server = MySqlServer(some.settings(), some.context)
    reader = GeniusReader(server, Zone("UTC"))
    after = ("2026-01-01 00:00:00", 1900, 2)

    asked = request(reader, "appointment_services", long_ago(), page_size=50)
    for full, position in (
        (False, {"walk": "time", "after": list(after)}),
        (True, {"walk": "key", "after": list(after[1:])}),
    ):
        one = replace(asked, since=None if full else asked.since, position=position)
        before = handler_reads(server)
        pages = reader.read(one)
        next(pages)
        assert next(pages).records[0]["appointment_id"] == 1900
        assert handler_reads(server) - before < 400

    server.close()


def handler_reads(server: MySqlServer) -> int:
    """How many rows this session's queries have touched."""
    rows = server.rows("SHOW SESSION STATUS LIKE 'Handler_read%%'")
    return sum(int(value or b"0") for _, value in rows)


def test_a_partial_or_foreign_index_is_no_way(some: Database) -> None:
    server = MySqlServer(some.settings(), some.context)

    assert server.index("appointment_to_service", ("updated_at", "appointment_id")) is None
    assert server.index("lead", ("updated_at", "lead_id")) == "FORCE INDEX (`ix_lead_updated`)"
    assert server.index("lead", ("email",)) is None
    assert server.columns("no_such_table") == []
    assert server.columns("job")[0] == Column("id", "int(11)")
    server.close()
