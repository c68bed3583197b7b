"""A pretend LeadConduit: events of leads that went through flows, and the lists around them.

What is uncertain about the real one can be switched: see the attributes of `LeadConduit`.
"""

from connectors.sandbox.leadconduit.vendor import LeadConduit

__all__ = ["LeadConduit"]
