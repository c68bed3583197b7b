"""What can go wrong, sorted by who must act and how far it reaches.

SyncError
├── StreamError           this stream fails, its siblings go on, the run is PARTIAL
│   ├── TransientError    wait and try again; raised once retries are used up
│   ├── AccessError       the account may not read this (a missing scope)
│   └── ContractError     the vendor answered in a shape we do not know
└── RunError              nothing more can be done in this run
    ├── ConfigError       a setting is missing or contradicts another: fix it
    │   └── CredentialsError  the vendor refused who we are: renew the credential
    ├── RateLimited       the vendor's budget is used up until a known time
    ├── WarehouseError    the destination refused or cannot be reached
    ├── FencedOff         another run owns this source now: this one must stop
    ├── MemoryExceeded    the process passed its hard memory limit
    └── Stopped           a person or the system asked the run to end

Messages say what happened, where, and what to do next. They never hold a secret
or a value of a record.
"""

from __future__ import annotations

from datetime import datetime


class SyncError(Exception):
    """Base of every error this package raises on purpose."""


class StreamError(SyncError):
    """One stream cannot go on; the others can."""


class TransientError(StreamError):
    """The same request may succeed later. `retry_after` is in seconds, None if unsaid."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class AccessError(StreamError):
    """The account may not read this stream (a missing scope or licence)."""


class ContractError(StreamError):
    """The vendor's answer does not have the documented shape."""


class RunError(SyncError):
    """Nothing more can be done in this run."""


class ConfigError(RunError):
    """A setting or parameter is missing, malformed or contradicts another."""


class CredentialsError(ConfigError):
    """The vendor refused who we are. Never retried: some lock the account."""


class RateLimited(RunError):
    """The vendor's budget is used up; `resume_at` (UTC) tells when it may go on."""

    def __init__(self, message: str, *, resume_at: datetime) -> None:
        super().__init__(message)
        self.resume_at = resume_at


class WarehouseError(RunError):
    """The destination refused a statement or cannot be reached."""


class FencedOff(RunError):
    """Another run owns this source now; nothing of this batch was committed."""


class MemoryExceeded(RunError):
    """The process passed its hard memory limit; the run is resumable."""


class Stopped(RunError):
    """A person or the system asked the run to end; the run is resumable."""
