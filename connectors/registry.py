"""Every source we can sync. To add one, write its module and list it here."""

from __future__ import annotations

from collections.abc import Mapping

from connectors.model import Source
from connectors.sources import (
    arrivy,
    callrail,
    five9,
    genius,
    gsheet,
    hubspot,
    leadconduit,
    salespro,
    salesrabbit,
)

SOURCES: Mapping[str, Source] = {
    source.name: source
    for source in (
        hubspot.SOURCE,
        arrivy.SOURCE,
        five9.SOURCE,
        genius.SOURCE,
        callrail.SOURCE,
        leadconduit.SOURCE,
        gsheet.SOURCE,
        salespro.SOURCE,
        salesrabbit.SOURCE,
    )
}
