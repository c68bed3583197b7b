"""What the Prefect server does by itself: tell of runs that ended ill, bury the dead.

Known by name: what is there already is brought up to date and never doubled. Whether one is
paused stays as a person left it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

from prefect.automations import AutomationCore, EventTrigger, Posture
from prefect.client.orchestration import SyncPrefectClient
from prefect.exceptions import ObjectNotFound

NOTIFY = "notify/notify"
WATCHED_TAGS = ("crm", "maintenance")
"""Runs of deployments with one of these tags; `notify` itself has none of them, or its own
failure would start it again."""
ILL_ENDS = ("Failed", "Partial", "Crashed", "TimedOut")
"""Names of the states that people are told of; an event is named for the state's name."""
SHORTEST_SILENCE = timedelta(seconds=90)  # three of Prefect's own beats, every 30 s by prefect.yaml
RUNS: dict[str, str | list[str]] = {"prefect.resource.id": "prefect.flow-run.*"}
WATCHED: dict[str, str | list[str]] = {
    "prefect.resource.role": "tag",
    "prefect.resource.id": [f"prefect.tag.{tag}" for tag in WATCHED_TAGS],
}
MINE = {"name", "description", "tags", "trigger", "actions"}


def told_of(notify: UUID) -> AutomationCore:
    """A run that ended ill starts the deployment `notify`, with the run's id."""
    run_id = {"__prefect_kind": "jinja", "template": "{{ flow_run.id }}"}
    return AutomationCore.model_validate(
        {
            "name": "crm-sync: tell of runs that ended ill",
            "description": "Runs `notify` for a sync, backfill or maintenance run that failed, "
            "ended partial, timed out or crashed. Whom it tells: NOTIFY_* of the workers.",
            "trigger": EventTrigger(
                expect={f"prefect.flow-run.{name}" for name in ILL_ENDS},
                match=RUNS,
                match_related=WATCHED,
                posture=Posture.Reactive,
                threshold=1,
                within=timedelta(0),
            ),
            "actions": [
                {
                    "type": "run-deployment",
                    "source": "selected",
                    "deployment_id": notify,
                    "parameters": {"flow_run_id": run_id},
                }
            ],
        }
    )


def dead(stale_after: timedelta) -> AutomationCore:
    """A run whose beats stop, and that says nothing else either, is Crashed.

    Prefect itself lets such a run run for ever. Our sweeper closes the rows of syncs; this
    covers the flows without a row, and the server's view while no sweeper runs.
    """
    silence = max(stale_after, SHORTEST_SILENCE)
    return AutomationCore.model_validate(
        {
            "name": "crm-sync: runs without a beat are crashed",
            "description": "Marks a run as Crashed whose process has given no sign of life for "
            f"{silence.total_seconds():.0f} seconds (STALE_AFTER_SECONDS).",
            "trigger": EventTrigger(
                after={"prefect.flow-run.heartbeat"},
                expect={"prefect.flow-run.*"},  # a beat, or its end under whatever name
                match=RUNS,
                match_related=WATCHED,
                for_each={"prefect.resource.id"},
                posture=Posture.Proactive,
                threshold=1,
                within=silence,
            ),
            "actions": [
                {
                    "type": "change-flow-run-state",
                    "state": "CRASHED",
                    "message": "No sign of life: its process or machine is gone.",
                }
            ],
        }
    )


def ensure(client: SyncPrefectClient, stale_after: timedelta) -> Iterator[str]:
    """Make every automation as it is meant to be; yield a line each. Twice changes nothing."""
    yield _ensure(client, dead(stale_after))
    try:
        notify = client.read_deployment_by_name(NOTIFY)
    except ObjectNotFound:
        yield f"automation {told_of(UUID(int=0)).name}: not yet, there is no deployment {NOTIFY}"
        return
    yield _ensure(client, told_of(notify.id))


def _ensure(client: SyncPrefectClient, meant: AutomationCore) -> str:
    found = client.read_automations_by_name(meant.name)
    for double in found[1:]:
        client.delete_automation(double.id)
    if not found:
        _ = client.create_automation(meant)
        return f"automation {meant.name}: created"
    if _content(found[0]) == _content(meant):
        return f"automation {meant.name}: there already"
    kept = meant.model_copy(update={"enabled": found[0].enabled})
    client.update_automation(found[0].id, kept)
    return f"automation {meant.name}: brought up to date"


def _content(automation: AutomationCore) -> dict[str, Any]:
    return automation.model_dump(include=MINE)
