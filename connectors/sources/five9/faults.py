"""What Five9's faults mean for us. They come with status 500, with 200, and with 403."""

from __future__ import annotations

import re

from connectors.answers import Answer
from connectors.errors import (
    AccessError,
    ContractError,
    CredentialsError,
    SyncError,
    TransientError,
)
from connectors.sources.five9.envelopes import SoapFault, fault, parse

BUSY_WAIT = 60.0  # seconds; somebody uses our user in the administrator's interface
PARALLEL = "the user works elsewhere too. Give this sync a user of its own"
DOWN = "Five9 failed. Run again later"
PASSING = {
    "ServiceUnavailableFault": DOWN,
    "ServerFault": DOWN,
    "ConcurrentModificationFault": "somebody changes what was asked for. Run again later",
    "SessionClosedFault": PARALLEL,
    "AdminSessionClosedFault": PARALLEL,
    "UserAlreadyLoggedInFault": PARALLEL,
}
REFUSING = re.compile(r"password|user ?name|account.{0,20}lock|lock.{0,20}account", re.IGNORECASE)
NAMED = ("fieldName", "folder", "reportName")  # members of a fault that hold no record's value
OK, UNAUTHORIZED = 200, 401


class FaultError(ContractError):
    """A fault that no repetition cures; `fault` tells which, for those who can do without."""

    def __init__(self, message: str, *, fault: str) -> None:
        super().__init__(message)
        self.fault = fault


class QuotaError(ContractError):
    """A class of operations is over its quota."""


def classify(answer: Answer) -> SyncError | None:
    """Return the error that an answer is, None for a result and where default rules fit."""
    try:
        found = fault(parse(answer))
    except ContractError as refused:  # a DTD: whatever the status says
        return refused
    except TransientError as unreadable:
        if answer.status == UNAUTHORIZED:  # a web page of its application server
            return refused_credentials(answer.where, "401")
        return unreadable if answer.status == OK else None
    if found is None:
        return None
    return meaning(answer, found)


def meaning(answer: Answer, found: SoapFault) -> SyncError:
    """Return the error that a fault is."""
    where = f"{answer.where}: {found.name or 'a fault without a name'}"
    if found.name == "OperationsLimitExceededFault":
        return QuotaError(where)
    unclear = found.name in {"", "ServerFault"} and REFUSING.search(found.text)
    if found.name == "InvalidAccountFault" or answer.status == UNAUTHORIZED or unclear:
        return refused_credentials(answer.where, found.name or "a fault without a name")
    if found.name == "AccessDisallowedFault":
        return AccessError(
            f"{where}. Give the user the permission for Administrator Services, and have Five9 "
            f"enable web services for the domain"
        )
    if found.name in PASSING:
        return TransientError(
            f"{where}: {PASSING[found.name]}",
            retry_after=BUSY_WAIT if found.name == "UserAlreadyLoggedInFault" else None,
        )
    named = ", ".join(found.members[name] for name in NAMED if name in found.members)
    return FaultError(
        f"{where}{f' ({named})' if named else ''}. Five9 refused the question; check names in "
        f"the settings and the API version",
        fault=found.name,
    )


def refused_credentials(where: str, why: str) -> CredentialsError:
    """Return the error of refused credentials: never tried again in this run."""
    return CredentialsError(
        f"{where}: Five9 refused the credentials ({why}); they are not tried again, since it locks "
        f"accounts. Correct FIVE9_USERNAME and FIVE9_PASSWORD, or have the account unlocked"
    )
