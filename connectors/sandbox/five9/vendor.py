"""The pretend Five9: who may ask, what is asked, what changes."""

import base64
import re
from collections.abc import Callable
from typing import Any, cast

from connectors.sandbox.five9 import catalog
from connectors.sandbox.five9.changes import Changes, fill_reports
from connectors.sandbox.five9.contacts import CAP, Contacts
from connectors.sandbox.five9.quotas import Quotas
from connectors.sandbox.five9.reports import Reports
from connectors.sandbox.five9.soap import (
    XML,
    Call,
    Fault,
    answer,
    element,
    fault,
    packed,
    read_call,
)
from connectors.sandbox.five9.truth import Truth, record_id
from connectors.sandbox.five9.wsdl import wsdl
from connectors.sandbox.messages import Request, Response, html_answer
from connectors.sandbox.vendors import World

USERNAME, PASSWORD = "sync@sandbox.example", "sandbox-five9-password"
ENDPOINT = re.compile(r"/wsadmin/(?:v[\w]+/)?AdminWebService")
CONTACTS = 2_400
REFUSALS_BORNE = 3  # then the account is locked


class Five9:
    """A domain with contacts, calls and people."""

    name = "five9"

    def __init__(self, world: World) -> None:
        self._world = world
        self.contacts = Contacts(world, world.count(CONTACTS, 50))
        self.ledger = Truth(self.contacts, self.field_names)
        self.quotas = Quotas()
        self.reports = Reports(self.ledger)
        self.refused = 0  # log-ins refused, in a row
        self.password = PASSWORD
        self.busy = False
        self.blank = "matches"
        self.record_ids = True
        self.time_patterns = True
        self.packs = True  # tests that edit an answer's text need it plain
        self._dice = world.random("five9", "order")
        catalog.fill(self.ledger, world)
        fill_reports(self.ledger, self.contacts, world)
        self._changes = Changes(self.ledger, self.contacts, world)

    def environment(self, base_url: str) -> dict[str, str]:
        """Where it is, and who may ask."""
        return {
            "FIVE9_BASE_URL": base_url,
            "FIVE9_USERNAME": USERNAME,
            "FIVE9_PASSWORD": PASSWORD,
        }

    def adjust(self, settings: dict[str, Any]) -> None:
        """Take over switches.

        `blank`: what an empty criterion finds: `matches` (contacts without a value), `ignored`,
        `never`. `record_ids`: whether `contactIdField` is honoured. `time_patterns`: whether `%`
        works on DATE_TIME fields. `polls`: how long reports run. `busy`: the user is logged in
        elsewhere. `password`: the one that is right from now on. `quotas`: enforce them, by
        class and minute, such as `{"Query": 100}`; `{}` is what Five9 documents.
        """
        for name, value in settings.items():
            if name == "quotas":
                self.quotas.enforce(**value)
            elif name == "polls":
                self.reports.polls = int(value)
            elif name in {"blank", "record_ids", "time_patterns", "busy", "password"}:
                setattr(self, name, value)
            else:
                raise ValueError(f"five9 has no switch {name}")

    def endpoint(self, request: Request) -> str:
        """The operation that is asked for."""
        if request.method == "GET":
            return "wsdl"
        try:
            return read_call(request.body).operation
        except Fault:
            return "unreadable"

    def handle(self, request: Request) -> Response:
        """Answer a question, or say why not."""
        if not ENDPOINT.fullmatch(request.path):
            return html_answer(404, "Not Found")
        try:
            if request.method == "GET":
                return self._wsdl(request)
            if (refusal := self._refusal(request)) is not None:
                return refusal
            call = read_call(request.body)
            self._admit(call)
            body = answer(call.operation, self._returned(call))
            return packed(request, body) if self.packs else Response(body=body, content_type=XML)
        except Fault as found:
            return fault(found)

    def step(self) -> None:
        """Calls are made, contacts change, sessions end, the configuration moves."""
        self._changes.step()

    def field_names(self) -> list[str]:
        """Contact fields in the order of their definition."""
        return self.ledger["contact_fields"].live_keys()

    def _wsdl(self, request: Request) -> Response:
        if not request.query.get("user"):
            raise Fault("InvalidAccount", 'No user name ("user" parameter) provided', status=403)
        address = f"{request.base_url}{request.path}"
        return Response(body=wsdl(address).encode(), content_type=XML)

    def _refusal(self, request: Request) -> Response | None:
        """HTML from its application server, or a fault with 200 once the account is locked."""
        given = request.headers.get("authorization", "").removeprefix("Basic ")
        right = base64.b64encode(f"{USERNAME}:{self.password}".encode()).decode()
        if self.refused >= REFUSALS_BORNE:
            raise Fault("", "Account is locked: contact your administrator", status=200)
        if given != right:
            self.refused += 1
            return html_answer(401, "JBWEB000065: HTTP Status 401", {"WWW-Authenticate": "Basic"})
        self.refused = 0
        return None

    def _admit(self, call: Call) -> None:
        if self.busy:
            raise Fault("UserAlreadyLoggedIn", "User is already logged in")
        self.quotas.take(call.operation, self._world.clock.now())

    def _returned(self, call: Call) -> str:
        operation = call.operation
        special: dict[str, Callable[[], str]] = {
            "closeSession": str,
            "getCallCountersState": self._counters,
            "getContactRecords": lambda: self._contact_records(call),
            "getReportResultCsv": lambda: element("return", self.reports.csv(call)),
            "isReportRunning": lambda: element("return", self.reports.is_running(call)),
            "runReport": lambda: element("return", self.reports.run(call)),
        }
        if operation in special:
            return special[operation]()
        rows = catalog.listed(
            self.ledger, operation, call.text("campaignName"), call.text("campaignType")
        )
        if rows is None:
            raise Fault("Server", f"unknown operation {operation}")
        return element("return", [dict(row) for row in rows])

    def _counters(self) -> str:
        return element("return", self.quotas.state(self._world.clock.now()))

    def _contact_records(self, call: Call) -> str:
        lookup = call.arguments.get("lookupCriteria")
        if not isinstance(lookup, dict) or "criteria" not in lookup:
            raise Fault("MissedArgument", "lookupCriteria")
        lookup = cast("dict[str, Any]", lookup)
        several: Any = lookup["criteria"]
        given = cast("list[Any]", several if isinstance(several, list) else [several])
        criteria = [(each.get("field", ""), each.get("value", "")) for each in given]
        names = self.field_names()
        for name, pattern in criteria:
            if name not in names:
                raise Fault("CrmFieldNotFound", "Field not found", fieldName=name)
            if not self.time_patterns and name in {"Created", "Last Modified"} and "%" in pattern:
                return "<return/>"
        found = self.contacts.matching(criteria, self.blank)
        if not found:
            return "<return/>"
        shown = self._dice.sample(found, min(len(found), CAP))
        custom = names[10:]
        if self._dice.random() < 0.2:  # noqa: PLR2004 - seldom enough to be forgotten by clients
            self._dice.shuffle(custom)
        table = self._table(shown, names[:10] + custom, lookup.get("contactIdField"))
        return f"<return>{table}</return>"

    def _table(self, shown: list[int], names: list[str], id_field: str | None) -> str:
        ids = id_field if id_field and self.record_ids else None
        head = "".join(element("fields", name) for name in [*names, *([ids] if ids else [])])
        rows: list[str] = [head]
        for number in shown:
            contact = self.contacts.get(number)
            values = [contact.get(name, "") for name in names]
            values += [record_id(number)] if ids else []
            data = "".join(element("data", value) for value in values)
            rows.append(f"<records><values>{data}</values></records>")
        return "".join(rows)
