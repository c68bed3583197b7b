"""The throttle: one set of rules, kept by both budgets alike."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

from connectors.budgets.in_process import ProcessBudget
from connectors.budgets.in_redis import RedisBudget
from connectors.budgets.windows import MOST_HALVINGS, RECOVERY, Learned, Window, windows_by_class
from connectors.errors import RateLimited
from connectors.throttle import Rate
from tests.throttle.counted import SECOND, SECOND_RATE, FakeClock, Open, most_in, taken

DAILY = Rate(limit=1000, period=timedelta(days=1), aligned=True, name="day")


def test_no_stretch_of_a_period_holds_more_than_the_limit(
    open_throttle: Open, clock: FakeClock
) -> None:
    throttle = open_throttle({"default": [SECOND_RATE]})

    times = taken(throttle, clock, 41)

    assert most_in(SECOND, times) == 4
    assert (times[-1] - times[0]) / SECOND < 11  # 10 periods and their margins


def test_all_windows_of_a_class_are_kept_at_once(open_throttle: Open, clock: FakeClock) -> None:
    throttle = open_throttle(
        {"default": [SECOND_RATE, Rate(limit=10, period=timedelta(minutes=1))]}
    )

    times = taken(throttle, clock, 25)

    assert most_in(SECOND, times) == 4
    assert most_in(60 * SECOND, times) == 10


def test_a_refused_take_is_counted_in_no_window(open_throttle: Open, clock: FakeClock) -> None:
    minute = Rate(limit=5, period=timedelta(minutes=1), name="shared")
    throttle = open_throttle(
        {"default": [minute], "search": [Rate(limit=1, period=timedelta(seconds=9)), minute]},
        max_wait=0,
    )
    throttle.take("search")
    for _ in range(20):
        with pytest.raises(RateLimited):
            throttle.take("search")

    for _ in range(4):
        throttle.take()  # the four that the shared window still has

    with pytest.raises(RateLimited):
        throttle.take()


def test_an_aligned_window_starts_again_with_the_calendar(
    open_throttle: Open, clock: FakeClock
) -> None:
    """A portal at UTC-5 counts per local day: its day starts at 05:00 UTC."""
    per_day = Rate(limit=2, period=timedelta(days=1), aligned=True, offset=timedelta(hours=5))
    throttle = open_throttle({"default": [per_day]})
    throttle.take()
    throttle.take()

    with pytest.raises(RateLimited) as caught:
        throttle.take()

    assert caught.value.resume_at == datetime(2026, 3, 5, 5, 0, tzinfo=UTC)
    clock.sleep(17 * 3600)
    assert throttle.take() == 0


def test_a_wait_over_the_bound_ends_at_once_and_says_when(
    open_throttle: Open, clock: FakeClock
) -> None:
    """Case 35 of the fault list, from our own side: a quota is not slept for."""
    throttle = open_throttle({"default": [Rate(limit=1, period=timedelta(hours=1))]})
    throttle.take()

    with pytest.raises(RateLimited, match="'default' requests is used up until 2026-03-04 13:00"):
        throttle.take()

    assert clock.slept == []


def test_a_pause_holds_everybody_back(open_throttle: Open, clock: FakeClock) -> None:
    first = open_throttle({"default": [SECOND_RATE]})
    first.pause(7)

    waited = first.take()

    assert waited == pytest.approx(7)


def test_a_burst_of_429s_lowers_the_rate_once(open_throttle: Open, clock: FakeClock) -> None:
    """Case 37 of the fault list: eight readers hear of one storm."""
    throttle = open_throttle({"default": [Rate(limit=8, period=timedelta(seconds=1))]})
    for _ in range(8):
        throttle.pause(1)

    times = taken(throttle, clock, 30)

    assert most_in(SECOND, times) == 4


def test_a_lowered_rate_recovers(open_throttle: Open, clock: FakeClock) -> None:
    throttle = open_throttle({"default": [Rate(limit=8, period=timedelta(seconds=1))]})
    for _ in range(5):  # five bursts, far enough apart
        throttle.pause(1)
        clock.sleep(10)
    assert most_in(SECOND, taken(throttle, clock, 5)) == 1  # an eighth, and no less

    clock.sleep(MOST_HALVINGS * RECOVERY / SECOND)

    assert most_in(SECOND, taken(throttle, clock, 40)) == 8


def test_a_quota_is_not_halved_by_a_storm(open_throttle: Open, clock: FakeClock) -> None:
    throttle = open_throttle({"default": [Rate(limit=10, period=timedelta(hours=1))]})
    throttle.pause(1)

    assert len(taken(throttle, clock, 10)) == 10


def test_what_others_used_is_learned_from_headers(open_throttle: Open, clock: FakeClock) -> None:
    throttle = open_throttle({"default": [DAILY]}, max_wait=0)
    throttle.take()
    throttle.learn("default", Rate(limit=1000, period=timedelta(days=1), aligned=True), 3)

    for _ in range(3):
        throttle.take()

    with pytest.raises(RateLimited):
        throttle.take()


def test_a_smaller_limit_is_learned_and_a_larger_one_is_not(
    open_throttle: Open, clock: FakeClock
) -> None:
    throttle = open_throttle({"default": [SECOND_RATE]})
    throttle.learn("default", Rate(limit=2, period=timedelta(seconds=1)), 2)
    assert most_in(SECOND, taken(throttle, clock, 9)) == 2

    throttle.learn("default", Rate(limit=50, period=timedelta(seconds=1)), 50)

    assert most_in(SECOND, taken(throttle, clock, 20)) == 4


def test_yesterdays_header_does_not_count_today(open_throttle: Open, clock: FakeClock) -> None:
    throttle = open_throttle({"default": [DAILY]}, max_wait=0)
    throttle.learn("default", Rate(limit=1000, period=timedelta(days=1), aligned=True), 0)
    clock.sleep(86_400)

    assert throttle.take() == 0


def test_a_reserve_is_left_to_other_applications(open_throttle: Open, clock: FakeClock) -> None:
    throttle = open_throttle(
        {"default": [Rate(limit=10, period=timedelta(hours=1), aligned=True), SECOND_RATE]},
        max_wait=30,
        reserve=0.3,
    )

    taken(throttle, clock, 7)

    with pytest.raises(RateLimited):
        throttle.take()


def test_both_budgets_answer_alike(redis_url: str, clock: FakeClock) -> None:
    """Two thousand seeded steps: the script and the Python never differ by a microsecond."""
    chance = random.Random(11)
    budgets = (
        ProcessBudget(reserve=0.1, clock=clock),
        RedisBudget(redis_url, reserve=0.1, clock=clock),
    )
    day = Rate(limit=60, period=timedelta(hours=1), aligned=True, offset=timedelta(minutes=7))
    rates = {
        "default": [SECOND_RATE, Rate(limit=20, period=timedelta(seconds=10)), day],
        "search": [Rate(limit=3, period=timedelta(milliseconds=700), name="s")],
    }
    classes = windows_by_class(rates)

    def learned(window: Window) -> Learned:
        at = clock.now - chance.randrange(2 * SECOND)
        return Learned(
            window=window,
            limit=chance.randrange(1, window.limit + 3),
            used=chance.randrange(window.limit),
            at=at,
        )

    for step in range(2000):
        name = chance.choice(list(classes))
        if chance.random() < 0.03:
            pause = chance.randrange(3 * SECOND)
            for budget in budgets:
                budget.pause("a", name, pause)
        facts = [learned(chance.choice(classes[name]))] if chance.random() < 0.05 else []
        waits = [budget.attempt("a", name, classes[name], facts) for budget in budgets]

        assert waits[0] == waits[1], f"step {step}"
        jumps = [0, 1, 777, 100_000, waits[0], waits[0], 600 * SECOND * (chance.random() < 0.05)]
        clock.now += round(chance.choice(jumps))
