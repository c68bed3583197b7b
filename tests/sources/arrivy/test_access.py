"""Arrivy: its two keys, and what is never asked for."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.errors import AccessError, ConfigError, CredentialsError
from connectors.sources import arrivy
from tests.sources.pretend import Pretend


@pytest.mark.parametrize("wrong", [{"api_key": "no"}, {"auth_key": "no"}])
def test_a_refused_pair_of_keys_ends_the_run(pretend: Pretend, wrong: dict[str, str]) -> None:
    error = pretend.read("tasks", settings=wrong).error

    assert isinstance(error, CredentialsError)
    assert pretend.requests() == 1


def test_the_crossed_names_of_the_old_settings_are_sent_the_right_way(pretend: Pretend) -> None:
    """ARRIVY_API_KEY is the token, ARRIVY_AUTH_KEY the key."""
    environment = pretend.sandbox.environment()
    crossed = {
        "api_key": environment["ARRIVY_AUTH_KEY"],
        "auth_key": environment["ARRIVY_API_KEY"],
    }

    assert pretend.read("groups").error is None
    assert isinstance(pretend.read("groups", settings=crossed).error, CredentialsError)


def test_a_forbidden_list_fails_its_stream_only(pretend: Pretend) -> None:
    """Case 42 of the fault list."""
    pretend.vendor.forbidden = {"crews"}

    assert isinstance(pretend.read("crews").error, AccessError)
    assert pretend.complete(pretend.read("groups"), "groups")


@pytest.mark.parametrize(
    "path",
    [
        "/users/update-auth-keys",
        "/users/Update-Auth-Keys",
        "/users/%75pdate-auth-keys",
        "/express/tasks/upsert/7",
        "/public/bookings/x/slots/y/book_slot",
    ],
)
def test_what_changes_the_account_is_never_asked_for(pretend: Pretend, path: str) -> None:
    """The first rotates the keys although it is a GET."""
    with pretend.reader() as reader:
        opened: Any = reader
        client = opened._api._client  # the one that the source opened, with its deny-list

        with pytest.raises(ConfigError, match="must never be called"):
            client.get(path)

    assert pretend.requests() == 0


def test_nothing_but_get_is_sent(pretend: Pretend) -> None:
    for name in (stream.name for stream in arrivy.STREAMS):
        pretend.read(name)

    assert {seen.method for seen in pretend.sandbox.requests("arrivy")} == {"GET"}
