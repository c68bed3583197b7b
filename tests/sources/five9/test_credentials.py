"""Five9: refused credentials are not sent again, lest the account be locked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from connectors import secrets
from connectors.errors import ConfigError, CredentialsError
from connectors.model import Request
from tests.sources.five9.domain import Domain
from tests.sources.pretend import NOW

REFUSALS = ".five9-refusals.json"


@pytest.fixture
def contacts() -> int:
    return 200


def test_refused_credentials_are_tried_once_a_run_and_in_two_runs_at_most(
    pretend: Domain,
) -> None:
    """Two runs with refused credentials make exactly two log-in attempts; a third makes none."""
    for attempts in (1, 2, 2, 2):
        with pytest.raises(CredentialsError) as refused, pretend.reader(password="wrong-one-1"):
            pass
        assert pretend.requests() == attempts
        assert "wrong-one-1" not in str(refused.value)

    note = Path(REFUSALS).read_text("utf-8")
    assert list(json.loads(note).values()) == [2]
    assert "wrong-one-1" not in note
    assert pretend.vendor.refused == 2  # the third would have locked the account
    assert pretend.complete(pretend.read("skills"), "skills")


def test_accepted_credentials_clear_what_was_noted(pretend: Domain) -> None:
    pretend.vendor.password = "another"
    with pytest.raises(CredentialsError), pretend.reader():
        pass
    pretend.vendor.password = pretend.password
    assert pretend.complete(pretend.read("skills"), "skills")

    assert json.loads(Path(REFUSALS).read_text("utf-8")) == {}


def test_credentials_refused_in_the_middle_are_not_sent_again(pretend: Domain) -> None:
    with pretend.reader() as reader:
        streams = {stream.name: stream for stream in reader.streams()}
        pretend.vendor.password = "changed"
        before = pretend.requests()
        for name in ("skills", "users", "lists"):
            request = Request(stream=streams[name], mode="full", started_at=NOW)
            with pytest.raises(CredentialsError):
                list(reader.read(request))

        assert pretend.requests() == before + 1


def test_a_locked_account_speaks_by_a_fault_with_200(pretend: Domain) -> None:
    pretend.vendor.refused = 3

    with pytest.raises(CredentialsError, match="unlocked"), pretend.reader():
        pass

    assert pretend.requests() == 1


def test_a_note_of_refusals_that_cannot_be_read_stops_the_run(pretend: Domain) -> None:
    Path(REFUSALS).write_text("{", "utf-8")

    with pytest.raises(ConfigError, match="FIVE9_REFUSALS_FILE"), pretend.reader():
        pass

    assert pretend.requests() == 0


def test_the_password_is_known_to_the_scrubber(pretend: Domain) -> None:
    with pretend.reader():
        password = pretend.password

        assert password not in secrets.scrub(f"Basic {password}")
