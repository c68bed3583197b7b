"""Offices and users from CSV files: read whole or not at all, and nobody deleted for it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from connectors.errors import AccessError, ContractError
from connectors.model import FieldType
from connectors.sources import salespro
from connectors.warehouse.engine import Warehouse
from connectors.warehouse.runs import Status
from tests.sources.pretend import Gathered
from tests.sources.salespro.export import Account
from tests.warehouse.loading import rejects

HEADER = (
    "objectId,name,companyId,company,canSearchAllEstimates,last_edit_user,createdAt,updatedAt,"
    "last_edit_date"
)
STAMP = "2026-06-01T08:00:00.000Z"


def line(key: str, name: str = "North", changed: str = STAMP) -> str:
    return f"{key},{name},c,Home Works,true,,{STAMP},{changed},{changed}"


@pytest.fixture
def scale() -> float:
    return 0.1


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "offices.csv"


def write(file: Path, *lines: str, encoding: str = "utf-8-sig", end: str = "\r\n") -> None:
    file.write_text(end.join([*lines, ""]), encoding=encoding, newline="")


def read(pretend: Account, path: Path, cursor: Any = None, **parts: Any) -> Gathered:
    mode = "full" if cursor is None else "incremental"
    settings = {"offices_csv": path}
    return pretend.read("offices", mode, cursor=cursor, settings=settings, **parts)


@pytest.mark.parametrize("stream", ["offices", "users"])
def test_an_export_is_read_as_the_sandbox_wrote_it(pretend: Account, stream: str) -> None:
    """With a byte order mark before the first name, as SalesPro writes it."""
    gathered = pretend.read(stream)

    assert pretend.complete(gathered, stream)
    for key, record in gathered.by("objectId").items():
        assert record == pretend.truth(stream)[key]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_quotes_line_breaks_and_accents_are_values(
    pretend: Account, file: Path, encoding: str, end: str
) -> None:
    write(
        file, HEADER, line("a", '"Zoë, ""the"" office\r\nupstairs 🏠"'), encoding=encoding, end=end
    )

    (record,) = read(pretend, file).records

    assert record["name"] == 'Zoë, "the" office\r\nupstairs 🏠'


def test_blank_lines_are_no_rows(pretend: Account, file: Path) -> None:
    write(file, HEADER, line("a"), "", line("b"), "")

    assert set(read(pretend, file).by("objectId")) == {"a", "b"}


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        ([], "lacks the columns canSearchAllEstimates"),
        ([""], "lacks the columns"),
        ([HEADER.replace("updatedAt", "changed"), line("a")], "lacks the columns updatedAt"),
        ([HEADER.replace("objectId,", "")], "lacks the columns objectId"),
        ([HEADER.replace(",", ";"), line("a").replace(",", ";")], "lacks the columns"),
        ([f"{HEADER},name", f"{line('a')},x"], "two of one name"),
        ([f"{HEADER},", f"{line('a')},"], "columns without a name"),
        ([HEADER, line("a"), '"never closed'], "not CSV in UTF-8"),
    ],
)
def test_a_file_that_is_not_the_whole_export_is_refused(
    pretend: Account, file: Path, lines: Sequence[str], complaint: str
) -> None:
    write(file, *lines)

    gathered = read(pretend, file)

    assert isinstance(gathered.error, ContractError)
    assert complaint in str(gathered.error)
    assert gathered.records == []
    assert not [page for page in gathered.pages if page.cursor]


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_another_encoding_is_refused_and_shows_no_value(
    pretend: Account, file: Path, encoding: str
) -> None:
    write(file, HEADER, line("a", "Zoë"), encoding=encoding)

    error = read(pretend, file).error

    assert isinstance(error, ContractError)
    assert "not CSV in UTF-8" in str(error)
    assert "Zo" not in str(error)


def test_a_row_with_values_missing_or_too_many_is_kept_apart(pretend: Account, file: Path) -> None:
    """Half a row, as of a file that is still being copied, would empty what is stored."""
    write(file, HEADER, line("a"), "b,North", f"{line('c')},more", line("d"))

    gathered = read(pretend, file)

    assert set(gathered.by("objectId")) == {"a", "d"}
    refused = [each for page in gathered.pages for each in page.refused]
    assert [(each.key, each.reason) for each in refused] == [
        ("b", "the row has 2 values where the header has 9 names"),
        ("c", "the row has 10 values where the header has 9 names"),
    ]


def test_a_file_that_is_not_there_is_named_by_its_setting(pretend: Account, tmp_path: Path) -> None:
    error = read(pretend, tmp_path / "none.csv").error

    assert isinstance(error, AccessError)
    assert "SALESPRO_OFFICES_CSV" in str(error)


def test_without_the_setting_nothing_is_read_and_that_is_said(pretend: Account) -> None:
    gathered = pretend.read("offices", settings={"offices_csv": None})

    assert (gathered.error, gathered.records) == (None, [])
    assert gathered.notes == ["offices: SALESPRO_OFFICES_CSV is not set, so no export was read"]


def test_the_newest_export_of_a_folder_is_read_whatever_its_name(
    pretend: Account, tmp_path: Path
) -> None:
    for at, (name, key) in enumerate({"z.csv": "old", "a.CSV": "new", "note.txt": "no"}.items()):
        write(tmp_path / name, HEADER, line(key))
        os.utime(tmp_path / name, (at, at))
    write(tmp_path / "users.csv", "objectId,username", "u,x")
    (tmp_path / "photo.csv").write_bytes(b"\x89PNG\x00\r\n\x1a")

    gathered = read(pretend, tmp_path)

    assert set(gathered.by("objectId")) == {"new"}
    assert gathered.notes == ["offices: read from a.CSV"]


def test_a_folder_without_an_export_says_what_else_is_there(
    pretend: Account, tmp_path: Path
) -> None:
    write(tmp_path / "offices.csv", HEADER.replace("name,", "title,"), line("a"))

    gathered = read(pretend, tmp_path)

    assert (gathered.error, gathered.records) == (None, [])
    assert "(1 other CSV files are there)" in gathered.notes[0]


def test_a_file_is_read_once_until_it_changes(pretend: Account, file: Path) -> None:
    write(file, HEADER, line("a"))
    cursor = read(pretend, file).pages[-1].cursor

    again = read(pretend, file, cursor)
    write(file, HEADER, line("a"), line("b"))
    changed = read(pretend, file, cursor)

    assert again.records == []
    assert again.notes == ["offices: offices.csv is the one that was read last"]
    assert len(changed.records) == 2


def test_an_interrupted_read_goes_on_after_its_rows_unless_the_file_changed(
    pretend: Account, file: Path
) -> None:
    lines = [line(f"o{number}") for number in range(2500)]
    write(file, HEADER, *lines)
    position = read(pretend, file).positions[0]

    rest = read(pretend, file, position=position)
    write(file, HEADER, *lines, line("more"))
    anew = read(pretend, file, position=position)

    assert len(rest.records) == 1500
    assert rest.records[0]["objectId"] == "o1000"
    assert len(anew.records) == 2501


def test_no_file_whatever_it_lacks_deletes_anybody(
    pretend: Account, sqlite: Warehouse, file: Path
) -> None:
    """A file may hold a part only, so who is missing in it stays."""
    write(file, HEADER, line("a"), line("b"))
    settings = {"offices_csv": file}
    pretend.load(sqlite, "offices", mode="full", settings=settings)

    for lines, expected in (
        ([HEADER], Status.SUCCESS),
        ([HEADER, line("b")], Status.SUCCESS),
        ([], Status.FAILED),
        (["something,else", "1,2"], Status.FAILED),
    ):
        write(file, *lines)
        for mode in ("incremental", "full"):
            status, reports = pretend.load(sqlite, "offices", mode=mode, settings=settings)
            assert status is expected, (lines, reports)
    file.unlink()
    pretend.load(sqlite, "offices", settings=settings)

    assert set(pretend.stored(sqlite, "offices")) == {"a", "b"}


def test_broken_rows_make_the_run_partial_and_the_rest_is_loaded(
    pretend: Account, sqlite: Warehouse, file: Path
) -> None:
    write(file, HEADER, line("a", "Main"))
    settings = {"offices_csv": file}
    pretend.load(sqlite, "offices", settings=settings)
    write(file, HEADER, "a,", line("b"))

    status, reports = pretend.load(sqlite, "offices", settings=settings)

    assert status is Status.PARTIAL
    assert reports["offices"].counts.rejected == 1
    assert [reject["key"] for reject in rejects(sqlite)] == ["a"]
    assert {k: row["name"] for k, row in pretend.stored(sqlite, "offices").items()} == {
        "a": "Main",
        "b": "North",
    }


def test_an_older_export_does_not_overwrite_a_newer_one(
    pretend: Account, sqlite: Warehouse, file: Path
) -> None:
    settings = {"offices_csv": file}
    for name, changed in (("new", "2026-06-02T00:00:00.000Z"), ("old", STAMP)):
        write(file, HEADER, line("a", name, changed))
        pretend.load(sqlite, "offices", settings=settings)

    assert pretend.stored(sqlite, "offices")["a"]["name"] == "new"


def test_values_are_typed(pretend: Account, sqlite: Warehouse) -> None:
    pretend.load(sqlite, "users", mode="full")

    kinds = {s.name: s.fields for s in salespro.STREAMS}["users"]
    assert kinds["isActive"] is FieldType.BOOLEAN
    for key, row in pretend.stored(sqlite, "users").items():
        truth = pretend.truth("users")[key]
        assert row["isActive"] is (truth["isActive"] == "true")
        assert row["allowedOffices"] == ["officeNo1x", "officeNo2x"]
        assert row["deactivatedDate"] is None
        assert row["phoneNumber"] == truth["phoneNumber"]
