"""Routing, access and quotas of the pretend Google."""

import json
from typing import Any

from connectors.sandbox.gsheet.accounts import READS_DRIVE, READS_SHEETS, Accounts
from connectors.sandbox.gsheet.books import LEADS, SPENDS, Books
from connectors.sandbox.gsheet.errors import Refused, drive_refused, quota_exceeded, refused
from connectors.sandbox.gsheet.files import File, area, shown
from connectors.sandbox.gsheet.masks import masked
from connectors.sandbox.messages import Request, Response, json_answer
from connectors.sandbox.vendors import World

API_KEY = "sandbox-gsheet-key-00000000"
RENDER = {"FORMATTED_VALUE", "UNFORMATTED_VALUE", "FORMULA"}
DEFAULT_RENDER = "FORMATTED_VALUE"
SHOWN_BY_DRIVE = {"kind", "id", "name", "mimeType"}  # without a mask


class GSheet:
    """Sheets, Drive and the token endpoint. Attributes without underscore may be set by tests.

    `reads_a_minute` per user and `project_reads_a_minute`; None switches one off. `api_off`: the
    API is not enabled in the project; `drive_off`: nor is Drive's.
    """

    name = "gsheet"

    def __init__(self, world: World) -> None:
        self._world = world
        self.books = Books(world)
        self.ledger = self.books
        self.accounts = Accounts(world.clock.now)
        self.reads_a_minute: int | None = None
        self.project_reads_a_minute: int | None = None
        self.api_off = False
        self.drive_off = False
        self._minutes: dict[object, int] = {}
        self._steps = 0
        for stream in self.books.streams():
            list(self.books.entries(stream))  # the first versions

    @property
    def files(self) -> dict[str, File]:
        """Spreadsheets by id."""
        return self.books.files

    def environment(self, base_url: str) -> dict[str, str]:
        """Base URL, a service account's key, and the two tabs of the company."""
        leads = [{"id": f"leads-{year}", "constants": {"year": year}} for year in self.books.years]
        tabs = [
            {"preset": "marketing_leads", "tab": LEADS, "spreadsheets": leads},
            {"preset": "marketing_spends", "tab": SPENDS, "spreadsheets": ["spends"]},
        ]
        return {
            "GSHEET_BASE_URL": base_url,
            "GSHEET_CREDENTIALS": self.accounts.key_file(f"{base_url}/token"),
            "GSHEET_SPREADSHEETS": json.dumps(tabs),
        }

    def endpoint(self, request: Request) -> str:
        """`token`, `drive`, `metadata` or `values`."""
        if request.path == "/token":
            return "token"
        if request.path.startswith("/drive/"):
            return "drive"
        return "values" if "/values" in request.path else "metadata"

    def handle(self, request: Request) -> Response:
        """Answer a request."""
        try:
            if request.path == "/token":
                return self.accounts.token(request)
            if request.path.startswith("/drive/"):
                return self._drive(request)
            return self._sheets(request)
        except Refused as error:
            return error.response

    def step(self) -> None:
        """Let time pass: rows are added, one edited, the last one of last year's leads removed."""
        self._steps += 1
        books, dice = self.books, self._world.random("gsheet", "step", self._steps)
        leads, spends = books.leads(), books.spends()
        leads.rows += [books.lead() for _ in range(3)]
        edited = dice.choice([row for row in leads.rows[1:] if row])
        edited[12] = f"edited {self._steps}"
        spends.rows.append(books.spend())
        books.leads(books.years[0]).rows.pop()
        for file in self.files.values():
            file.touch()
            file.modified = self._world.clock.stamp().isoformat(timespec="milliseconds")

    def adjust(self, settings: dict[str, Any]) -> None:
        """Switches by name. Raises `ValueError` for an unknown one."""
        for name, value in settings.items():
            if name in {"reads_a_minute", "project_reads_a_minute", "api_off", "drive_off"}:
                setattr(self, name, value)
            elif name == "refuses":
                self.accounts.refuses = bool(value)
            else:
                raise ValueError(f"unknown switch {name!r}")

    def _sheets(self, request: Request) -> Response:
        by_key = self._known(request, READS_SHEETS)
        self._count()
        parts = request.path.strip("/").split("/", 3)
        if request.method != "GET" or parts[:2] != ["v4", "spreadsheets"]:
            raise refused(404, "Requested entity was not found.")
        if self.api_off:
            raise refused(403, "Google Sheets API has not been used.", reason="SERVICE_DISABLED")
        file = self._file(parts[2], by_key=by_key)
        if len(parts) == 3:  # noqa: PLR2004 - v4, spreadsheets, id
            answer = file.described()
            return json_answer(masked(answer, request.query.get("fields", "*")))
        if parts[3] == "values:batchGet":
            ranges = request.queries.get("ranges", [])
            values = [self._values(file, text, request) for text in ranges]
            return json_answer({"spreadsheetId": file.id, "valueRanges": values})
        if parts[3].startswith("values/"):
            return json_answer(self._values(file, parts[3].removeprefix("values/"), request))
        raise refused(404, "Requested entity was not found.")

    def _values(self, file: File, text: str, request: Request) -> dict[str, Any]:
        option = request.query.get("valueRenderOption", DEFAULT_RENDER)
        major = request.query.get("majorDimension", "ROWS")
        if option not in RENDER or major not in {"ROWS", "COLUMNS"}:
            raise refused(400, "Request contains an invalid argument.")
        block = area(file, text)
        as_text = request.query.get("dateTimeRenderOption") == "FORMATTED_STRING"
        rows = shown(block, option, dates_as_text=as_text)
        if major == "COLUMNS":
            width = max(map(len, rows), default=0)
            rows = [[row[at] if at < len(row) else "" for row in rows] for at in range(width)]
        answer = {"range": block.a1, "majorDimension": major}
        return {**answer, "values": rows} if rows else answer

    def _drive(self, request: Request) -> Response:
        by_key = self._known(request, READS_DRIVE)
        if self.drive_off:
            raise drive_refused(403, "Drive API has not been used.", "accessNotConfigured")
        name = request.path.rpartition("/")[2]
        file = self.files.get(name)
        if file is None or not file.shared or (by_key and not file.public):
            raise drive_refused(404, f"File not found: {name}.", "notFound")
        described = {
            "kind": "drive#file",
            "id": file.id,
            "name": file.title,
            "mimeType": file.mime_type,
            "version": str(file.version),
            "modifiedTime": file.modified,
            "trashed": file.trashed,
        }
        return json_answer(masked(described, request.query.get("fields", ",".join(SHOWN_BY_DRIVE))))

    def _known(self, request: Request, scopes: set[str]) -> bool:
        """Whether an API key was shown. Raises `Refused` for nobody or too small a scope."""
        key = request.headers.get("x-goog-api-key") or request.query.get("key")
        if key is not None:
            if key != API_KEY:
                raise refused(400, "API key not valid.", reason="API_KEY_INVALID")
            return True
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        granted = self.accounts.scopes(token)
        if granted is None:
            raise refused(401, "Request had invalid authentication credentials.")
        if not granted & scopes:
            reason = "ACCESS_TOKEN_SCOPE_INSUFFICIENT"
            said = "Request had insufficient authentication scopes."
            raise refused(403, said, reason=reason)
        return False

    def _file(self, name: str, *, by_key: bool) -> File:
        file = self.files.get(name)
        if file is None:
            raise refused(404, "Requested entity was not found.")
        if not file.shared or (by_key and not file.public):
            raise refused(403, "The caller does not have permission")
        if file.mime_type != "application/vnd.google-apps.spreadsheet":
            said = "This operation is not supported for this document"
            raise refused(400, said, status="FAILED_PRECONDITION")
        return file

    def _count(self) -> None:
        """Count a read in its clock minute; refused ones count too."""
        minute = self._world.clock.now().replace(second=0, microsecond=0)
        used = self._minutes[minute] = self._minutes.get(minute, 0) + 1
        if self.reads_a_minute is not None and used > self.reads_a_minute:
            raise quota_exceeded(
                limit="Read requests per minute per user",
                name="ReadRequestsPerMinutePerUser",
                size=self.reads_a_minute,
            )
        if self.project_reads_a_minute is not None and used > self.project_reads_a_minute:
            raise quota_exceeded(
                limit="Read requests per minute",
                name="ReadRequestsPerMinutePerProject",
                size=self.project_reads_a_minute,
            )
