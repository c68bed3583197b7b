"""Pretend Google: token endpoint, Sheets v4 and Drive v3, with the oddities of a real sheet."""

from connectors.sandbox.gsheet.files import File, Formula, Tab
from connectors.sandbox.gsheet.vendor import API_KEY, GSheet

__all__ = ["API_KEY", "File", "Formula", "GSheet", "Tab"]
