"""Prefect's pages as a person uses them: what they show, and the buttons that matter."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Generator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path

from playwright.sync_api import Page, Route, expect, sync_playwright

from tests import servers

SHOTS = Path(__file__).parents[2] / "build" / "screenshots"
PATIENCE = 120_000  # milliseconds for anything to appear on a busy machine
PRESSES = 5
SCREEN = {"width": 1400, "height": 1000}


class Pages:
    """One tab of a browser on the pages that a Prefect server serves."""

    def __init__(self, tab: Page, address: str) -> None:
        self._tab = tab
        self._address = address

    def deployments(self) -> str:
        """Open the list of deployments; return its text."""
        self._list()
        return self._shoot("deployments")

    def run_form(self, deployment: str) -> dict[str, str]:
        """Go from the list to the form of a custom run; return its parameters' descriptions."""
        self._open(deployment)
        self._press("Custom run")
        expect(self._tab.get_by_role("button", name="Submit")).to_be_visible()
        expect(self._tab.get_by_label("dry_run")).to_be_visible()
        lines = [line for line in self._shoot("run-form").splitlines() if line.strip()]
        pairs = itertools.pairwise(lines)
        return {name.removesuffix(" (Optional)"): said for name, said in pairs}

    def submit(self, name: str, **fields: str) -> None:
        """Fill in the form, start the run, go to its page."""
        self._tab.get_by_label("Run Name").fill(name)
        for field, value in fields.items():
            self._tab.get_by_label(field).fill(value)
        self._start(lambda: self._tab.get_by_role("button", name="Submit").click())

    def quick_run(self, deployment: str) -> None:
        """Go from the list to a deployment, start a quick run, go to its page."""
        self._list()
        self._open(deployment)
        self._start(lambda: self._press("Quick run"))

    def completed(self, shot: str) -> str:
        """Wait until the run on this page is shown as Completed; return the page's text."""
        expect(self._tab.get_by_text("Completed", exact=True).first).to_be_visible()
        return self._shoot(shot)

    def artifact(self, key: str) -> str:
        """Go from a run's page to an artifact of it; return what it shows."""
        self._tab.get_by_role("tab", name="Artifacts").click()
        self._tab.get_by_role("link").filter(has_text=key).first.click()
        self._tab.wait_for_url("**/artifacts/key/**")
        self._tab.locator("a[href*='/artifacts/artifact/']").first.click()
        self._tab.wait_for_url("**/artifacts/artifact/**")
        expect(self._tab.get_by_role("heading", level=1).first).to_be_visible()
        return self._shoot(key)

    def _list(self) -> None:
        self._tab.goto(f"{self._address}/v2/deployments?limit=100", wait_until="commit")
        expect(self._tab.get_by_role("row").nth(2)).to_be_visible()

    def _open(self, deployment: str) -> None:
        self._tab.get_by_role("link", name=deployment, exact=True).first.click()
        self._tab.wait_for_url("**/deployments/deployment/**")

    def _press(self, kind: str) -> None:
        self._tab.get_by_role("button", name="Run", exact=True).click()
        self._tab.get_by_role("menuitem", name=kind).click()

    def _start(self, press: Callable[[], None]) -> None:
        """Start a run, go to its page by the link that then appears.

        A server on SQLite answers 503 when its database is locked for long: press again.
        """
        for _ in range(PRESSES):
            with self._tab.expect_response("**/create_flow_run") as answered:
                press()
            answer = answered.value
            if answer.status != HTTPStatus.SERVICE_UNAVAILABLE:
                assert answer.ok, f"the server refused the run: {answer.status}"
                return self._visit(answer.json()["id"])
        raise AssertionError(f"the server refused the run {PRESSES} times: its database is locked")

    def _visit(self, run: str) -> None:
        self._tab.locator(f"a[href$='/runs/flow-run/{run}']").first.click()
        self._tab.wait_for_url(f"**/runs/flow-run/{run}*")

    def _shoot(self, name: str) -> str:
        SHOTS.mkdir(parents=True, exist_ok=True)
        self._tab.screenshot(path=SHOTS / f"{name}.png", full_page=True)
        return self._tab.inner_text("body")


@contextmanager
def browser() -> Generator[Page]:
    """Open a tab of Debian's chromium that reaches this machine only.

    Prefect's pages ask a service outside for their settings and go on without an answer.
    Raises `UnavailableError` where chromium is not installed.
    """
    chromium = shutil.which("chromium")
    if chromium is None:
        message = "no chromium on PATH: apt-get install chromium"
        raise servers.UnavailableError(message)
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=chromium,
            args=["--no-sandbox", "--disable-gpu"],  # root has no sandbox, CI no display
        )
        tab = opened.new_page(viewport=SCREEN)  # pyright: ignore[reportArgumentType] - a TypedDict
        tab.set_default_timeout(PATIENCE)
        expect.set_options(timeout=PATIENCE)
        tab.route(lambda url: not url.startswith("http://127.0.0.1"), _nothing)
        try:
            yield tab
        except BaseException:
            tab.screenshot(path=SHOTS / "last-before-a-failure.png")
            raise
        finally:
            opened.close()


def _nothing(route: Route) -> None:
    route.fulfill(status=200, body="{}")
