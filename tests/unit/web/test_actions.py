from __future__ import annotations

from typing import Any

import pytest

from nova_clone.web.actions import Action, ActionDispatcher
from nova_clone.web.versions import between

from .conftest import Client, poke


def act(client: Client, body: Any, version: str) -> Any:
    return client.ask("POST", "/v2.1/things/7/action", version=version, json=body)


@pytest.mark.parametrize(
    ("body", "version", "value"),
    [
        ({"poke": None}, "2.1", None),
        ({"poke": [1]}, "2.10", [1]),
        ({"poke": {"how": "hard"}}, "2.11", {"how": "hard"}),
        ({"late": {}}, "2.50", {}),
    ],
)
def test_the_action_gets_its_value(client: Client, body: Any, version: str, value: Any) -> None:
    result = act(client, body, version)
    assert result.status_code == 202
    assert result.json == {"poked": "7", "value": value}


@pytest.mark.parametrize(
    ("body", "version", "status"),
    [
        ({"poke": None}, "2.11", 400),
        ({"poke": {"how": 1}}, "2.11", 400),
        ({"late": {}}, "2.49", 404),
        ({"unheard": {}}, "2.1", 400),
        ({"poke": {}, "late": {}}, "2.50", 400),
        ({}, "2.1", 400),
        ([], "2.1", 400),
        (None, "2.1", 400),
        ("poke", "2.1", 400),
        ({"x" * 10_000: {}}, "2.1", 400),
    ],
)
def test_anything_else_is_refused(client: Client, body: Any, version: str, status: int) -> None:
    result = act(client, body, version)
    assert result.status_code == status
    assert len(result.text) < 700


def test_spans_of_one_name_may_not_overlap() -> None:
    with pytest.raises(ValueError, match="poke"):
        ActionDispatcher(
            Action(name="poke", handler=poke, until="2.5"),
            Action(name="poke", handler=poke, since="2.5"),
        )


def test_the_spans_of_all_actions_are_known() -> None:
    dispatcher = ActionDispatcher(Action(name="a", handler=poke, since="2.6"))
    assert dispatcher.spans == {"a": (between("2.6"),)}
