"""Orchestration: the only package that imports Prefect.

Prefect reads its settings when it is first imported, so what a run without a server
needs is said here, before any module of this package imports it.
"""

import os as _os
from pathlib import Path as _Path

_clone = _Path(__file__).parents[1]
_os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
# A new database takes half a minute on a busy machine; Prefect gives up after 20 s.
_os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "180")
if (
    "PREFECT_API_URL" not in _os.environ
    and (_clone / "prefect.yaml").is_file()
    and not (_Path.home() / ".prefect" / "profiles.toml").is_file()
):  # nobody has configured Prefect: keep its state with the project, not in the user's home
    _os.environ.setdefault("PREFECT_HOME", str(_clone / ".prefect"))
