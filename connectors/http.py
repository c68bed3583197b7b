"""One HTTP client for every vendor: throttle, send, sort what comes back.

It stays on one origin, reads a bounded number of bytes in a bounded time, asks again
where that can help and raises the `SyncError` that says who must act. Query values,
headers and bodies never reach a log line or a message.
"""

from __future__ import annotations

import logging
import os
import re
import ssl
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import lru_cache
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt

from connectors import secrets
from connectors.answers import Answer
from connectors.bodies import read_body
from connectors.context import Context
from connectors.errors import ConfigError, ContractError, Stopped, SyncError, TransientError
from connectors.paging import same_origin
from connectors.retries import Again, Backoff
from connectors.throttle import Throttle
from connectors.verdicts import UNAUTHORIZED, again, check_body, judge

__all__ = ["Answer", "ApiClient"]

log = logging.getLogger(__name__)
logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs whole URLs at INFO

MAX_BYTES = 64 * 2**20  # decompressed; the largest honest page seen is a few megabytes
MAX_REDIRECTS = 3
REDIRECTS = frozenset({301, 302, 303, 307, 308})
KEEPS_METHOD = frozenset({307, 308})
WITH_BODY = frozenset({200, 201, 202, 203, 206, 207})
USER_AGENT = "crm-sync"

Params = Mapping[str, Any] | Sequence[tuple[str, Any]]
Classify = Callable[[Answer], SyncError | None]
Reauthorize = Callable[[], Mapping[str, str]]


