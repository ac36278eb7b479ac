from __future__ import annotations

import logging

import falcon
import pytest

from nova_clone.domain import errors
from nova_clone.web.call import Call
from nova_clone.web.errors import (
    STATUSES,
    Failure,
    describe,
    nova_fault,
    placement_errors,
)
from nova_clone.web.versions import Version

from .conftest import Client

FAULTS = {
    "Invalid": (400, "badRequest"),
    "Unauthorized": (401, "unauthorized"),
    "Forbidden": (403, "forbidden"),
    "OverQuota": (403, "forbidden"),
    "NotFound": (404, "itemNotFound"),
    "Conflict": (409, "conflictingRequest"),
    "AlreadyExists": (409, "conflictingRequest"),
    "StaleGeneration": (409, "conflictingRequest"),
    "TooLarge": (413, "overLimit"),
    "NotSupported": (501, "notImplemented"),
    "NoValidHost": (400, "badRequest"),
    "TryElsewhere": (409, "conflictingRequest"),
    "Unavailable": (503, "serviceUnavailable"),
    "TimedOut": (503, "serviceUnavailable"),
    "ExternalFailure": (500, "computeFault"),
    "Interrupted": (409, "conflictingRequest"),
    "Obsolete": (409, "conflictingRequest"),
    "NovaError": (500, "computeFault"),
}


def test_every_error_of_the_domain_has_a_status() -> None:
    assert {kind.__name__ for kind in STATUSES} == set(errors.error_classes()) == set(FAULTS)


@pytest.mark.parametrize(("name", "expected"), FAULTS.items())
def test_errors_become_faults(client: Client, name: str, expected: tuple[int, str]) -> None:
    status, fault = expected
    result = client.ask("GET", f"/v2.1/fail/{name}")
    assert result.status_code == status
    assert list(result.json) == [fault]
    assert result.json[fault]["code"] == status
    told = "this is what happened" in result.json[fault]["message"]
    assert told is (status not in (500, 503))
    assert ("Retry-After" in result.headers) is (status == 503)


def test_an_unexpected_exception_is_told_by_its_name_only(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        result = client.ask("GET", "/v2.1/fail/boom")
    request_id = result.headers["x-compute-request-id"]
    assert result.status_code == 500
    assert result.json["computeFault"]["message"] == (
        f"An unexpected error occurred in {request_id}: Boom."
    )
    assert "Traceback" in caplog.text


def test_an_overloaded_answer_says_when_to_come_back() -> None:
    failure = describe(errors.TooLarge("too much", retry_after=7), Call())
    assert nova_fault(failure, Call()) == {
        "overLimit": {"code": 413, "message": "too much", "retryAfter": "7"}
    }
    assert "retryAfter" not in nova_fault(describe(errors.TooLarge(), Call()), Call())["overLimit"]


def test_falcon_errors_keep_their_headers() -> None:
    failure = describe(falcon.HTTPMethodNotAllowed(["GET"]), Call())
    assert failure.status == 405
    assert failure.headers == {"Allow": "GET"}


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.StaleGeneration("changed"), "placement.concurrent_update"),
        (errors.AlreadyExists("there"), "placement.duplicate_name"),
        (errors.Conflict("in use", code="placement.inventory.inuse"), "placement.inventory.inuse"),
        (errors.NotFound("gone"), "placement.undefined_code"),
    ],
)
def test_placement_names_the_reason_from_1_23_on(error: errors.NovaError, code: str) -> None:
    call = Call()
    call.version = Version(1, 22)
    (before,) = placement_errors(describe(error, call), call)["errors"]
    call.version = Version(1, 23)
    (after,) = placement_errors(describe(error, call), call)["errors"]
    assert after == before | {"code": code}
    assert before["detail"] == error.message
    assert before["request_id"] == call.request_id


def test_a_status_nobody_named_still_has_a_title() -> None:
    assert Failure(status=499, message="").title == "Error"
