"""What people are told of a run that ended ill, and where it arrives."""

from __future__ import annotations

from collections.abc import Generator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from pydantic import SecretStr

from connectors import settings
from connectors.errors import ConfigError, CredentialsError
from connectors.warehouse import runs
from connectors.warehouse.engine import Warehouse
from connectors.warehouse.migrate import migrate
from connectors.warehouse.runs import Status
from tests.flows.receivers import Received, mail_server, webhook


@pytest.fixture
def hook() -> Generator[Received]:
    with webhook() as received:
        yield received


@pytest.fixture
def books(sqlite_warehouse_url: str, monkeypatch: pytest.MonkeyPatch) -> Generator[Warehouse]:
    monkeypatch.setenv("WAREHOUSE_URL", sqlite_warehouse_url)
    opened = Warehouse.open(sqlite_warehouse_url)
    migrate(opened)
    yield opened
    opened.close()


def message(url: str | None = None) -> Any:
    from flows.notify import Message

    return Message(title="HubSpot full: FAILED", reason="a < b & c", step="Renew.", url=url)


def chosen(**fields: Any) -> Any:
    from flows.settings import NotifySettings

    return settings.load(NotifySettings, fields)


def test_a_webhook_gets_one_text_with_its_markup_escaped_and_a_link(hook: Received) -> None:
    from flows.notify import post

    post.fn(message(url="http://ui/runs/1"), chosen(notify_webhook_url=SecretStr(hook.url)))

    assert hook.messages == [
        {
            "text": "*HubSpot full: FAILED*\na &lt; b &amp; c\n*To do:* Renew.\n"
            "<http://ui/runs/1|Open the run>"
        }
    ]


def test_a_webhook_that_refuses_is_an_error_that_does_not_quote_its_address(
    hook: Received,
) -> None:
    from flows.notify import NotTold, post

    hook.status = 404

    with pytest.raises(NotTold, match="answered 404") as caught:
        post.fn(message(), chosen(notify_webhook_url=SecretStr(hook.url)))

    assert "very-secret-path" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_an_e_mail_says_the_same(hook: Received) -> None:
    from flows.notify import mail, server_of

    with mail_server() as post_office:
        wish = chosen(
            notify_smtp_url=SecretStr(post_office.url),
            notify_email_to="a@example.com, b@example.com",
        )
        mail.fn(message(url="http://ui/runs/1"), wish, server_of(wish))

    (letter,) = post_office.messages
    assert "Subject: [crm-sync] HubSpot full: FAILED" in letter
    assert "To: a@example.com, b@example.com" in letter
    assert "From: a@example.com" in letter
    assert "What to do: Renew.\nhttp://ui/runs/1" in letter


def test_a_password_is_not_sent_to_a_server_without_tls() -> None:
    from flows.notify import NotTold, mail, server_of

    with mail_server() as post_office:
        wish = chosen(
            notify_smtp_url=SecretStr(post_office.url.replace("//", "//me:hunter2-long@")),
            notify_email_to="a@example.com",
        )
        with pytest.raises(NotTold, match="SMTPNotSupportedError"):
            mail.fn(message(), wish, server_of(wish))

    assert post_office.messages == []


@pytest.mark.parametrize("url", [None, "https://mail.example.com", "smtp://"])
def test_a_wrong_mail_server_is_named_by_its_setting(url: str | None) -> None:
    from flows.notify import server_of

    wish = chosen(notify_smtp_url=SecretStr(url)) if url else chosen()

    with pytest.raises(ConfigError, match="NOTIFY_SMTP_URL"):
        server_of(wish)


def failed_run(name: str = "hubspot full", said: str = "as before") -> UUID:
    """A run of `sync-source` that Prefect knows as Failed."""
    from prefect import get_client
    from prefect.states import Failed, Running

    from flows.sync_source import sync_source

    with get_client(sync_client=True) as client:
        deployment = client.create_deployment(client.create_flow(sync_source), "told")
        run = client.create_flow_run_from_deployment(
            deployment, name=name, parameters={"source": "hubspot"}, state=Running()
        )
        client.set_flow_run_state(run.id, Failed(message=said), force=True)
        return run.id


def row_of(books: Warehouse, run_id: UUID) -> None:
    new = runs.NewRun(run_id=str(run_id), source="hubspot", mode="full")
    runs.open_run(books, new)
    error = CredentialsError("GET /token: 401. Renew the credential of this source")
    runs.finish(books, str(run_id), Status.FAILED, str(error), error=error)


@pytest.mark.prefect
def test_the_message_says_source_status_reason_what_to_do_and_where(
    books: Warehouse, hook: Received, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.notify import notify

    monkeypatch.setenv("NOTIFY_WEBHOOK_URL", hook.url)
    run_id = failed_run(said="once")
    row_of(books, run_id)

    assert notify(str(run_id)) == "told by the webhook"

    (told,) = hook.messages
    assert told["text"].startswith("*HubSpot full: FAILED*\nGET /token: 401. Renew the credential")
    assert "*To do:* Renew the credential (the source's block, or the environment)" in told["text"]
    assert f"/runs/flow-run/{run_id}|Open the run>" in told["text"]


@pytest.mark.prefect
def test_a_failure_that_goes_on_is_told_once(
    books: Warehouse, hook: Received, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.notify import notify

    monkeypatch.setenv("NOTIFY_WEBHOOK_URL", hook.url)
    first, second, other = failed_run(said="a"), failed_run(said="a"), failed_run(said="b")

    for run_id in (first, second, other):
        notify(str(run_id))

    assert len(hook.messages) == 2


@pytest.mark.prefect
def test_a_run_that_no_book_knows_is_told_by_its_name_and_state(books: Warehouse) -> None:
    from prefect import get_client

    from flows.notify import message_of, repeats

    with get_client(sync_client=True) as client:
        run = client.read_flow_run(failed_run("hubspot incremental", "the API was away"))

    told = message_of(run)

    assert (told.title, told.reason) == ("hubspot incremental: FAILED", "the API was away")
    assert not repeats(run, timedelta(0))
