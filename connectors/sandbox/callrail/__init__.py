"""A pretend CallRail: API v3, two accounts, companies in several time zones.

What is uncertain about the real one can be switched: see the attributes of `CallRail`.
"""

from connectors.sandbox.callrail.vendor import CallRail, Limits

__all__ = ["CallRail", "Limits"]
