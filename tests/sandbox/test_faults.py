from __future__ import annotations

from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest

from connectors.sandbox import VENDORS, Sandbox
from tests.sandbox.hubspot import NOW


def test_a_rule_acts_on_the_nth_request_and_so_many_times(
    toy: Sandbox, browser: httpx.Client
) -> None:
    toy.fault(path="^/x", method="GET", nth=2, times=2, status=503, body="busy")

    assert [browser.get("/toy/x").status_code for _ in range(4)] == [200, 503, 503, 200]
    assert browser.post("/toy/x").status_code == 200


def test_a_share_of_requests_fails_the_same_way_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Case 37 of the fault list: a storm."""
    monkeypatch.setitem(VENDORS, "toy", "tests.sandbox.toy:Toy")

    def statuses() -> list[int]:
        with Sandbox(only=["toy"]) as storm, httpx.Client(base_url=storm.base_url) as browser:
            storm.fault(share=0.5, times=None, status=429)
            return [browser.get("/toy/").status_code for _ in range(40)]

    first = statuses()
    assert 5 < first.count(429) < 35
    assert statuses() == first


def test_retry_after_comes_in_both_forms(toy: Sandbox, browser: httpx.Client) -> None:
    """Cases 32 to 35 of the fault list."""
    toy.fault(status=429, retry_after=0)
    toy.fault(status=429, retry_after=7, retry_after_form="date")

    assert browser.get("/toy/").headers["Retry-After"] == "0"
    date = parsedate_to_datetime(browser.get("/toy/").headers["Retry-After"])
    assert date == NOW + timedelta(seconds=7)


def test_an_html_page_comes_with_any_status(toy: Sandbox, browser: httpx.Client) -> None:
    """Case 44 of the fault list."""
    toy.fault(html=True)
    toy.fault(html=True, status=502)

    for status in (200, 502):
        answer = browser.get("/toy/")
        assert answer.status_code == status
        assert answer.headers["content-type"] == "text/html"
        assert answer.text.startswith("<html>")


@pytest.mark.parametrize("rule", [{"cut": 0.5}, {"reset": "before"}, {"reset": "headers"}], ids=str)
def test_a_broken_answer_is_a_transport_error_and_the_next_is_whole(
    rule: dict[str, Any], toy: Sandbox, browser: httpx.Client
) -> None:
    """Cases 24 to 26 of the fault list."""
    toy.fault(**rule)

    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        browser.get("/toy/")
    assert browser.get("/toy/").status_code == 200


@pytest.mark.parametrize("rule", [{"stall": 60}, {"drip": 60}, {"latency": 60}], ids=str)
def test_a_silent_vendor_runs_into_the_read_timeout(
    rule: dict[str, Any], toy: Sandbox, browser: httpx.Client
) -> None:
    """Cases 27 and 28 of the fault list."""
    toy.fault(**rule)

    with pytest.raises(httpx.ReadTimeout):
        browser.get("/toy/", timeout=0.1)


def test_a_slow_drip_arrives_whole_in_the_end(toy: Sandbox, browser: httpx.Client) -> None:
    toy.fault(drip=0.0001, body='{"a": 1}')

    assert browser.get("/toy/").json() == {"a": 1}


def test_the_answer_before_is_repeated(toy: Sandbox, browser: httpx.Client) -> None:
    """Case 46 of the fault list."""
    toy.fault(repeat=True, nth=2)

    first, second, third = (browser.get(f"/toy/?page={n}").json()["asked"][2] for n in (1, 2, 3))
    assert first == second == {"page": ["1"]}
    assert third == {"page": ["3"]}


def test_an_answer_is_edited_and_gets_headers(toy: Sandbox, browser: httpx.Client) -> None:
    """Case 48 of the fault list."""
    toy.fault(edit=(r"http://[^/]+", "http://169.254.169.254"), headers={"X-Odd": "yes"})

    answer = browser.get("/toy/")
    assert answer.json()["next"] == "http://169.254.169.254/toy/more"
    assert answer.headers["X-Odd"] == "yes"


def test_a_bomb_is_small_on_the_wire(toy: Sandbox, browser: httpx.Client) -> None:
    """Case 31 of the fault list."""
    toy.fault(bomb=5_000_000)

    answer = browser.get("/toy/")
    assert int(answer.headers["content-length"]) < 50_000
    assert len(answer.content) == 5_000_000


def test_records_change_between_two_requests(toy: Sandbox, browser: httpx.Client) -> None:
    """Case 51 of the fault list."""
    called: list[str] = []
    toy.fault(nth=2, step=True, call=lambda: called.append("now"))

    assert browser.get("/toy/").json()["things"] != browser.get("/toy/").json()["things"]
    assert called == ["now"]


def test_rules_are_set_listed_and_removed_over_http(browser: httpx.Client) -> None:
    browser.post("/__faults", json=[{"status": 418, "contains": "tea"}])
    assert browser.get("/toy/").status_code == 200
    assert browser.get("/toy/?drink=tea").status_code == 418

    [report] = browser.get("/__faults").json()
    assert report == {"rule": {"status": 418, "contains": "tea"}, "matched": 1, "acted": 1}
    assert browser.delete("/__faults").json() == []
    refused = browser.post("/__faults", json={"statsu": 500})
    assert refused.status_code == 400
    assert "statsu" in refused.text
