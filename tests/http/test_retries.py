"""The HTTP client: what it asks for again, how long it waits, and when it gives up."""

from __future__ import annotations

import threading
from datetime import timedelta
from email.utils import format_datetime

import pytest

from connectors.errors import RateLimited, Stopped, TransientError
from connectors.http import ApiClient
from connectors.throttle import Rate, open_throttles
from tests.http.misbehaving import NOW, Reply, Vendor, World


@pytest.mark.parametrize("status", [408, 423, 425, 429, 500, 502, 503, 504, 521, 524])
def test_a_failure_that_may_pass_is_tried_again(vendor: Vendor, world: World, status: int) -> None:
    """Case 39 of the fault list."""
    vendor.serve(Reply(status=status), Reply(status=status, body=b"<html>"), Reply())

    with world.client(vendor.url) as client:
        assert client.get("/x").json() == {"ok": True}

    assert world.context.meter.requests == 3
    assert world.context.meter.retries == 2
    assert 1 <= world.waits[0] <= 2 <= world.waits[1] <= 3


def test_attempts_are_bounded(vendor: Vendor, world: World) -> None:
    vendor.serve(Reply(status=503))

    with world.client(vendor.url) as client, pytest.raises(TransientError, match="503"):
        client.get("/x")

    assert len(vendor.asked) == 6
    assert world.context.meter.retries == 5


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7),
        ("2.5", 2.5),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90),
        ("0", 1),
        ("-3", 1),
        (format_datetime(NOW - timedelta(hours=1), usegmt=True), 1),
        ("soon", 1),
    ],
)
def test_retry_after_is_honoured_in_both_forms(
    vendor: Vendor, world: World, text: str, seconds: float
) -> None:
    """Cases 32, 33, 34 and 36 of the fault list: `0` and nonsense still back off."""
    vendor.serve(Reply(status=429, headers={"Retry-After": text}), Reply())

    with world.client(vendor.url) as client:
        client.get("/x")

    assert seconds <= world.waits[0] <= max(seconds, 2)
    assert world.context.meter.throttled_seconds >= seconds


def test_a_daily_quota_is_not_slept_for(vendor: Vendor, world: World) -> None:
    """Case 35 of the fault list; the next request of anybody is refused before it is sent."""
    vendor.serve(Reply(status=429, headers={"Retry-After": "86400"}))

    with world.client(vendor.url) as client, pytest.raises(RateLimited) as caught:
        client.get("/x")

    assert caught.value.resume_at == NOW + timedelta(days=1)
    assert "2026-03-05 12:00:00 UTC" in str(caught.value)
    assert world.waits == []


def test_a_429_pauses_everybody_of_its_class(vendor: Vendor, world: World) -> None:
    slept: list[float] = []

    def sleep(seconds: float) -> bool:
        slept.append(seconds)
        return True

    throttles = open_throttles(None, stopping=threading.Event(), sleep=sleep)
    throttle = throttles.open("acme", {"default": [Rate(limit=9, period=timedelta(seconds=1))]})
    vendor.serve(Reply(status=429, headers={"Retry-After": "30"}))

    with (
        ApiClient(
            vendor.url, context=world.context, throttle=throttle, sleep=lambda _s: False
        ) as c,
        pytest.raises(Stopped),
    ):
        c.get("/x")

    assert 29 < slept[0] <= 30


def test_a_rate_limit_that_does_not_end_is_said_with_its_time(vendor: Vendor, world: World) -> None:
    vendor.serve(Reply(status=429))

    with world.client(vendor.url) as client, pytest.raises(RateLimited) as caught:
        client.get("/x")

    assert caught.value.resume_at > NOW


def test_a_long_outage_notice_is_given_up_at_once(vendor: Vendor, world: World) -> None:
    vendor.serve(Reply(status=503, headers={"Retry-After": "7200"}))

    with world.client(vendor.url) as client, pytest.raises(TransientError) as caught:
        client.get("/x")

    assert caught.value.retry_after == 7200
    assert len(vendor.asked) == 1


def test_a_stop_ends_the_wait_between_attempts(vendor: Vendor, world: World) -> None:
    vendor.serve(Reply(write=lambda _line: world.context.stopping.set()))

    with world.client(vendor.url) as client:
        with pytest.raises(Stopped):
            client.get("/x")
        with pytest.raises(Stopped):
            client.get("/x")

    assert len(vendor.asked) == 1
