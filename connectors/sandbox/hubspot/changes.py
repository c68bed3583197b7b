"""What happens in the portal while time passes."""

from collections.abc import Mapping
from dataclasses import replace
from random import Random

from connectors.sandbox.clock import epoch_ms, iso
from connectors.sandbox.hubspot.directory import ContactLists
from connectors.sandbox.hubspot.links import Links
from connectors.sandbox.hubspot.objects import Objects
from connectors.sandbox.hubspot.recipes import Property
from connectors.sandbox.hubspot.rows import Row
from connectors.sandbox.ledger import Records
from connectors.sandbox.vendors import World

NEW, CHANGED, ARCHIVED = 0.01, 0.02, 0.005  # shares of a kind's records in one step
STEADY = frozenset({"users", "divisions", "genius_users", "zip_codes"})  # change only now and then
DRIFTING = "lead_status_code"  # a number that one day holds "1;2"


class Changes:
    """Single changes, and steps made of them."""

    def __init__(
        self,
        world: World,
        objects: Mapping[str, Objects],
        links: Mapping[tuple[str, str], Links],
        owners: Records,
        lists: ContactLists,
    ) -> None:
        self._world = world
        self._objects = objects
        self._links = links
        self._owners = owners
        self._lists = lists
        self._steps = 0

    def merge_into_new(self, objects: Objects, first: Row, second: Row, at: int) -> Row:
        """Merge two records into one with a new id, as HubSpot does for most kinds since 2025."""
        new = objects.add(objects.values(first, objects.profile(first)), at)
        for loser in (first, second):
            new = self.merge(objects, objects.row(new.index), loser, at)
        return new

    def merge(self, objects: Objects, survivor: Row, loser: Row, at: int) -> Row:
        """Merge one record into another: the loser vanishes, its links move."""
        merged = objects.value(survivor, "hs_merged_object_ids") or ""
        changes = {"hs_merged_object_ids": f"{merged};{loser.id}".lstrip(";")}
        if objects.kind.name == "contacts":
            vids = objects.value(survivor, "hs_calculated_merged_vids") or ""
            changes["hs_calculated_merged_vids"] = f"{vids};{loser.id}:{at}".lstrip(";")
        self._move_links(objects.kind.name, loser, survivor)
        objects.purge(loser, merged_into=survivor.id)
        return objects.change(survivor, changes, at)

    def step(self) -> None:
        """Let time pass once.

        Every step adds, changes and archives records of every kind, merges two contacts, moves
        links and list members, and has an owner leave or come back. Every second one restores an
        archived record, every third one deletes a contact for good. Properties are added in the
        first step, change type in the second and go in the third.
        """
        self._steps += 1
        dice = self._world.random("hubspot", "step", self._steps)
        for objects in self._objects.values():
            if objects.kind.name not in STEADY or self._steps % 2 == 0:
                self._pass(objects, dice)
        self._merge_contacts(dice)
        self._relink(dice)
        self._turn_over(dice)
        self._drift()

    def _at(self) -> int:
        return epoch_ms(self._world.clock.stamp())

    def _some_live(self, objects: Objects, dice: Random, share: float) -> list[Row]:
        wanted = max(1, round(len(objects) * share))
        rows = (objects.row(index) for index in dice.sample(range(len(objects)), wanted))
        return [row for row in rows if row.live]

    def _pass(self, objects: Objects, dice: Random) -> None:
        if self._steps % 2 == 0 and (archived := objects.archived()):
            objects.restore(archived[0], self._at())
        for row in self._some_live(objects, dice, CHANGED):
            names = dice.sample([*objects.profile(row)], 2)
            donor = objects.profile(objects.row(dice.randrange(len(objects))))
            objects.change(row, {name: donor[name] for name in names}, self._at())
        for row in self._some_live(objects, dice, ARCHIVED):
            objects.archive(row, self._at())
        for _ in range(max(1, round(len(objects) * NEW))):
            objects.add({}, self._at())
        if objects.kind.name == "contacts" and self._steps % 3 == 0:
            for row in self._some_live(objects, dice, 0):
                objects.purge(row)

    def _merge_contacts(self, dice: Random) -> None:
        contacts = self._objects["contacts"]
        live = self._some_live(contacts, dice, 12 / len(contacts))
        if len(live) > 1:
            self.merge(contacts, live[0], live[1], self._at())

    def _relink(self, dice: Random) -> None:
        """In every pair one link goes, one comes, and the newest record is linked.

        No record's modification time moves.
        """
        for links in self._links.values():
            source, target = links.source, links.target
            for row in self._some_live(source, dice, 0.02)[:1]:
                for far, _ in list(links.targets(row, forward=True))[:1]:
                    links.put(row, far, ())
            newest = source.row(len(source) - 1)
            near = [newest, *self._some_live(source, dice, 0.02)[:1]]
            far = self._some_live(target, dice, 0.05)[:1]
            for row in near if far else []:
                links.put(row, far[0])

    def _turn_over(self, dice: Random) -> None:
        keys = self._owners.live_keys()
        key = keys[self._steps % len(keys)]
        record = dict(self._owners.get(key) or {})
        stamp = iso(self._world.clock.stamp())
        if self._steps % 2:
            record |= {"archived": True, "userId": None, "teams": [], "updatedAt": stamp}
            self._owners.put(key, record)
            self._owners.delete(key)
        else:
            self._owners.put(
                key, record | {"lastName": f"Married-{self._steps}", "updatedAt": stamp}
            )
        contacts = self._objects["contacts"]
        member = next(self._lists.members("12"), None)
        if member is not None:
            self._lists.leave("12", member[0])
        for row in self._some_live(contacts, dice, 0.01)[:1]:
            self._lists.join("12", row, self._at())

    def _drift(self) -> None:
        contacts = self._objects["contacts"]
        match self._steps:
            case 1:
                added = Property(name="roof_material", type="string", defined=False)
                contacts.define(added)
                self._write_first(contacts, {"roof_material": "slate"})
            case 2:
                was = contacts.properties[DRIFTING]
                contacts.define(replace(was, type="string", field="text"))
                self._write_first(contacts, {DRIFTING: "1;2"})
            case 3:
                contacts.undefine("fax")
            case _:
                return

    def _write_first(self, objects: Objects, changes: dict[str, str | None]) -> None:
        first = next(objects.live(), None)
        if first is not None:
            objects.change(first, changes, self._at())

    def _move_links(self, kind: str, loser: Row, survivor: Row) -> None:
        for (near, far), links in self._links.items():
            if near == kind:
                for target, types in list(links.targets(loser, forward=True)):
                    links.put(loser, target, ())
                    links.put(survivor, target, types)
            elif far == kind:
                for source, types in list(links.targets(loser, forward=False)):
                    links.put(source, loser, ())
                    links.put(source, survivor, types)
