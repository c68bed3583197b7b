"""Asking Five9: zeep writes the question from our WSDL, our own client carries it.

Imported when a connection is opened, because zeep takes a second to import.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import timedelta
from importlib import import_module, resources
from typing import Any

from connectors.answers import Answer
from connectors.context import Context
from connectors.errors import ConfigError, CredentialsError, RateLimited, SyncError, TransientError
from connectors.http import ApiClient
from connectors.model import Record
from connectors.sources.five9 import quotas
from connectors.sources.five9.envelopes import local, parse, value
from connectors.sources.five9.faults import QuotaError
from connectors.sources.five9.refusals import Refusals
from connectors.sources.five9.settings import Settings
from connectors.throttle import Throttle

log = logging.getLogger(__name__)

NAMESPACE = "http://service.admin.ws.five9.com/"
BINDING = f"{{{NAMESPACE}}}WsAdminServiceSoapBinding"
ACCEPTED = frozenset({200})
COUNTERS = ("callCounterStates",)
MAX_QUOTA_WAITS = 3  # a class may be refused again while another program uses the same user
LONGEST_WAIT = timedelta(seconds=90)  # a minute's window is waited for, an hour's ends the run


class Five9Api:
    """The operations of one user, one after the other: Five9 refuses parallel ones."""

    def __init__(
        self, client: ApiClient, settings: Settings, context: Context, throttle: Throttle
    ) -> None:
        self._wire = _Wire(client, f"/wsadmin/{settings.api_version}/AdminWebService")
        self._service = _service(self._wire)
        self._context = context
        self._throttle = throttle
        self._refusals = Refusals(settings)
        self._refused: CredentialsError | None = None
        self._day = quotas.day_offset(settings, context.clock())

    def log_in(self) -> None:
        """Make the first call: it proves the credentials and tells what is left of the quotas.

        Raises `CredentialsError`, without a call when they were refused before.
        """
        self._refusals.check()
        states = self.records("getCallCountersState", lists=COUNTERS)
        self._refusals.clear()
        quotas.learn(self._throttle, states, self._day)

    def log_out(self) -> None:
        """Free the user for the administrator's interface; a failure costs nothing."""
        try:
            self.call("closeSession")
        except SyncError as error:
            log.info("the session was not closed: %s", error)

    def records(self, operation: str, lists: Sequence[str] = (), **question: Any) -> list[Record]:
        """Return each `return` of an answer as a record; `lists` names children that repeat."""
        return _returned(self.call(operation, **question), lists)

    def text(self, operation: str, **question: Any) -> str:
        """Return the text of an answer's `return`, "" when there is none."""
        return self.call(operation, **question).findtext("return") or ""

    def call(self, operation: str, **question: Any) -> Any:
        """Ask, and return the element inside the answer's SOAP body.

        Raises `FaultError` for faults that stay, `RateLimited` when a quota is used up for
        longer than a minute, `CredentialsError` once and from then on without asking.
        """
        if self._refused is not None:
            raise self._refused
        for _ in range(MAX_QUOTA_WAITS):
            try:
                return self._ask(operation, question)
            except QuotaError as spent:
                self._wait_for_quota(operation, spent)
        raise TransientError(
            f"{operation}: over quota in {MAX_QUOTA_WAITS} minutes in a row. Another program uses "
            f"this user; give this sync a user of its own"
        )

    def _ask(self, operation: str, question: Mapping[str, Any]) -> Any:
        self._wire.cost_class = quotas.COST.get(operation, quotas.QUERY)
        try:
            return parse(getattr(self._service, operation)(**question))
        except CredentialsError as refused:
            self._refused = refused
            self._refusals.note()
            raise

    def _wait_for_quota(self, operation: str, spent: QuotaError) -> None:
        """Let the throttle wait for the next minute. Raises `RateLimited` if that is not enough."""
        cost_class = quotas.COST.get(operation, quotas.QUERY)
        states = self._ask_counters(spent)
        quotas.learn(self._throttle, states, self._day)
        now = self._context.clock()
        resume_at = quotas.resumes(states, cost_class, now, self._day)
        if resume_at - now > LONGEST_WAIT:
            raise RateLimited(
                f"{operation}: Five9's quota for {cost_class} operations is used up until "
                f"{resume_at:%Y-%m-%d %H:%M} UTC. Run again then",
                resume_at=resume_at,
            ) from spent
        self._throttle.pause((resume_at - now).total_seconds(), cost_class)

    def _ask_counters(self, spent: QuotaError) -> list[Record]:
        try:
            answer = self._ask("getCallCountersState", {})
        except QuotaError as again:  # it is free of charge; without it, we know only the minute
            raise TransientError(f"{again}: and the counters could not be read") from spent
        return _returned(answer, COUNTERS)


class _Wire:
    """What zeep takes for its transport."""

    def __init__(self, client: ApiClient, path: str) -> None:
        self.path = path
        self.cost_class = quotas.QUERY
        self._client = client

    def load(self, url: str) -> bytes:
        """Refuse: our WSDL imports nothing, so there is nothing to fetch."""
        raise ConfigError(f"five9: the WSDL of this package asks for {url}")

    def post_xml(self, address: str, envelope: Any, headers: Mapping[str, str]) -> Answer:
        """Send one envelope."""
        return self._client.post(
            address,
            content=import_module("lxml.etree").tostring(
                envelope, xml_declaration=True, encoding="utf-8"
            ),
            headers={**headers, "Accept": "text/xml"},
            cost_class=self.cost_class,
            accept=ACCEPTED,
            shape=None,
        )


def _service(wire: _Wire) -> Any:
    zeep: Any = import_module("zeep")  # ships no types
    options = zeep.Settings(
        raw_response=True, forbid_dtd=True, forbid_entities=True, forbid_external=True
    )
    with resources.files("connectors.sources.five9").joinpath("admin.wsdl").open("rb") as wsdl:
        client = zeep.Client(wsdl, transport=wire, settings=options)
    return client.create_service(BINDING, wire.path)


def _returned(answer: Any, lists: Sequence[str]) -> list[Record]:
    """Return each `return` as a record; an empty one (nothing found) is none."""
    found: list[Record] = []
    for child in answer:
        if local(child) == "return" and len(child):
            record: Record = {name: [] for name in lists}
            record.update(value(child, lists))
            found.append(record)
    return found
