"""Response masks: `a,b(c,d),e/f` keeps only these members."""

import re
from typing import Any, cast

from connectors.sandbox.gsheet.errors import refused

TOKEN = re.compile(r"[A-Za-z0-9_*]+|[(),/.]")
Mask = dict[str, Any]


def masked(value: Any, text: str) -> Any:
    """What the mask leaves of a value. Raises `Refused` for a mask that names nothing known."""
    tokens = TOKEN.findall(text)
    if "".join(tokens) != re.sub(r"\s", "", text):
        raise refused(400, "Request contains an invalid argument.")
    mask = _parsed(tokens)
    return _kept(value, mask)


def _parsed(tokens: list[str]) -> Mask:
    mask: Mask = {}
    while tokens and tokens[0] != ")":
        name = tokens.pop(0)
        if name == ",":
            continue
        inner: Mask = {}
        if tokens and tokens[0] == "(":
            tokens.pop(0)
            inner = _parsed(tokens)
            if not tokens:
                raise refused(400, "Request contains an invalid argument.")
            tokens.pop(0)
        elif tokens and tokens[0] in "/.":
            tokens.pop(0)
            inner = _parsed([tokens.pop(0)])
        mask[name] = {**mask.get(name, {}), **inner}
    return mask


def _kept(value: Any, mask: Mask) -> Any:
    if not mask or "*" in mask:
        return value
    if isinstance(value, list):
        return [_kept(item, mask) for item in cast("list[Any]", value)]
    return {name: _kept(value[name], inner) for name, inner in mask.items() if name in value}
