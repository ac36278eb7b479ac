from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova_clone.domain import errors
from nova_clone.rpc import codec
from nova_clone.rpc.contract import definition
from tests.unit.rpc.sample import CONTEXT, Greet, GreeterContract, Greeting

GREET = definition(GreeterContract).verbs["greet"].codec


@given(name=st.text(), times=st.integers(0, 9), tags=st.dictionaries(st.text(), st.text()))
def test_messages_come_back_as_they_were(name: str, times: int, tags: dict[str, str]) -> None:
    message = Greet(name=name, times=times, tags=tags)

    assert GREET.decode_request(GREET.encode_request(CONTEXT, message)) == (CONTEXT, message)


def test_unknown_fields_are_ignored_and_missing_ones_take_defaults() -> None:
    payload = '{"context":{"request_id":"req-1","later":1},"message":{"name":"x","later":2},"z":3}'

    context, message = GREET.decode_request(payload)

    assert context.request_id == "req-1"
    assert message == Greet(name="x")


@pytest.mark.parametrize(
    "payload", ["", "[]", '{"message":{}}', '{"context":{"request_id":"r"},"message":{"name":1}}']
)
def test_what_breaks_the_contract_is_invalid(payload: str) -> None:
    with pytest.raises(errors.Invalid, match="does not follow the contract"):
        GREET.decode_request(payload)


def test_text_that_cannot_be_encoded_is_invalid() -> None:
    with pytest.raises(errors.Invalid, match="cannot be encoded"):
        GREET.encode_request(CONTEXT, Greet(name="\ud800"))


def test_a_result_comes_back_typed() -> None:
    assert GREET.decode_reply(GREET.encode_result(Greeting(text="t", words=("a",)))) == Greeting(
        text="t", words=("a",)
    )


def test_a_reply_that_breaks_the_contract_is_an_error() -> None:
    with pytest.raises(errors.NovaError, match="reply does not follow"):
        GREET.decode_reply('{"ok":{"text":1}}')


def test_an_error_of_a_newer_peer_takes_the_nearest_known_base() -> None:
    reply = (
        '{"error":{"kind":"LaterConflict","message":"m","details":{"a":1},'
        '"bases":["Conflict","NovaError"]}}'
    )

    with pytest.raises(errors.Conflict, match="m") as caught:
        GREET.decode_reply(reply)
    assert caught.value.details == {"a": 1}


def test_details_that_are_not_plain_become_text() -> None:
    reply = codec.encode_error(errors.Conflict("m", what=object, many=(1, 2)))

    with pytest.raises(errors.Conflict) as caught:
        GREET.decode_reply(reply)
    assert caught.value.details == {"what": "<class 'object'>", "many": [1, 2]}
