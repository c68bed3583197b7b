"""How runs behave: the settings that belong to no source and to no table."""

from __future__ import annotations

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings

CHUNK_RECORDS = 50_000
"""Records of one pair of tasks. Prefect's server digests about 25 task runs a second and
core, so a million rows make forty task runs, not thousands; small streams are one chunk."""


class FlowSettings(BaseSettings):
    """Slots, beat and memory of a run. Read with `connectors.settings.load`."""

    sync_max_concurrent: int = Field(
        default=2, ge=1, le=100, description="Runs at the same time, all processes together"
    )
    heartbeat_seconds: float = Field(
        default=30, gt=0, le=3600, description="Seconds between beats of a run"
    )
    stale_after_seconds: float = Field(
        default=300, gt=0, description="Age of the last beat at which a run is taken for dead"
    )
    run_retention_days: int = Field(
        default=30, ge=1, description="Days that the history of runs is kept"
    )
    memory_soft_mb: int | None = Field(
        default=None, ge=1, description="Resident MiB above which a run takes smaller steps"
    )
    memory_hard_mb: int | None = Field(
        default=None, ge=1, description="Resident MiB above which a run ends, resumable"
    )


class NotifySettings(BaseSettings):
    """Whom to tell of a run that ended ill. Nothing set: it is only written into a log."""

    notify_webhook_url: SecretStr | None = Field(
        default=None, description="Slack-compatible webhook that is told of runs that ended ill"
    )
    notify_email_to: str | None = Field(
        default=None, description="Addresses told by e-mail, comma separated"
    )
    notify_email_from: str | None = Field(
        default=None, description="Sender of these e-mails; the first receiver when unset"
    )
    notify_smtp_url: SecretStr | None = Field(
        default=None,
        description="Mail server: smtp://user:password@host:587 (STARTTLS) or smtps://...:465",
    )
    notify_quiet_minutes: float = Field(
        default=45, ge=0, description="Minutes in which the same failure is told only once"
    )
