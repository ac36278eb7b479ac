from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova_clone.domain.errors import NovaError, error_classes
from nova_clone.workflow.outcome import Failure, Outcome, decode, encode

PLAIN = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text()


@given(
    name=st.sampled_from(sorted(error_classes())),
    message=st.text(min_size=1),
    details=st.dictionaries(st.text(min_size=1), PLAIN, max_size=3),
)
def test_an_error_survives_being_written_down(
    name: str, message: str, details: dict[str, object]
) -> None:
    error = error_classes()[name](message, **details)
    outcome = decode(encode(Outcome.failed(error)), Outcome)
    again = outcome.failure.error()
    assert type(again) is type(error)
    assert (again.message, again.details) == (message, details)


def test_an_error_of_a_newer_release_is_still_an_error() -> None:
    error = Failure(name="Quicksand", message="Sunk.").error()
    assert type(error) is NovaError
    assert error.message == "Sunk."


@pytest.mark.parametrize("output", [None, 3, "text", {"a": [1, 2]}])
def test_an_output_survives_being_written_down(output: object) -> None:
    assert decode(encode(Outcome(output=output)), Outcome) == Outcome(output=output)


def test_details_that_json_cannot_hold_are_written_as_text() -> None:
    failure = Failure.of(NovaError("x", cause=ValueError("deep")))
    assert failure.details == {"cause": "deep"}
