"""HubSpot: types too wide for a list are read by their ids."""

from __future__ import annotations

from connectors.sandbox.hubspot.recipes import custom
from tests.sources.hubspot.portal import Portal


def wide(portal: Portal, kind: str) -> None:
    """Give a type names that no URL holds, so that its records are batch-read."""
    for at in range(120):
        portal.vendor.define(
            kind, custom(f"a_property_with_a_name_of_fifty_five_characters_{at:07d}", "x")
        )


def test_ids_that_went_between_list_and_batch_read_are_no_error(portal: Portal) -> None:
    wide(portal, "deals")
    gone = portal.vendor.ids("deals")[:3]

    def change() -> None:
        portal.vendor.archive("deals", gone[0])
        portal.vendor.purge("deals", gone[1])
        portal.vendor.merge("deals", portal.vendor.ids("deals")[50], gone[2])

    portal.sandbox.fault(path="batch/read$", call=change)

    found = portal.read("deals")

    assert found.incomplete == []
    assert set(found.by_id) == set(portal.vendor.ids("deals"))
    assert {(gone[0],), (gone[2],)} <= found.deleted


def test_ids_that_fail_in_a_batch_read_are_named_and_the_others_kept(portal: Portal) -> None:
    """Case 60 of the fault list, for records."""
    wide(portal, "deals")
    bad = portal.vendor.ids("deals")[7]
    portal.vendor.adjust({"failing_ids": [bad]})

    found = portal.read("deals")

    assert set(portal.vendor.ids("deals")) - set(found.by_id) == {bad}
    [sentence] = found.incomplete
    assert bad in sentence


def test_ids_that_fail_once_are_asked_for_again(portal: Portal) -> None:
    wide(portal, "deals")
    portal.vendor.adjust({"failing_ids": portal.vendor.ids("deals")[7:9]})
    portal.sandbox.fault(
        path="batch/read$", nth=2, call=lambda: portal.vendor.adjust({"failing_ids": []})
    )

    found = portal.read("deals")

    assert found.incomplete == []
    assert found.by_id == portal.records("deals")
