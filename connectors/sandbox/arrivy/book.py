"""The account's book: records by stream, and how they change."""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.sandbox.arrivy import records
from connectors.sandbox.arrivy.records import Record, utc
from connectors.sandbox.ledger import Ledger
from connectors.sandbox.vendors import World

STREAMS = (
    *("tasks", "task_statuses", "task_ratings", "entities", "groups", "customers", "bookings"),
    *("statuses", "crews", "crew_members", "resources", "templates", "location_readings"),
)
BACK, AHEAD = timedelta(days=25), timedelta(days=90)  # where steps happen: re-read by a client
QUARTER = timedelta(minutes=15)


class Book(Ledger):
    """All records. `tasks` holds a task as its list shows it; history and ratings lie beside."""

    def __init__(self, world: World) -> None:
        super().__init__(*STREAMS)
        self._world = world
        self._dice = world.random("arrivy", "book")
        self.made: Counter[str] = Counter()
        self.history: dict[str, list[Record]] = {}  # of each task, newest first
        self.ratings: dict[str, list[Record]] = {}
        self._fill_small()
        self._fill_tasks()

    def new_task(
        self, start: datetime | None, *, unscheduled: bool = False, created: datetime | None = None
    ) -> str:
        """A task at `start`; its key."""
        created = created or self._world.clock.stamp()
        made = records.task(self._next("tasks"), start, created, self._dice)
        made["unscheduled"] = unscheduled
        key = str(made["id"])
        self.history[key], self.ratings[key] = [], []
        self["tasks"].put(key, made)
        self.report(key, "NOTSTARTED", created)
        return key

    def change(self, stream: str, key: str, **values: Any) -> None:
        """Edit a record. Raises `KeyError`."""
        record = self[stream].get(key)
        if record is None:
            raise KeyError(key)
        self[stream].put(key, {**record, **values})

    def touch(self, key: str, at: datetime | None = None, **values: Any) -> None:
        """Edit a task, which moves its `updated` to `at`, by default to about now."""
        clock = self._world.clock
        updated = min(at, clock.now()) if at else clock.stamp()
        self.change("tasks", key, updated=utc(updated, fine=True), **values)

    def reschedule(self, key: str, start: datetime | None, *, unscheduled: bool = False) -> None:
        """Move a task to another time, or off the schedule."""
        self.touch(key, **records.times(start, 120, 1), unscheduled=unscheduled)

    def report(self, key: str, kind: str, at: datetime, *, stale: bool = False) -> None:
        """A status comes in; `stale`: the task in the list does not show it."""
        made = records.event(self._next("events"), kind, at)
        self.history[key].insert(0, made)
        self["task_statuses"].put(f"{key}:{made['id']}", made)
        if not stale:
            self.touch(key, at, status=kind, status_title=kind.title())

    def rate(self, key: str, at: datetime) -> None:
        """A customer rates a task."""
        made = records.rating(self._next("ratings"), at)
        self.ratings[key].append(made)
        self["task_ratings"].put(f"{key}:{made['id']}", made)
        self.touch(key, at, rating=made["rating"])

    def delete_task(self, key: str) -> None:
        """Delete a task for good, with what hangs on it."""
        self["tasks"].delete(key)
        for made in self.history.pop(key):
            self["task_statuses"].delete(f"{key}:{made['id']}")
        for made in self.ratings.pop(key):
            self["task_ratings"].delete(f"{key}:{made['id']}")

    def detailed(self, task: Mapping[str, Any]) -> Record:
        """A task with its history and ratings, as the express list shows it."""
        key = str(task["id"])
        return {**task, "statuses": self.history[key], "ratings": self.ratings[key]}

    def new_customer(self) -> None:
        """A customer."""
        number = self._next("customers")
        made = records.placed("customers", number, self._world.clock.stamp())
        made |= {"first_name": f"Ana {number}", "last_name": None, "notes": "vip ⭐"}
        self["customers"].put(str(made["id"]), made)

    def new_reading(self, entity: Mapping[str, Any], at: datetime) -> None:
        """A phone tells where it is; the crew member shows the last one."""
        number = (entity["id"] - records.identifier("entities", 0)) // 7919
        made = records.reading(number, at)
        self["location_readings"].put(f"{entity['id']}:{made['time']}", made)
        self.change("entities", str(entity["id"]), lastreading=made)

    def near(self) -> list[str]:
        """Keys of scheduled tasks that a client reads again in each run."""
        now = self._world.clock.now()
        low, high = utc(now - BACK), utc(now + AHEAD)
        return [
            str(task["id"])
            for task in self["tasks"].live()
            if not task["unscheduled"] and low < (task["start_datetime"] or "") < high
        ]

    def loose(self) -> list[str]:
        """Keys of tasks that are not on the schedule."""
        return [
            str(task["id"])
            for task in self["tasks"].live()
            if task["unscheduled"] or task["start_datetime"] is None
        ]

    def put_crew(self, crew: Record) -> None:
        """A crew, with its members as rows of their own."""
        key = str(crew["id"])
        before = self["crews"].get(key) or {"entities_data": []}
        kept = {str(one["id"]) for one in crew["entities_data"]}
        self["crews"].put(key, crew)
        for one in crew["entities_data"]:
            self["crew_members"].put(f"{key}:{one['id']}", one)
        for one in before["entities_data"]:
            if str(one["id"]) not in kept:
                self["crew_members"].delete(f"{key}:{one['id']}")

    def _next(self, kind: str) -> int:
        self.made[kind] += 1
        return self.made[kind] - 1

    def _fill_small(self) -> None:
        world, dice = self._world, self._dice
        for number in range(world.count(18, 9)):
            at = world.before_start(dice)
            made = records.entity(number, at, world.start - QUARTER)
            self["entities"].put(str(made["id"]), made)
            for back in range(3):
                self.new_reading(made, world.start - timedelta(hours=back))
        for number in range(4):
            made = records.placed("groups", number, world.before_start(dice))
            made |= {"name": f"Region {number}", "description": None, "emergency": ""}
            self["groups"].put(str(made["id"]), made)
        for _ in range(world.count(80, 16)):
            self.new_customer()
        for number, kind in enumerate(records.STATUSES):
            made = records.named(
                "statuses", number, world.start, title=kind.title(), type=kind, order=number
            )
            made |= {"color": "#123456" if number % 2 else "123456", "is_active": True}
            self["statuses"].put(str(made["id"]), made)
        members = [records.member(one) for one in self["entities"].live()]
        for number in range(3):
            crew = records.named("crews", number, world.start)
            self.put_crew({**crew, "entities_data": members[number * 3 : number * 3 + 4]})
        for kind, count in (("resources", 4), ("templates", 3), ("bookings", 3)):
            for number in range(count):
                made = records.named(kind, number, world.before_start(dice), type=f"{kind} type")
                made["extra_fields"] = records.loosely({"size": number}, number)
                self[kind].put(str(made["id"]), made)

    def _fill_tasks(self) -> None:
        world, dice = self._world, self._dice
        for number in range(world.count(400, 60)):
            created = world.before_start(dice)
            at = created + timedelta(days=dice.randrange(1, 30))
            if number % 4 == 0:  # what a client reads again each run
                at = world.start + timedelta(minutes=dice.randrange(-36_000, 90_000))
            start = datetime.fromtimestamp(at.timestamp() // 900 * 900, UTC)
            if number % 20 == 7:  # noqa: PLR2004 - exactly where windows meet
                start = start.replace(hour=0, minute=0)
            undated, unscheduled = number % 25 == 3, number % 17 == 5  # noqa: PLR2004 - a few
            key = self.new_task(
                None if undated else start, unscheduled=unscheduled, created=created
            )
            if undated or unscheduled or start > world.start:
                continue
            for later, kind in enumerate(dice.choice((("COMPLETE",), ("ENROUTE", "CANCELLED")))):
                self.report(key, kind, start + later * QUARTER)
            if number % 3 == 0:
                self.rate(key, start + timedelta(days=1))
