"""A whole source that reads from a list: real `Source`, real `Reader`, no network.

What it does wrong, and where it waits for a test, is told by its settings.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings

from connectors.context import Context
from connectors.errors import AccessError, Stopped
from connectors.model import FieldType, Page, Request, Source, Stream

STREAMS = (
    Stream(name="people", fields={"name": FieldType.TEXT}),
    Stream(name="deals", fields={"amount": FieldType.NUMERIC}, after=("people",)),
)


class Settings(BaseSettings):
    """How many records there are, and what goes wrong."""

    listed_token: SecretStr = Field(description="Any text of six characters and more")
    listed_records: int = 25
    listed_wait: Path | None = None
    """Folder in which `reached` appears after a page of people; reading waits for `go`."""
    listed_fault: str = ""


class Listed:
    """An open connection to the list."""

    def __init__(self, settings: Settings, context: Context) -> None:
        self._settings = settings
        self._context = context

    def streams(self) -> tuple[Stream, ...]:
        return STREAMS

    def fields(self, stream: Stream) -> Mapping[str, FieldType]:
        return {}

    def read(self, request: Request) -> Iterator[Page]:
        total = self._settings.listed_records
        start = int((request.position or {}).get("after", 0))
        for first in range(start, total, request.page_size):
            self._context.meter.requests += 1
            last = min(first + request.page_size, total)
            records = [{"id": str(n), "name": f"n{n}", "amount": n} for n in range(first, last)]
            yield Page(records=records, position={"after": last}, total=total)
            if request.stream.name == "people":
                self._go_wrong()

    def _go_wrong(self) -> None:
        if self._settings.listed_fault == "access":
            raise AccessError("the token may not read people: grant it the scope people.read")
        if self._settings.listed_fault == "defect":
            raise KeyError("private value of a row")
        if self._settings.listed_fault == "exit":
            os._exit(7)
        if wait := self._settings.listed_wait:
            wait.joinpath("reached").touch()
            while not wait.joinpath("go").exists():
                if self._context.stopping.wait(0.05):
                    raise Stopped("asked to stop while it waited")


@contextmanager
def connect(settings: Settings, context: Context) -> Generator[Listed]:
    """Open the list."""
    yield Listed(settings, context)


SOURCE = Source(name="listed", title="Listed", settings=Settings, streams=STREAMS, connect=connect)
