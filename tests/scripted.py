"""A vendor in this process that shows exactly the pages it is told to, and fails where told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from connectors.errors import SyncError
from connectors.model import Page, Request, Stream
from tests.acme import Acme


@dataclass
class Scripted(Acme):
    """Pages by stream. An error among them is raised once, then it is gone.

    Every page is a place to go on from, unless there are no `places`.
    """

    offers: tuple[Stream, ...] = ()
    script: dict[str, list[Page | SyncError]] = field(
        default_factory=dict[str, list[Page | SyncError]]
    )

    places: bool = True

    def streams(self) -> Sequence[Stream]:
        return self.offers

    def read(self, request: Request) -> Iterator[Page]:
        self.requests.append(request)
        pages = self.script[request.stream.name]
        at = int((request.position or {}).get("page", 0))
        while at < len(pages):
            page = pages[at]
            if isinstance(page, SyncError):
                del pages[at]
                raise page
            at += 1
            self.pages_served += 1
            yield replace(page, position={"page": at}) if self.places else page
