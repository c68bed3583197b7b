"""Genius, read whole: every row once, every column but secrets, on from any place."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from connectors.model import Deletes
from connectors.sandbox.genius import STREAMS as TABLES
from connectors.sandbox.genius import tables
from connectors.sources import genius
from connectors.sources.genius.columns import is_secret
from connectors.sources.genius.reading import page_rows
from connectors.sources.genius.tables import BY_STREAM
from tests.sources.genius.database import Database, ids, key_of, records, request

ENTITIES = 30  # of the platform before this one, which ran them in this order


def long_ago() -> datetime:
    return datetime.now(UTC) - timedelta(days=3650)


def test_every_entity_of_the_old_full_run_is_a_stream_and_two_more_are_on_request() -> None:
    usual = [stream for stream in genius.STREAMS if not stream.optional]

    assert len(usual) == ENTITIES
    assert {stream.name for stream in genius.STREAMS} == set(TABLES)
    assert {name: table.name for name, table in BY_STREAM.items()} == TABLES


def test_a_stream_comes_after_those_it_refers_to() -> None:
    order = [stream.name for stream in genius.STREAMS]

    for stream in genius.STREAMS:
        assert all(order.index(before) < order.index(stream.name) for before in stream.after)
        assert stream.deletes is Deletes.COMPARE
        assert stream.sees


@pytest.mark.parametrize("name", TABLES)
def test_a_full_read_yields_every_row_once_and_every_column_but_secrets(
    filled: Database, name: str
) -> None:
    table = tables()[TABLES[name]]

    pages = filled.read(name)

    found = records(pages)
    ((count,),) = filled.run(f"SELECT COUNT(*) FROM `{table.name}`")
    assert len({tuple(r[k] for k in key_of(name)) for r in found}) == len(found) == count > 0
    assert pages[-1].total == count
    secret = {c.name for c in table.columns if is_secret(BY_STREAM[name], c.name)}
    assert set(found[0]) == {c.name for c in table.columns} - secret | set(BY_STREAM[name].joined)
    assert not any(page.refused for page in pages)


def test_secrets_are_never_selected_and_the_report_names_the_columns(filled: Database) -> None:
    pages = filled.read("division_groups")

    assert not {"paysimple_secret", "mes_profile_key", "docusign_acct_id"} & set(records(pages)[0])
    assert "paysimple_secret" in " ".join(pages[0].notes)
    assert "not-to-be-copied" not in str(pages)
    assert is_secret(BY_STREAM["leads"], "api_token")
    assert not is_secret(BY_STREAM["integration_field_definitions"], "key_name")


def test_key_zero_is_read_too(filled: Database) -> None:
    assert ids(filled.read("prospects"))[0] == 0


@pytest.mark.parametrize("page_size", [1, 3, 7, 1000])
@pytest.mark.parametrize("name", ["appointment_services", "marketsharp_marketing_source_maps"])
def test_pages_of_any_size_hold_the_same_rows(filled: Database, name: str, page_size: int) -> None:
    everything = records(filled.read(name))

    with filled.reader() as reader:
        pages = list(reader.read(request(reader, name, page_size=page_size)))

    assert records(pages) == everything
    assert max(len(page.records) for page in pages) <= page_size


@pytest.mark.parametrize("name", ["appointment_services", "leads", "prospects"])
@pytest.mark.parametrize("full", [True, False])
def test_a_read_goes_on_after_any_position(filled: Database, name: str, *, full: bool) -> None:
    with filled.reader() as reader:
        asked = request(reader, name, None if full else long_ago(), page_size=7)
        pages = list(reader.read(asked))
        whole = records(pages)

        for cut in range(1, len(pages), 3):
            if (position := pages[cut].position) is None:
                continue
            before = records(pages[: cut + 1])
            rest = records(reader.read(replace(asked, position=position)))
            assert before + rest == whole


def test_positions_are_plain_json(filled: Database) -> None:
    with filled.reader() as reader:
        pages = list(reader.read(request(reader, "appointment_services", long_ago())))

    assert pages[-1].position is not None
    after = pages[-1].position["after"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", after[0])
    assert [type(part) for part in after[1:]] == [int, int]


def test_a_page_is_one_query_of_as_many_rows_as_memory_allows(filled: Database) -> None:
    with filled.reader() as reader:
        usual = request(reader, "prospect_sources")
        reader.fields(usual.stream)
        before = filled.context.meter.requests
        pages = list(reader.read(usual))
        smaller = list(reader.read(replace(usual, page_size=5)))

    # The first page has no rows but needs to know the indexes, the last one counts.
    assert filled.context.meter.requests - before == len(smaller) + len(pages)
    assert [len(page.records) for page in pages] == [0, len(records(pages)), 0]
    assert {len(page.records) for page in smaller[1:-2]} == {5}
    assert (page_rows(200, 4), page_rows(10_000, 25), page_rows(199, 25)) == (5000, 1000, 199)