class ApiClient:
    """An API behind one base URL, asked by one thread.

    `headers` may hold credentials. `reauthorize` is called once when an answer is 401
    and gives the headers to replace. `classify` reads a complete answer the vendor's way:
    it returns an error to raise (a `TransientError` is tried again), or None for the
    default rules. `deny` lists patterns of paths that must never be asked for.
    `timeout` bounds, in seconds, each wait for the network; `deadline` a whole answer;
    `max_wait` a single wait between attempts, beyond which the error is raised at once.
    `first_backoff` (seconds) and `sleep` (returns True to stop) are there for tests.
    """

    def __init__(
        self,
        base_url: str,
        *,
        context: Context,
        throttle: Throttle,
        headers: Mapping[str, str] | None = None,
        reauthorize: Reauthorize | None = None,
        classify: Classify | None = None,
        deny: Sequence[str] = (),
        timeout: float = 60.0,
        deadline: float = 300.0,
        max_bytes: int = MAX_BYTES,
        max_attempts: int = 6,
        max_wait: float = 120.0,
        first_backoff: float = 1.0,
        sleep: Callable[[float], bool] | None = None,
    ) -> None:
        self._base = base_url.rstrip("/")
        if not re.fullmatch(r"https?://[^/@?#\s]+(/[^?#\s]*)?", self._base):
            raise ConfigError("a base URL must start with http:// or https:// and name a host only")
        self._context = context
        self._throttle = throttle
        self._reauthorize = reauthorize
        self._classify = classify
        self._deny = [re.compile(pattern, re.IGNORECASE) for pattern in deny]
        self._deadline, self._max_bytes, self._max_wait = deadline, max_bytes, max_wait
        self._sleep = sleep or context.stopping.wait
        secrets.register_headers(headers or {})
        self._http = httpx.Client(
            headers={
                "User-Agent": USER_AGENT,
                "Accept": "application/json",
                "Accept-Encoding": "gzip",  # the one coding that `_inflate` bounds
                **(headers or {}),
            },
            timeout=httpx.Timeout(timeout, connect=min(timeout, 10.0)),
            follow_redirects=False,
            verify=_trust(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")),
        )
        self._retrying = Retrying(
            retry=retry_if_exception_type(Again),
            stop=stop_after_attempt(max_attempts),
            wait=Backoff(first_backoff),
            sleep=lambda _seconds: None,  # `_before_retry` waits, it knows why
            before_sleep=self._before_retry,
            reraise=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._http.close()

    def get(
        self,
        path: str,
        params: Params | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        cost_class: str = "default",
        accept: Collection[int] = (200,),
        shape: Any = Any,
    ) -> Answer:
        """GET `path` (below the base URL, or an absolute URL on its origin).

        The body of a 2xx is decoded as `shape` before this returns, so that a body cut short
        is asked for again; None: the body is not JSON, leave it. `answer.json()` and
        `answer.decode(shape)` then cost nothing.
        """
        request = self._request("GET", path, params=params, headers=headers)
        return self._ask(request, cost_class, accept, shape)

    def post(
        self,
        path: str,
        *,
        json: Any = None,
        content: bytes | None = None,
        form: Mapping[str, str] | None = None,
        params: Params | None = None,
        headers: Mapping[str, str] | None = None,
        cost_class: str = "default",
        accept: Collection[int] = (200,),
        shape: Any = Any,
    ) -> Answer:
        """POST a question (a search, a batch read): safe to repeat, so it is retried like GET."""
        request = self._request(
            "POST", path, params=params, headers=headers, json=json, content=content, data=form
        )
        return self._ask(request, cost_class, accept, shape)

    def _request(self, method: str, path: str, **parts: Any) -> httpx.Request:
        url = same_origin(self._base, path) if "://" in path else f"{self._base}/{path.lstrip('/')}"
        parts["params"] = parts["params"] or None  # {} would drop the query of a next-page link
        request = self._http.build_request(method, url, **parts)
        self._refuse_denied(request)
        return request

    def _refuse_denied(self, request: httpx.Request) -> None:
        path = unquote(request.url.path)  # twice decoded: `%2575` must not slip through
        if any(pattern.search(path) for pattern in self._deny):
            raise ConfigError(f"{request.method} {path}: this endpoint must never be called")

    def _ask(
        self, request: httpx.Request, cost_class: str, accept: Collection[int], shape: Any
    ) -> Answer:
        try:
            return self._retrying(self._attempt, request, cost_class, accept, shape)
        except Again as last:
            raise last.error from last.__cause__

    def _before_retry(self, state: RetryCallState) -> None:
        """Wait, watching the stop signal, or give up at once when the wait is too long."""
        seconds = state.upcoming_sleep
        failure = state.outcome.exception() if state.outcome else None
        if not isinstance(failure, Again):
            return
        if failure.throttled:  # every worker of this account waits with us, or gives up with us
            self._throttle.pause(seconds, state.args[1])
        if seconds > self._max_wait:
            raise failure.error from failure.__cause__
        log.debug("%s; asking again in %.1f s", failure, seconds)
        if failure.throttled or failure.wait is not None:
            self._context.meter.throttled_seconds += seconds
        self._context.meter.retries += 1
        if self._sleep(seconds):
            raise Stopped(f"{failure}: the run was asked to stop while it waited")

    def _attempt(
        self, request: httpx.Request, cost_class: str, accept: Collection[int], shape: Any
    ) -> Answer:
        answer = self._follow(request, cost_class)
        if answer.status == UNAUTHORIZED and self._reauthorize is not None:
            fresh = self._reauthorize()
            secrets.register_headers(fresh)
            self._http.headers.update(fresh)
            request.headers.update(fresh)
            answer = self._follow(request, cost_class)
        self._sort(answer, accept)
        if shape is not None and answer.status in WITH_BODY:
            check_body(answer, shape)
        return answer

    def _sort(self, answer: Answer, accept: Collection[int]) -> None:
        """Let the source read the answer first, then apply the default rules."""
        now = self._context.clock()
        try:
            error = self._classify(answer) if self._classify else None
        except (TransientError, ContractError):  # it could not be read: the status decides
            error = None
        if isinstance(error, TransientError):
            raise again(error, answer, now)
        if error is not None:
            raise error
        judge(answer, accept, now)

    def _follow(self, request: httpx.Request, cost_class: str) -> Answer:
        """Send, following a few redirects on our own origin by hand."""
        for _ in range(MAX_REDIRECTS + 1):
            answer = self._send(request, cost_class)
            location = answer.headers.get("location")
            if answer.status not in REDIRECTS or location is None:
                return answer
            if request.method != "GET" and answer.status not in KEEPS_METHOD:
                break
            request = httpx.Request(
                request.method,
                same_origin(str(request.url), location),
                headers=request.headers,
                content=request.content,
                extensions=request.extensions,  # the timeouts
            )
            self._refuse_denied(request)
        raise ContractError(
            f"{request.method} {request.url.path}: redirected where we do not follow. "
            f"Check the base URL"
        )

    def _send(self, request: httpx.Request, cost_class: str) -> Answer:
        """One request, one answer. Raises `Again` when the network failed."""
        where = f"{request.method} {request.url.path}"
        if self._context.stopping.is_set():
            raise Stopped(f"{where}: the run was asked to stop")
        meter = self._context.meter
        meter.throttled_seconds += self._throttle.take(cost_class)
        meter.requests += 1
        ends_at = time.monotonic() + self._deadline
        try:
            response = self._http.send(request, stream=True)
            try:
                content = read_body(response, where, max_bytes=self._max_bytes, ends_at=ends_at)
            finally:
                response.close()
        except httpx.TransportError as error:
            raise self._network_failure(where, error) from error
        except TransientError as error:
            raise Again(error) from error
        log.debug("%s: %d, %d bytes", where, response.status_code, len(content))
        return Answer(
            where=where,
            status=response.status_code,
            headers=response.headers,
            content=content,
        )

    def _network_failure(self, where: str, error: httpx.TransportError) -> Again:
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, ssl.SSLCertVerificationError):  # no retry makes it trusted
                raise ConfigError(
                    f"{where}: the server's TLS certificate is not trusted "
                    f"({cause.verify_message}). Check the base URL"
                ) from error
            cause = cause.__cause__ or cause.__context__
        name = type(error).__name__
        reason = secrets.scrub(str(error)) or "no details"
        return Again(TransientError(f"{where}: {name} ({reason}). Check network and base URL"))


@lru_cache(maxsize=4)
def _trust(_file: str | None, _folder: str | None) -> ssl.SSLContext:
    """Return what decides whom to trust: httpx's rules, which read these two variables.

    One for all clients of a process: reading the authorities takes a tenth of a second.
    """
    return httpx.create_ssl_context()
