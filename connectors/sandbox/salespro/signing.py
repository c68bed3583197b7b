"""Amazon's signature, version 4: whether a request was signed with a known key's secret."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from connectors.sandbox.messages import Request

ALGORITHM = "AWS4-HMAC-SHA256"
HEADER = re.compile(
    ALGORITHM + r" Credential=(?P<key>[^/]+)/(?P<scope>[^,]+), ?"
    r"SignedHeaders=(?P<names>[^,]+), ?Signature=(?P<signature>[0-9a-f]{64})"
)


@dataclass(frozen=True, slots=True)
class Wrong:
    """Why a request is not believed: the error's name and Amazon's sentence."""

    code: str
    message: str


def refused(request: Request, secrets: Mapping[str, str]) -> Wrong | None:
    """What is wrong with a request's signature; `secrets` by access key id."""
    found = HEADER.fullmatch(request.headers.get("authorization", ""))
    if found is None:
        return Wrong("MissingAuthenticationTokenException", "Missing Authentication Token")
    if found["key"] not in secrets:
        return Wrong(
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
        )
    expected = _signature(request, found["scope"], found["names"], secrets[found["key"]])
    if not hmac.compare_digest(expected, found["signature"]):
        return Wrong(
            "InvalidSignatureException",
            "The request signature we calculated does not match the signature you provided."
            " Check your AWS Secret Access Key and signing method.",
        )
    return None


def _signature(request: Request, scope: str, names: str, secret: str) -> str:
    path, _, query = request.target.partition("?")
    canonical = "\n".join(
        [
            request.method,
            quote(path, safe="/-_.~%"),
            query,
            *(f"{name}:{request.headers.get(name, '')}" for name in names.split(";")),
            "",
            names,
            hashlib.sha256(request.body).hexdigest(),
        ]
    )
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = "\n".join([ALGORITHM, request.headers.get("x-amz-date", ""), scope, digest])
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.new(key, text.encode(), "sha256").hexdigest()
