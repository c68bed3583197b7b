"""Tell people of a run that ended ill: by webhook, by e-mail, at least in a log.

An automation of the Prefect server starts it (`deployments.automations`) with the id of the
run. The message has four things: what ended how, why, what to do, where to look. It is made of
our own words alone; values of records and secrets stand in none of them.
"""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit
from uuid import UUID

import httpx
from prefect import flow, get_client, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterEndTime,
)
from prefect.client.schemas.objects import FlowRun, State
from prefect.states import raise_state_exception
from pydantic import SecretStr

from connectors import secrets, settings
from connectors.errors import ConfigError, SyncError
from connectors.registry import SOURCES
from connectors.warehouse import history
from flows import credentials, tracking
from flows.reports import advice, run_url
from flows.settings import NotifySettings

LONGEST_REASON = 500  # characters; the page behind the link has the rest
TIMEOUT = 20.0  # seconds for one webhook or mail server
TRIES = 3  # beyond the first
PAUSES = [10.0, 60.0, 300.0]  # seconds between them: a restart, a deploy, a short outage
SMTP_PORTS = {"smtp": 587, "smtps": 465}
OUR_FLOWS = {"backfill", "sync-source", "replay-rejects"}
"""Flows whose state messages are our own words; of others an exception may quote anything."""


class NotTold(SyncError):
    """A webhook or mail server did not take the message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What people are told. `url` is None where no UI is known."""

    title: str
    reason: str
    step: str
    url: str | None

    def text(self) -> str:
        """All of it as plain text."""
        lines = [self.title, self.reason, f"What to do: {self.step}", self.url]
        return "\n".join(line for line in lines if line)

    def slack(self) -> dict[str, str]:
        """The body that a Slack-compatible webhook takes."""
        lines = [f"*{_slack(self.title)}*", _slack(self.reason), f"*To do:* {_slack(self.step)}"]
        if self.url:
            lines.append(f"<{self.url}|Open the run>")
        return {"text": "\n".join(line for line in lines if line)}


@flow(name="notify", flow_run_name="tell of {flow_run_id}", persist_result=False)
def notify(flow_run_id: str) -> str:
    """Tell people how a run ended, unless they know already.

    Args:
        flow_run_id: Id of the run that ended ill.
    """
    credentials.scrub_logs()
    log, chosen = get_run_logger(), settings.load(NotifySettings)
    with get_client(sync_client=True) as client:
        run = client.read_flow_run(UUID(flow_run_id))
    if repeats(run, timedelta(minutes=chosen.notify_quiet_minutes)):
        return "The same failure as before: people know."
    message = message_of(run)
    log.warning("%s", message.text())
    told: list[str] = []
    sent: list[State] = []
    if chosen.notify_webhook_url:
        sent.append(post(message, chosen, return_state=True))
        told.append("the webhook")
    if chosen.notify_email_to:
        sent.append(mail(message, chosen, server_of(chosen), return_state=True))
        told.append("e-mail")
    for state in sent:  # one that fails keeps no other from being told
        raise_state_exception(state)
    return f"told by {' and '.join(told)}" if told else "only logged: set NOTIFY_WEBHOOK_URL"


def message_of(run: FlowRun) -> Message:
    """Make the message from the run's row in our books, where it has one."""
    row = _row(str(run.id))
    state = run.state
    ended = str(state.name).upper() if state else "ENDED"
    if row is None:
        said = state.message if state and _flow_name(run) in OUR_FLOWS else None
        return Message(
            title=f"{run.name}: {ended}",
            reason=_short(said or "Its own log has the reason."),
            step="Open the run and read its log.",
            url=run_url(str(run.id)),
        )
    source = SOURCES.get(row["source"])
    name = source.title if source else row["source"]
    status = row["status"] if row["finished_at"] else ended
    return Message(
        title=f"{name} {row['mode']}: {status}",
        reason=_short(row["error_message"] or row["status_reason"] or "No reason is known."),
        step=advice(row["status"], row["error_type"]) or "Start it again; it goes on from here.",
        url=run_url(str(run.id)),
    )


