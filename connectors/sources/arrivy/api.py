"""Asking for numbered pages of a list."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, TypeAlias

import msgspec

from connectors.http import ApiClient
from connectors.model import Record
from connectors.shifting import Part

PAGE = 500  # the documented default of tasks; more was never seen to be honoured
USUAL_PAGE = 200  # `Request.page_size` when nobody asked for smaller pages
NOT_FOUND = 404


class Wrapped(msgspec.Struct):
    """The list inside an object: what the old system also expected, never seen in the docs.

    Its totals and page links are not read: nobody knows whether they would be true.
    """

    results: list[Record]


Listed: TypeAlias = list[Record] | Wrapped


class Api:
    """An account's lists. Arrivy never says how many records there are."""

    def __init__(self, client: ApiClient) -> None:
        self._client = client

    def page(
        self,
        path: str,
        page: int,
        size: int,
        params: Mapping[str, Any] | None = None,
        *,
        key: str = "id",
        accept: Collection[int] = (200,),
    ) -> Part[Record] | None:
        """Return page `page` of `size` records below `path`; None for an accepted 404."""
        answer = self._client.get(
            path,
            {**(params or {}), "page": page, "items_per_page": size},
            accept=accept,
            shape=Listed,
        )
        if answer.status == NOT_FOUND:
            return None
        listed: Listed = answer.decode_as(Listed)
        records = listed.results if isinstance(listed, Wrapped) else listed
        return Part(
            rows=records,
            ids=[record.get(key) for record in records],
            more=len(records) >= size,
        )

    def sure_page(
        self,
        path: str,
        page: int,
        size: int,
        params: Mapping[str, Any] | None = None,
        *,
        key: str = "id",
    ) -> Part[Record]:
        """Return a page as `page` does, but ask twice before a list is taken for empty."""
        part = self.page(path, page, size, params, key=key)
        if page == 1 and part is not None and not part.rows:
            part = self.page(path, page, size, params, key=key)
        assert part is not None
        return part

    def has_task(self, task_id: Any) -> bool:
        """Whether a task is still there."""
        answer = self._client.get(f"/tasks/{task_id}", accept=(200, NOT_FOUND))
        return answer.status != NOT_FOUND


def page_size(wished: int) -> int:
    """Return how many records to ask for, when a person wished for `wished`."""
    return PAGE if wished >= USUAL_PAGE else wished
