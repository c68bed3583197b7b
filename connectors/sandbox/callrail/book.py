"""The accounts' books: records by stream, who owns them, and the truth about them."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from connectors.sandbox.callrail import records
from connectors.sandbox.callrail.records import Record
from connectors.sandbox.ledger import Entry, Ledger
from connectors.sandbox.vendors import World

STREAMS = (
    *("accounts", "companies", "trackers", "tags", "users", "calls", "form_submissions"),
    *("text_conversations", "text_messages"),
)
TIMES = {
    "calls": "start_time",
    "form_submissions": "submitted_at",
    "text_conversations": "last_message_at",
}
ACCOUNT_ZONE = "America/New_York"
OLD = timedelta(days=400)  # calls before this have the shapes of an earlier release
RECENT = 28  # days before the start in which a quarter of all dated records lie


class Book(Ledger):
    """All records. `owner` tells the account of each, by stream and key."""

    def __init__(self, world: World) -> None:
        super().__init__(*STREAMS)
        self._world = world
        self.shown = 5  # messages that the list shows of a conversation
        self.owner: dict[tuple[str, str], str] = {}
        self.said: dict[str, list[Record]] = {}  # messages by conversation, oldest first
        self.made: Counter[str] = Counter()
        self._dice = world.random("callrail", "book")
        self._fill()

    def add(self, stream: str, account: str, record: Mapping[str, Any]) -> str:
        """Put a new record into an account; its key."""
        key = str(record["id"])
        self.owner[stream, key] = account
        self[stream].put(key, record)
        return key

    def change(self, stream: str, key: str, **values: Any) -> None:
        """Edit a record; no date moves unless it is among the values. Raises `KeyError`."""
        record = self[stream].get(key)
        if record is None:
            raise KeyError(key)
        self[stream].put(key, {**record, **values})

    def new_call(self, at: datetime, company: Mapping[str, Any] | None = None) -> str:
        """A call at `at`; its key."""
        of = company or self._dice.choice(self["companies"].live())
        tracker = self._dice.choice(self["trackers"].live())["id"]
        self.made["calls"] += 1
        old = at < self._world.start - OLD
        made = records.call(self.made["calls"], of, tracker, at, self._dice, old=old)
        return self.add("calls", self.owner["companies", of["id"]], made)

    def new_form(self, at: datetime) -> str:
        """A form submission at `at`; its key."""
        of = self._dice.choice(self["companies"].live())
        self.made["forms"] += 1
        made = records.form(self.made["forms"], of, at)
        return self.add("form_submissions", self.owner["companies", of["id"]], made)

    def new_conversation(self, at: datetime) -> str:
        """A conversation that begins at `at`; its key."""
        of = self._dice.choice(self["companies"].live())
        self.made["conversations"] += 1
        tracker = self._dice.choice(self["trackers"].live())["id"]
        made = records.conversation(self.made["conversations"], of, tracker)
        self.said[made["id"]] = []
        self.owner["text_conversations", made["id"]] = self.owner["companies", of["id"]]
        self.say(made["id"], at, made)
        return str(made["id"])

    def say(
        self,
        conversation: str,
        at: datetime,
        record: Mapping[str, Any] | None = None,
        *,
        twin: bool = False,
    ) -> None:
        """A new message, which moves the conversation's `last_message_at`.

        A `twin` says the same at the same time as the one before it.
        """
        record = record or self["text_conversations"].get(conversation) or {}
        self.made["messages"] += 1
        said = records.message(self.made["messages"], at, record["company_time_zone"])
        told = self.said[conversation]
        if twin:
            said = dict(told[-1])
        told.append(said)
        latest = list(reversed(told[-self.shown :]))
        self["text_conversations"].put(
            conversation,
            {**record, "last_message_at": said["created_at"], "recent_messages": latest},
        )
        twins = sum(one == said for one in told)
        self["text_messages"].put(records.message_key(conversation, said, twins), said)

    def streams(self) -> list[str]:
        """Names of the streams."""
        return [*super().streams(), "call_summaries"]

    def entries(self, stream: str) -> Iterator[Entry]:
        """See `Truth.entries`. Daily counts are made when asked for."""
        if stream != "call_summaries":
            return super().entries(stream)
        return self._daily_entries()

    def daily(self, account: str) -> dict[date, Record]:
        """Counts of an account's live calls by day in the account's zone."""
        days: defaultdict[date, list[Mapping[str, Any]]] = defaultdict(list)
        for call in self["calls"].live():
            if self.owner["calls", str(call["id"])] == account:
                at = datetime.fromisoformat(call["start_time"])
                days[at.astimezone(ZoneInfo(ACCOUNT_ZONE)).date()].append(call)
        return {day: summary(day, calls) for day, calls in days.items()}

    def _daily_entries(self) -> Iterator[Entry]:
        today = self._world.clock.now().astimezone(UTC).date()
        month = today.year * 12 + today.month - 1 - 25
        first = date(month // 12, month % 12 + 1, min(today.day, 28))
        for account in self["accounts"].live_keys():
            known = self.daily(account)
            for ordinal in range(first.toordinal(), today.toordinal() + 1):
                day = date.fromordinal(ordinal)
                record = known.get(day) or summary(day, [])
                yield Entry(id=f"{account}:{day}", version=1, deleted=False, record=record)

    def _fill(self) -> None:
        world, dice = self._world, self._dice
        long_ago = world.start - timedelta(days=900)
        for number, name in enumerate(("Roofs of the West", "Island Roofs"), start=1):
            made = records.account(number, name, long_ago)
            self.add("accounts", made["id"], made)
        west, island = self["accounts"].live_keys()
        for number, zone in enumerate(records.ZONES, start=1):
            made = records.company(number, zone, long_ago)
            self.add("companies", island if "Honolulu" in zone else west, made)
        companies = self["companies"].live()
        for number in range(1, world.count(16, 8) + 1):
            of = companies[number % len(companies)]
            owner = self.owner["companies", of["id"]]
            self.add("trackers", owner, records.tracker(number, of, world.before_start(dice)))
            self.add("users", owner, records.user(number, of, world.before_start(dice)))
        for number in range(1, world.count(24, 12) + 1):
            of = None if number % 3 == 0 else companies[number % len(companies)]
            owner = self.owner["companies", of["id"]] if of else west
            self.add("tags", owner, records.tag(number, of["id"] if of else None))
        for make, count in ((self.new_call, 600), (self.new_form, 120)):
            for moment in self._moments(world.count(count, 12)):
                make(moment)
        for moment in self._moments(world.count(60, 6)):
            key, at = self.new_conversation(moment), moment
            for _ in range(dice.randrange(12)):
                at = min(at + timedelta(minutes=dice.randrange(1, 90)), world.start)
                self.say(key, at, twin=self.made["messages"] % 7 == 0)

    def _moments(self, count: int) -> list[datetime]:
        """Instants before the start, ascending, a quarter of them recent."""
        world, dice = self._world, self._dice
        return sorted(
            world.before_start(dice, RECENT if number % 4 == 0 else 730) for number in range(count)
        )


def summary(day: date, calls: list[Mapping[str, Any]]) -> Record:
    """One point of a time series."""
    answered = sum(bool(call["answered"]) for call in calls)
    seconds = sum(int(call["duration"]) for call in calls)
    return {
        "key": day.isoformat(),
        "date": day.isoformat(),
        "total_calls": len(calls),
        "missed_calls": len(calls) - answered,
        "answered_calls": answered,
        "first_time_callers": sum(bool(call["first_call"]) for call in calls),
        "average_duration": seconds // len(calls) if calls else 0,
        "formatted_average_duration": "--",
        "leads": sum(call["lead_status"] == "good_lead" for call in calls),
    }
