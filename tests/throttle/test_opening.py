"""The throttle: what is refused when it is opened or asked, and how a wait is ended."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from connectors.errors import ConfigError, Stopped
from connectors.throttle import Rate, open_throttles
from tests.throttle.test_rules import DAILY


def test_a_stop_ends_the_wait() -> None:
    stopping = threading.Event()
    stopping.set()
    throttles = open_throttles(None, stopping=stopping)
    throttle = throttles.open("a", {"default": [Rate(limit=1, period=timedelta(minutes=1))]})
    throttle.take()

    with pytest.raises(Stopped):
        throttle.take()


@pytest.mark.parametrize(
    "rates",
    [
        {"default": [Rate(limit=0, period=timedelta(seconds=1))]},
        {"default": [Rate(limit=1, period=timedelta(0))]},
        {"a": [DAILY], "b": [Rate(limit=9, period=timedelta(days=1), aligned=True, name="day")]},
    ],
)
def test_rates_that_make_no_sense_are_refused(rates: dict[str, list[Rate]]) -> None:
    throttles = open_throttles(None, stopping=threading.Event())

    with pytest.raises(ConfigError):
        throttles.open("a", rates)


def test_an_undeclared_class_is_refused() -> None:
    throttle = open_throttles(None, stopping=threading.Event()).open("a", {"default": []})
    assert throttle.take() == 0

    with pytest.raises(ConfigError, match="no rate is declared for requests of class 'serach'"):
        throttle.take("serach")


def test_a_redis_url_that_is_none_is_refused_without_repeating_it() -> None:
    with pytest.raises(ConfigError) as caught:
        open_throttles("hunter2@somewhere", stopping=threading.Event())

    assert "hunter2" not in str(caught.value)
