"""The slots of the whole cluster: how many syncs may work at the same time.

A slot is a lease of Prefect's global concurrency limit `crm-sync`. It keeps machines
from being overrun; that a source is synced once at a time is the lock's promise, and
nothing of correctness rests on a lease.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from uuid import UUID

import httpx
from prefect import get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitUpdate
from prefect.client.schemas.objects import ConcurrencyLeaseHolder
from prefect.concurrency.sync import concurrency
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_API_URL
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    stop_after_delay,
    wait_random_exponential,
)

from connectors.errors import ConfigError, RunError

log = logging.getLogger(__name__)

LIMIT = "crm-sync"
LEASE_SECONDS = 120.0  # the server takes no less than 60; a killed holder's slot is free after this
WAIT_SECONDS = 6 * 3600.0
"""Longest wait for a slot. Long on purpose: a run that gives up early loses its schedule."""
LOOK_SECONDS = 15.0
"""Longest single wait inside Prefect: it goes on in a thread that a process joins at its end,
so this is also how long a run that is told to stop while it waits may take to be gone."""
AWAY_SECONDS = 30.0  # longest pause between two looks for a server that is away
_AWAY = wait_random_exponential(max=AWAY_SECONDS)
SETTLE_SECONDS = 2.0  # between taking a slot and the row saying so lie milliseconds


@contextmanager
def slot(run_id: str, *, size: int, wait_seconds: float = WAIT_SECONDS) -> Generator[None]:
    """Hold one slot of `crm-sync` while the block runs.

    Without a Prefect server of its own the run makes the limit first, with `size` slots;
    on a server a missing limit is a `ConfigError`. Raises `RunError` when no slot came
    free within `wait_seconds`. A lost renewal does not stop the run.
    """
    if not PREFECT_API_URL.value():
        create_limit(size)
    with ExitStack() as held:
        _wait(held, UUID(run_id), wait_seconds)
        try:
            yield
        finally:
            _give_back(held)


def _wait(held: ExitStack, run_id: UUID, seconds: float) -> None:
    """Take a slot into `held`; a server that is away for a while is waited for as well."""
    deadline = time.monotonic() + seconds
    attempts = Retrying(
        retry=retry_if_exception(lambda error: _all_taken(error) or _server_is_away(error)),
        stop=stop_after_delay(seconds),
        wait=_pause,
        reraise=True,
    )
    try:
        for attempt in attempts:
            with attempt:
                _ = held.enter_context(
                    concurrency(
                        LIMIT,
                        timeout_seconds=min(LOOK_SECONDS, max(0.0, deadline - time.monotonic())),
                        lease_duration=LEASE_SECONDS,
                        strict=True,
                        holder=ConcurrencyLeaseHolder(type="flow_run", id=run_id),
                        raise_on_lease_renewal_failure=False,
                    )
                )
    except TimeoutError:
        raise RunError(
            f"No slot of {LIMIT} came free within {seconds:.0f} s: see what runs with "
            "`python -m flows.status`, or raise SYNC_MAX_CONCURRENT and bootstrap again."
        ) from None
    except Exception as error:  # Prefect keeps the class of this one private
        if type(error).__name__ != "ConcurrencySlotAcquisitionError":
            raise
        raise _explained(error) from None


def _all_taken(error: BaseException) -> bool:
    return isinstance(error, TimeoutError)


def _pause(state: RetryCallState) -> float:
    """Seconds until the next look: none after a look that waited inside Prefect."""
    error = state.outcome and state.outcome.exception()
    return 0.0 if error and _all_taken(error) else _AWAY(state)


def _server_is_away(error: BaseException) -> bool:
    """Tell a server that restarts from one that refuses us."""
    cause = error.__cause__ or error
    if isinstance(cause, httpx.HTTPStatusError):
        return cause.response.is_server_error
    return isinstance(cause, httpx.TransportError)


def _give_back(held: ExitStack) -> None:
    """Free the slot. What the run did stands, whether the server hears of its end or not."""
    try:
        held.close()
    except httpx.HTTPError as error:
        log.warning(
            "the slot could not be given back (%s): it comes free when its lease ends, within %d s",
            type(error).__name__,
            LEASE_SECONDS,
        )


def create_limit(size: int) -> None:
    """Create the limit with `size` slots, or set its size; done twice changes nothing."""
    with get_client(sync_client=True) as client:
        client.upsert_global_concurrency_limit_by_name(LIMIT, size)


def _explained(error: Exception) -> RunError:
    with get_client(sync_client=True) as client:
        try:
            _ = client.read_global_concurrency_limit_by_name(LIMIT)
        except ObjectNotFound:
            return ConfigError(
                f"The Prefect server has no limit named {LIMIT}: run "
                "`python -m deployments.bootstrap` once."
            )
    return RunError(f"The Prefect server gave no slot of {LIMIT}: {error}")


def repair(may_hold: Callable[[], int]) -> int:
    """Give back slots that no run can hold; return how many.

    A server that lost its leases keeps their slots for ever. `may_hold` counts the runs
    that could hold one; it is asked after the slots in use, so that a run which takes its
    slot in between is counted.
    """
    with get_client(sync_client=True) as client:
        try:
            held = client.read_global_concurrency_limit_by_name(LIMIT).active_slots
        except ObjectNotFound:
            return 0
        time.sleep(SETTLE_SECONDS)
        possible = may_hold()
        if held <= possible:
            return 0
        client.update_global_concurrency_limit(
            LIMIT, GlobalConcurrencyLimitUpdate(active_slots=possible)
        )
        return held - possible
