"""No secret leaves the process in text, however it is spelled."""

from __future__ import annotations

import base64
import json
import logging
from urllib.parse import quote, quote_plus

import pytest
from pydantic import BaseModel, SecretStr

from connectors import secrets

SECRET = "p4ss w/o+rd=ü?>~&%"


@pytest.fixture(autouse=True)
def known() -> None:
    secrets.register(SECRET)


@pytest.mark.parametrize(
    "spelled",
    [
        SECRET,
        quote(SECRET, safe=""),
        quote_plus(SECRET),
        quote(SECRET, safe="").lower(),
        base64.b64encode(SECRET.encode()).decode(),
        base64.urlsafe_b64encode(SECRET.encode()).decode(),
        json.dumps(SECRET),
        repr(SECRET),
    ],
    ids=["plain", "percent", "form", "lower", "base64", "urlsafe", "json", "repr"],
)
def test_every_spelling_is_scrubbed(spelled: str) -> None:
    assert secrets.scrub(f"before {spelled} after").translate({34: "", 39: ""}) == (
        "before *** after"
    )


@pytest.mark.parametrize("user", ["", "a", "bo", "eve", "mary"])
def test_a_secret_inside_basic_authentication_is_scrubbed(user: str) -> None:
    """Base64 spells it in three ways, by where in the text it starts."""
    coded = base64.b64encode(f"{user}:{SECRET}:tail".encode()).decode()

    scrubbed = secrets.scrub(f"Basic {coded}")

    left = len(scrubbed.removeprefix("Basic ").replace("***", ""))
    assert "***" in scrubbed
    assert left <= len(coded) - len(SECRET.encode()) * 4 // 3 + 3


def test_short_values_are_not_secrets() -> None:
    secrets.register("yes")
    secrets.register("")

    assert secrets.scrub("yes") == "yes"


def test_the_longer_of_two_secrets_goes_first() -> None:
    secrets.register("abcdefg")
    secrets.register("abcdefg-hijk")

    assert secrets.scrub("abcdefg-hijk") == "***"


class Settings(BaseModel):
    token: SecretStr = SecretStr("tok-1234567")
    optional: SecretStr | None = None
    warehouse_url: SecretStr = SecretStr("postgresql+psycopg://loader:s3cr%2Ft-pw@db:5432/crm")
    account: SecretStr = SecretStr(
        json.dumps({"type": "service_account", "private_key": "-----BEGIN\nMIIabc\n-----END"})
    )
    plain: str = "not-a-secret"


def test_settings_register_what_is_secret_and_only_that() -> None:
    secrets.register_settings(Settings())

    text = (
        "tok-1234567 postgresql+psycopg://loader:s3cr%2Ft-pw@db:5432/crm s3cr/t-pw "
        "service_account -----BEGIN\\nMIIabc\\n-----END not-a-secret"
    )
    assert secrets.scrub(text) == (
        "*** postgresql+psycopg://loader:***@db:5432/crm *** service_account *** not-a-secret"
    )


def test_headers_register_their_credential_without_its_scheme() -> None:
    secrets.register_headers({"Authorization": "Bearer tok-999999", "Accept": "application/json"})

    assert secrets.scrub("tok-999999 application/json") == "*** application/json"


def logged(caplog: pytest.LogCaptureFixture) -> str:
    formatter = logging.Formatter("%(message)s")
    return "\n".join(formatter.format(record) for record in caplog.records)


def test_a_log_record_is_scrubbed_whole(caplog: pytest.LogCaptureFixture) -> None:
    """Case 91 of the fault list: message, arguments, exception with its cause, stack."""
    caplog.handler.addFilter(secrets.SecretFilter())
    log = logging.getLogger("test_secrets")

    log.warning("said %s and %d", SECRET, 7)
    log.warning(f"said {SECRET}")  # noqa: G004 - somebody else's habit
    try:
        try:
            int(SECRET)
        except ValueError as error:
            raise RuntimeError("outer") from error
    except RuntimeError:
        log.warning("failed", exc_info=True, stack_info=True)

    assert SECRET not in logged(caplog)
    assert logged(caplog).startswith("said *** and 7\nsaid ***\nfailed\n")
    assert "RuntimeError: outer" in logged(caplog)


def test_arguments_that_do_not_fit_are_scrubbed_too() -> None:
    record = logging.LogRecord("x", logging.INFO, "x.py", 1, "%d items", (SECRET,), None)

    assert secrets.SecretFilter().filter(record)
    assert SECRET not in logging.Formatter().format(record)


def test_an_innocent_record_is_left_as_it_is() -> None:
    record = logging.LogRecord("x", logging.INFO, "x.py", 1, "%d items", (3,), None)

    assert secrets.SecretFilter().filter(record)
    assert (record.msg, record.args) == ("%d items", (3,))
