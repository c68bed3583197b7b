"""Status history and ratings: inside the express list of tasks, or by a request per task."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from connectors.errors import ContractError
from connectors.model import Record, Request
from connectors.shifting import Part, listed
from connectors.sources.arrivy.api import Api
from connectors.sources.arrivy.schedule import last_read, slot
from connectors.sources.arrivy.streams import SLOT, TASK_RATINGS, TASK_STATUSES
from connectors.sources.arrivy.times import repair, repaired

CALL_PAGE = 100  # the documented default of the history
CALLS_PER_PAGE = 50  # tasks asked about before their details are handed on
MARGIN = timedelta(hours=1)  # between our clock and the one that writes `updated`
INLINE = {
    TASK_STATUSES.name: ("statuses", "status_history", "task_statuses"),
    TASK_RATINGS.name: ("ratings", "task_ratings", "rating"),
}
"""Members that may hold them; the docs only say that the list shows them."""
CALLS = {TASK_STATUSES.name: "status", TASK_RATINGS.name: "rating"}
SIGNS = {TASK_STATUSES.name: "status", TASK_RATINGS.name: "rating"}
"""Members of a task that say that there is one at least."""
NOTHING_YET = frozenset({"", "0", "None", "NOTSTARTED"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Details of some tasks. `whole`: ids of tasks of which these are all.

    `seen_all` says that every task was looked at, so that what is missing is gone.
    """

    records: Sequence[Record]
    whole: Sequence[str] = ()
    seen_all: bool = True


class Details:
    """Finds the details of one stream in pages of tasks."""

    def __init__(self, api: Api, request: Request) -> None:
        self._api = api
        self._name = request.stream.name
        self._inline = False  # the list shows details of any kind
        self._changed_since = last_read(request) - MARGIN if request.cursor else None

    def of(self, tasks: Sequence[Record]) -> Iterator[Found]:
        """Yield what there is of `tasks`: as the list shows it, and by requests for the rest.

        A task of which the list shows none is asked about when the list shows no details of
        any task, or when the task itself says that it has some.
        """
        self._inline = self._inline or any(
            isinstance(task.get(name), list)
            for task in tasks
            for kind in INLINE.values()
            for name in kind
        )
        shown: list[Record] = []
        unclear: list[Record] = []
        for task in tasks:
            details = self._shown(task)
            if details is not None:
                shown += [_owned(task, one) for one in details]
            elif not self._inline or str(task.get(SIGNS[self._name])) not in NOTHING_YET:
                unclear.append(task)
        asked = [task for task in unclear if "id" in task and self._may_have_changed(task)]
        yield Found(records=shown, seen_all=len(asked) == len(unclear))
        for start in range(0, len(asked), CALLS_PER_PAGE):
            some = asked[start : start + CALLS_PER_PAGE]
            yield Found(
                records=[_owned(task, one) for task in some for one in self._called(task)],
                whole=[str(task["id"]) for task in some],
            )

    def _shown(self, task: Record) -> list[Record] | None:
        for name in INLINE[self._name]:
            value = task.get(name)
            if isinstance(value, list):
                details = cast("list[Any]", value)
                if not all(isinstance(one, Mapping) for one in details):
                    raise ContractError(
                        f"arrivy.{self._name}: {name} of a task holds something else than"
                        " objects. Read it by single requests: ARRIVY_DETAILS=calls"
                    )
                return details
        return None

    def _called(self, task: Record) -> Iterator[Record]:
        path = f"/tasks/{task['id']}/{CALLS[self._name]}"

        def fetch(page: int) -> Part[Record]:
            part = self._api.page(path, page, CALL_PAGE, accept=(200, 404))
            if part is not None:
                return part
            if self._api.has_task(task["id"]):
                raise ContractError(
                    f"arrivy.{self._name}: Arrivy does not know {CALLS[self._name]!r} of a task"
                    " that is there. Check the base URL"
                )
            return Part(rows=(), ids=(), more=False)  # it was deleted meanwhile

        for part, _ in listed(f"arrivy.{self._name}", fetch, size=CALL_PAGE):
            yield from part.rows

    def _may_have_changed(self, task: Record) -> bool:
        """Whether to ask about a task; one that does not say when it was edited is asked about."""
        if self._changed_since is None:
            return True
        try:
            updated = datetime.fromisoformat(str(repaired(task.get("updated"))))
        except ValueError:
            return True
        updated = updated if updated.tzinfo else updated.replace(tzinfo=UTC)
        return updated >= self._changed_since


def _owned(task: Record, detail: Record) -> Record:
    owned = detail | {"task_id": task.get("id"), SLOT: slot(task)}
    repair(owned, ("time",))
    return owned
