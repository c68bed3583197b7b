"""`.env.example` and the settings classes name the same variables."""

from __future__ import annotations

from connectors.registry import SOURCES
from connectors.settings import CoreSettings, variables
from flows.settings import FlowSettings, NotifySettings
from tests.conftest import setting_names


def test_the_example_names_every_setting_and_no_other() -> None:
    known = {*variables(CoreSettings), *variables(FlowSettings), *variables(NotifySettings)}
    for source in SOURCES.values():
        known |= {*variables(source.settings), f"ENABLE_{source.name.upper()}"}

    assert set(setting_names()) == known


def test_every_setting_is_described() -> None:
    shared = (CoreSettings, FlowSettings, NotifySettings)
    for settings in (*shared, *(source.settings for source in SOURCES.values())):
        for name, field in variables(settings).items():
            assert field.description, name
