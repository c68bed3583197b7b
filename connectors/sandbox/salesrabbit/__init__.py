"""A pretend SalesRabbit: leads, their status histories, the knock log, users, statuses.

What is uncertain about the real one can be switched: see the attributes of `SalesRabbit`.
"""

from connectors.sandbox.salesrabbit.vendor import SalesRabbit

__all__ = ["SalesRabbit"]