def repeats(run: FlowRun, quiet: timedelta) -> bool:
    """Tell whether the same deployment failed with the same words within `quiet` before this run.

    A failure that goes on is told once, until it changes or pauses for that long.
    """
    if run.deployment_id is None or run.end_time is None or run.state is None:
        return False
    with get_client(sync_client=True) as client:
        before = client.read_flow_runs(
            flow_run_filter=FlowRunFilter(
                deployment_id=FlowRunFilterDeploymentId(any_=[run.deployment_id]),
                end_time=FlowRunFilterEndTime(
                    after_=run.end_time - quiet, before_=run.end_time, is_null_=False
                ),
            ),
            limit=200,
        )
    said = (run.state.name, run.state.message)
    return any(
        other.id != run.id and other.state and (other.state.name, other.state.message) == said
        for other in before
    )


@task(
    task_run_name="webhook",
    retries=TRIES,
    retry_delay_seconds=PAUSES,
    cache_policy=NO_CACHE,
    persist_result=False,
)
def post(message: Message, chosen: NotifySettings) -> None:
    """Send the message to the webhook. Raises `NotTold`, without the address: it is a secret."""
    assert chosen.notify_webhook_url is not None
    url = chosen.notify_webhook_url.get_secret_value()
    secrets.register(url)
    secrets.register(urlsplit(url).path)
    try:
        answer = httpx.post(url, json=message.slack(), timeout=TIMEOUT)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise NotTold(f"the webhook cannot be reached: {type(error).__name__}") from None
    if not answer.is_success:
        raise NotTold(f"the webhook answered {answer.status_code}: check NOTIFY_WEBHOOK_URL")


@task(
    task_run_name="e-mail",
    retries=TRIES,
    retry_delay_seconds=PAUSES,
    cache_policy=NO_CACHE,
    persist_result=False,
)
def mail(message: Message, chosen: NotifySettings, server: MailServer) -> None:
    """Send the message by e-mail. Raises `NotTold`."""
    receivers = chosen.notify_email_to or ""
    letter = EmailMessage()
    letter["Subject"] = f"[crm-sync] {message.title}"
    letter["To"] = receivers
    letter["From"] = chosen.notify_email_from or receivers.split(",")[0].strip()
    letter.set_content(message.text())
    try:
        with server.signed_in() as connection:
            connection.send_message(letter)
    except (smtplib.SMTPException, OSError) as error:
        raise NotTold(f"the mail server did not take it: {type(error).__name__}") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """Where e-mail is handed in. `tls`: from the first byte, else by STARTTLS."""

    host: str
    port: int
    tls: bool
    user: str | None
    password: SecretStr

    @contextmanager
    def signed_in(self) -> Generator[smtplib.SMTP]:
        """Connect and sign in. A password never travels in clear."""
        context = ssl.create_default_context()
        server = (
            smtplib.SMTP_SSL(self.host, self.port, timeout=TIMEOUT, context=context)
            if self.tls
            else smtplib.SMTP(self.host, self.port, timeout=TIMEOUT)
        )
        with server:
            if self.user:
                if not self.tls:
                    server.starttls(context=context)
                server.login(self.user, self.password.get_secret_value())
            yield server


def server_of(chosen: NotifySettings) -> MailServer:
    """Read NOTIFY_SMTP_URL. Raises `ConfigError` when it is missing or no such URL."""
    if chosen.notify_smtp_url is None:
        raise ConfigError("NOTIFY_EMAIL_TO needs NOTIFY_SMTP_URL, smtp://user:password@host:587")
    where = urlsplit(chosen.notify_smtp_url.get_secret_value())
    if where.scheme not in SMTP_PORTS or not where.hostname:
        raise ConfigError("NOTIFY_SMTP_URL is not a URL like smtp://user:password@host:587")
    return MailServer(
        host=where.hostname,
        port=where.port or SMTP_PORTS[where.scheme],
        tls=where.scheme == "smtps",
        user=unquote(where.username) if where.username else None,
        password=SecretStr(unquote(where.password or "")),
    )


def _row(run_id: str) -> history.Row | None:
    try:
        with closing(tracking.connect()) as warehouse:
            return history.run(warehouse, run_id)
    except SyncError:  # it may be what the run failed for
        return None


def _flow_name(run: FlowRun) -> str:
    with get_client(sync_client=True) as client:
        return client.read_flow(run.flow_id).name


def _short(text: str) -> str:
    text = " ".join(secrets.scrub(text).split())
    return text if len(text) <= LONGEST_REASON else text[: LONGEST_REASON - 1] + "…"


def _slack(text: str) -> str:
    """Escape what Slack reads as markup: its three characters."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
