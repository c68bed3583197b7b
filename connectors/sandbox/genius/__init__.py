"""Pretend Genius: its tables with rows that look like the real ones.

For the demo they lie in a SQLite file; tests pour the same rows into a MariaDB server
(`statements`, `Rows`, `insert` with `mark="%s"`).
"""

from connectors.sandbox.genius.rows import Rows
from connectors.sandbox.genius.schema import statements, tables
from connectors.sandbox.genius.vendor import STREAMS, Genius, insert

__all__ = ["STREAMS", "Genius", "Rows", "insert", "statements", "tables"]
