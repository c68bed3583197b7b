"""Reading SOAP answers: no DTD, no entities, and every element kept.

We read the answers ourselves and leave only the questions to zeep. It would hand us None for
`<return/>` and for `<data></data>`, and refuse elements that our WSDL does not name (the vendor
adds some).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from connectors.answers import Answer
from connectors.errors import ContractError, TransientError

etree: Any = import_module("lxml.etree")  # ships no types

ENVELOPE = "{http://schemas.xmlsoap.org/soap/envelope/}"
PROLOG = re.compile(rb"(?:\xef\xbb\xbf)?(?:\s+|<\?.*?\?>|<!--.*?-->)*", re.DOTALL)
DECLARED = re.compile(rb"(?:\xef\xbb\xbf)?\s*<\?xml[^>]*?encoding\s*=\s*[\"']([\w.-]+)")
READABLE = frozenset({b"utf-8", b"us-ascii", b"ascii", b"iso-8859-1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SoapFault:
    """A fault: `name` is the element of its detail (`ServerFault`), `members` its children."""

    name: str
    text: str
    members: dict[str, str]


def parse(answer: Answer) -> Any:
    """Return the element inside the SOAP body.

    Raises `ContractError` for a DTD or an encoding that could hide one, `TransientError` for
    what is not (all of) a SOAP envelope.
    """
    where = f"{answer.where}: {answer.status}"
    content = answer.content
    declared = DECLARED.match(content)
    if declared and declared[1].lower() not in READABLE:
        raise ContractError(f"{where}, an XML encoding we do not read")
    prolog = PROLOG.match(content)
    if prolog and content[prolog.end() :].startswith(b"<!"):  # before a tree is built
        raise ContractError(f"{where}, a document type declaration (DTD): refused")
    try:
        root = etree.fromstring(content, _parser())
    except (etree.XMLSyntaxError, ValueError):  # its text quotes the document
        raise TransientError(
            f"{where}, {len(content)} bytes that are not a SOAP answer (cut short, or a web page?)"
        ) from None
    if root.getroottree().docinfo.doctype:
        raise ContractError(f"{where}, a document type declaration (DTD): refused")
    body = root.find(f"{ENVELOPE}Body")
    if root.tag != f"{ENVELOPE}Envelope" or body is None or not len(body):
        raise TransientError(f"{where}, XML that is not a SOAP answer (a proxy's page?)")
    return body[0]


def fault(element: Any) -> SoapFault | None:
    """Return the fault that `element` of a SOAP body is, if it is one."""
    if element.tag != f"{ENVELOPE}Fault":
        return None
    detail = element.find("detail")
    found = (
        next((child for child in detail if isinstance(child.tag, str)), None)
        if (detail is not None)
        else None
    )
    return SoapFault(
        name="" if found is None else local(found),
        text=element.findtext("faultstring") or "",
        members={} if found is None else {local(child): child.text or "" for child in found},
    )


def local(element: Any) -> str:
    """Return an element's name without its namespace."""
    return str(etree.QName(element).localname)


def value(element: Any, lists: Sequence[str]) -> Any:
    """Return an element's text (None when empty) or, with children, a dict of them.

    Children named in `lists` become lists even when they come once or not at all.
    """
    if not len(element):
        return element.text or None
    members: dict[str, Any] = {}
    for child in element:
        name = local(child)
        each = value(child, lists)
        if name in lists:
            members.setdefault(name, []).append(each)
        elif name in members:  # repeated where we know no list: keep all of it
            before = members[name]
            members[name] = [*before, each] if isinstance(before, list) else [before, each]
        else:
            members[name] = each
    return members


def _parser() -> Any:
    """A report of 50,000 rows is one text above libxml2's usual bound: `max_bytes` is ours."""
    return etree.XMLParser(
        resolve_entities=False, load_dtd=False, no_network=True, huge_tree=True, remove_pis=True
    )
