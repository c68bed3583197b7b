"""Pretend SalesPro: Amazon Athena's JSON 1.1 protocol over real SQL (DuckDB), and two CSV files.

`tables` has the schema and the made-up rows, `book` the database and its ledger, `queries` what
runs and what it answers, `signing` Amazon's signature, `vendor` the protocol.

Known differences from Athena: the SQL is DuckDB's (for plain SELECTs the same), times of engine and
queue are invented, results live in memory and not in S3, the last `queries.KEPT` of them.
"""

from connectors.sandbox.salespro.vendor import SalesPro

__all__ = ["SalesPro"]
