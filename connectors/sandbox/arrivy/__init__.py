"""A pretend Arrivy: tasks with their history and ratings, and the lists around them.

What is uncertain about the real one can be switched: see the attributes of `Arrivy` and `Lists`.
"""

from connectors.sandbox.arrivy.vendor import Arrivy

__all__ = ["Arrivy"]
