"""What there is at Five9, contacts made on the fly and everything else kept."""

from collections.abc import Callable, Iterator

from connectors.sandbox.five9.catalog import STREAMS
from connectors.sandbox.five9.contacts import Contacts
from connectors.sandbox.ledger import Entry, Ledger


class Truth(Ledger):
    """The ledger of a domain: `contacts` by record id, reports by their keys."""

    def __init__(self, contacts: Contacts, fields: Callable[[], list[str]]) -> None:
        super().__init__(*STREAMS)
        self._contacts = contacts
        self._fields = fields

    def streams(self) -> list[str]:
        """Names of the streams."""
        return ["contacts", *super().streams()]

    def entries(self, stream: str) -> Iterator[Entry]:
        """All entries of a stream. Raises `KeyError` for an unknown one."""
        if stream == "contacts":
            return self._contacts.entries(self._fields(), record_id)
        return super().entries(stream)


def record_id(number: int) -> str:
    """The internal id of a contact."""
    return str(70_000_000 + number)
