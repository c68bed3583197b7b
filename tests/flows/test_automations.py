"""What the server does by itself, on a real server with a real worker: telling and burying."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import pytest

from tests import servers
from tests.flows.prefect_stack import ROOT, Case, Stack, eventually, prefect_stack
from tests.flows.receivers import Received, webhook

pytestmark = [
    pytest.mark.servers,
    pytest.mark.slow,
    pytest.mark.timeout(400),
    pytest.mark.xdist_group("automations"),
]

POOL = "crm-sync"
SILENCE = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Watched:
    """A stack whose automations are in force, and where their messages arrive."""

    stack: Stack
    told: Received
    case: Case
    deployment: UUID

    def messages(self, about: str) -> list[str]:
        return [told["text"] for told in self.told.messages if about in told["text"]]


@pytest.fixture(scope="module")
def watched(
    server_session: servers.Session, tmp_path_factory: pytest.TempPathFactory
) -> Generator[Watched]:
    from prefect import get_client
    from prefect.client.schemas.actions import DeploymentUpdate

    from deployments import automations
    from deployments.bootstrap import bootstrap
    from flows.notify import notify

    folder = tmp_path_factory.mktemp("automations")
    with (
        pytest.MonkeyPatch.context() as patch,
        webhook() as told,
        prefect_stack(server_session) as stack,
        stack.servers.addressed(),
    ):
        patch.setenv("STALE_AFTER_SECONDS", str(SILENCE.total_seconds()))
        patch.setattr(automations, "SHORTEST_SILENCE", SILENCE)
        case = stack.case(folder, POOL, "access", waits=False)
        stack.start_pool(POOL)
        list(bootstrap())
        with get_client(sync_client=True) as client:
            tagged = client.read_deployment_by_name(f"sync-source/{POOL}")
            client.update_deployment(tagged.id, DeploymentUpdate(tags=["crm", "listed"]))
            client.create_deployment(  # as `prefect deploy` does
                client.create_flow(notify),
                "notify",
                tags=["notifications"],
                work_pool_name=POOL,
                entrypoint="flows.notify.notify",
                job_variables={
                    "env": {
                        "NOTIFY_WEBHOOK_URL": told.url,
                        "WAREHOUSE_URL": case.url,
                    }
                },
                pull_steps=[
                    {"prefect.deployments.steps.set_working_directory": {"directory": str(ROOT)}}
                ],
            )
        yield Watched(stack, told, case, tagged.id)


def test_a_partial_run_reaches_the_webhook(watched: Watched) -> None:
    from flows import limits

    limits.create_limit(2)
    case = watched.case

    run_id = watched.stack.start(case)
    (text, *_) = eventually(lambda: watched.messages("PARTIAL"), "the message")

    assert case.ended()["status"] == "PARTIAL"
    assert text.startswith("*listed full: PARTIAL*\n")
    assert "grant it the scope people.read" in text
    assert "*To do:* See the streams" in text
    assert f"/runs/flow-run/{run_id}|Open the run>" in text
    assert "pat-very-secret" not in text


def test_a_run_whose_beats_stop_is_crashed_and_told(watched: Watched) -> None:
    """Its process and its worker are gone: nobody but the server is left to say so."""
    from prefect import get_client
    from prefect.events import emit_event
    from prefect.states import Running

    with get_client(sync_client=True) as client:
        run = client.create_flow_run_from_deployment(watched.deployment, state=Running())
    emit_event(  # the last beat, as Prefect's engine sends it
        event="prefect.flow-run.heartbeat",
        resource={"prefect.resource.id": f"prefect.flow-run.{run.id}"},
        related=[{"prefect.resource.id": "prefect.tag.crm", "prefect.resource.role": "tag"}],
    )

    state = watched.stack.final_state(run.id)
    (text, *_) = eventually(lambda: watched.messages("CRASHED"), "the message")

    assert state == ("CRASHED", "Crashed")
    assert str(run.id) in text
