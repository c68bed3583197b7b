"""Reading Five9's streams."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from connectors.context import Context
from connectors.model import FieldType, Page, Request, Stream
from connectors.sources.five9 import catalog, streams
from connectors.sources.five9.contacts import Contacts
from connectors.sources.five9.fields import Fields
from connectors.sources.five9.keys import RECORD_ID
from connectors.sources.five9.reports import CALLS, LOGINS, Reports
from connectors.sources.five9.settings import Settings
from connectors.sources.five9.soap import Five9Api

REPORTS = {streams.CALL_LOG.name: CALLS, streams.LOGINS.name: LOGINS}


class Five9:
    """An open connection to a domain."""

    def __init__(self, api: Five9Api, settings: Settings, context: Context) -> None:
        self._api = api
        self._settings = settings
        self._context = context
        self._fields = Fields(api)
        self._reports = Reports(api, settings, context)

    def streams(self) -> Sequence[Stream]:
        """Every stream, with the zones that the settings give."""
        return [self._zoned(stream) for stream in streams.STREAMS]

    def fields(self, stream: Stream) -> Mapping[str, FieldType]:
        """Types of a domain's own contact fields; other streams have declared ones."""
        if stream.name != streams.CONTACTS.name:
            return {}
        own = {} if self._settings.key_fields else {RECORD_ID: FieldType.TEXT}
        return {**self._fields.types, **own}

    def read(self, request: Request) -> Iterator[Page]:
        """Yield a stream page by page."""
        name = request.stream.name
        if name in REPORTS:
            return self._reports.read(REPORTS[name], request)
        if name != streams.CONTACTS.name:
            return catalog.read(self._api, name)
        contacts = Contacts(
            self._api,
            self._settings,
            self._fields,
            self._reports.numbers,
            self._context.clock,
        )
        return contacts.read(request)

    def _zoned(self, stream: Stream) -> Stream:
        if stream.name == streams.CONTACTS.name:
            return replace(stream, zone=self._settings.contact_zone)
        if stream.name in REPORTS:
            return replace(stream, zone=self._settings.report_zone)
        return stream
