"""Five9: quotas are kept and waited for; settings that are wrong are named."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from connectors.errors import ConfigError, RateLimited
from connectors.model import Request
from tests.sources.five9.domain import Domain
from tests.sources.pretend import NOW


@pytest.fixture
def contacts() -> int:
    return 200


def test_a_full_minute_is_waited_for(pretend: Domain) -> None:
    """Another program used up the minute: our own count could not know."""
    pretend.vendor.quotas.enforce()
    with pretend.reader() as reader:
        stream = next(s for s in reader.streams() if s.name == "skills")
        pretend.vendor.quotas.fill("Query", 60, pretend.sandbox.clock.now())
        pages = list(reader.read(Request(stream=stream, mode="full", started_at=NOW)))

    assert len(pages[0].records) == 3
    assert pretend.sandbox.clock.now() >= NOW + timedelta(minutes=1)
    assert pretend.asked("getSkills") == 2


@pytest.mark.parametrize(
    ("seconds", "resume_at"),
    [
        (3600, datetime(2026, 6, 15, 19, tzinfo=UTC)),
        (86_400, datetime(2026, 6, 16, 7, tzinfo=UTC)),  # midnight, Pacific
    ],
)
@pytest.mark.parametrize("known", [True, False])
def test_a_quota_used_up_for_longer_ends_the_run_with_the_time_it_may_go_on(
    pretend: Domain, seconds: int, resume_at: datetime, known: bool
) -> None:
    """Case 35 of the fault list. `known`: the counters say so before the first query."""
    pretend.vendor.quotas.enforce()
    if known:
        pretend.vendor.quotas.fill("Query", seconds, NOW)
    else:
        pretend.fault(
            contains="getSkills",
            times=None,
            call=lambda: pretend.vendor.quotas.fill("Query", seconds, NOW),
        )

    error = pretend.read("skills").error

    assert isinstance(error, RateLimited)
    assert abs(error.resume_at - resume_at) < timedelta(seconds=2)
    assert pretend.asked("getSkills") == (0 if known else 1)


def test_reports_keep_to_their_own_quotas(pretend: Domain) -> None:
    pretend.vendor.quotas.enforce(ReportRequest=2, RetrieveReport=2)

    gathered = pretend.read("call_log", settings={"report_days": 180})

    assert pretend.complete(gathered, "call_log")
    assert pretend.asked("runReport") > 4
    assert pretend.vendor.quotas.peaks["ReportRequest", 60] == 2
    assert "500" not in pretend.sandbox.stats()["five9"]["statuses"]


def test_a_user_over_the_documented_quota_elsewhere_is_noticed_in_the_counters(
    pretend: Domain,
) -> None:
    pretend.vendor.quotas.enforce(Query=5)

    assert len(pretend.read("contacts").by("contact_key")) == 200
    assert pretend.vendor.quotas.peaks["Query", 60] <= 5
    assert "500" not in pretend.sandbox.stats()["five9"]["statuses"]


@pytest.mark.parametrize(
    ("setting", "value"),
    [("contact_zone", "Mars"), ("report_zone", "../etc"), ("contact_key", "a,,b")],
)
def test_a_wrong_setting_is_named(pretend: Domain, setting: str, value: str) -> None:
    with (
        pytest.raises(ConfigError, match=f"FIVE9_{setting.upper()}"),
        pretend.reader(**{setting: value}),
    ):
        pass


def test_a_key_field_that_contacts_do_not_have_is_named(pretend: Domain) -> None:
    error = pretend.read("contacts", settings={"contact_key": "nonsense"}).error

    assert "nonsense" in str(error)
